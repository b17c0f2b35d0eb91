"""What `make demo` refuses, and what it tells people and scripts."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devservices import try_lock
from tools import demo
from tools.embedded import StartFailed, free_port

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def listener():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server


def start(*words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "tools.demo", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)


def test_a_taken_port_stops_the_start_before_anything_runs(listener, tmp_path):
    port = listener.getsockname()[1]
    result = start("--data", str(tmp_path / "demo"), "--port", str(port), "--businesses", "10")
    assert result.returncode == 1
    assert f"端口 {port} 已被其他程序占用" in result.stderr
    assert not (tmp_path / "demo/pg").exists()


def test_a_port_that_a_killed_demo_still_holds_is_waited_for(listener):
    port = listener.getsockname()[1]
    started_at = time.monotonic()
    with pytest.raises(StartFailed):
        demo.require_free_port(port, patience=0.5)
    assert time.monotonic() - started_at >= 0.5
    listener.close()
    demo.require_free_port(port, patience=0)


@pytest.mark.parametrize(("port", "businesses"), [("99999", "10"), ("eight", "10"), ("8000", "0"), ("8000", "-5")])
def test_wrong_numbers_are_named(tmp_path, port, businesses):
    result = start("--data", str(tmp_path), "--port", port, "--businesses", businesses)
    assert result.returncode == 2
    assert "而不是" in result.stderr


def test_one_demo_per_data_folder(tmp_path):
    (tmp_path / "demo.json").touch()
    with (tmp_path / "demo.lock").open("a") as lock:
        assert try_lock(lock)
        with pytest.raises(StartFailed, match="已经有一个演示在运行"):
            demo.run(tmp_path, port=8000, businesses=10)
    with demo.only_demo_of(tmp_path):
        pass


def test_a_server_of_ones_own_that_does_not_answer_is_named(tmp_path):
    dead = f"127.0.0.1:{free_port()}"
    addresses = {
        "DATABASE_URL": f"postgres://web:geheim@{dead}/app",
        "DATABASE_OWNER_URL": f"postgres://owner:geheim@{dead}/app",
        "REDIS_URL": f"redis://{dead}/0",
    }
    words = ["--data", str(tmp_path), "--port", str(free_port()), "--businesses", "10"]
    result = subprocess.run(
        [sys.executable, "-m", "tools.demo", *words],
        cwd=ROOT,
        env=os.environ | addresses,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert f"DATABASE_URL 指向的服务器 {dead} 没有应答" in result.stderr
    assert "geheim" not in result.stderr and "Traceback" not in result.stderr


def test_a_database_that_died_ends_the_demo(tmp_path):
    (tmp_path / "postgres.log").write_text("out of memory\n")
    dead = subprocess.Popen(["true"])
    dead.wait()
    with pytest.raises(StartFailed, match="out of memory\n.*postgres 意外结束"):
        demo.serve(tmp_path, free_port(), dict(os.environ), {"postgres": dead}, make=None, started_at=0)


def test_what_serves_never_learns_the_owner():
    environment = {"DATABASE_URL": "web", "DATABASE_OWNER_URL": "owner"}
    assert demo.serving_environment(environment) == {"DATABASE_URL": "web"}


def test_note_for_scripts_has_whole_addresses(tmp_path):
    accounts = [{"persona": "officer", "username": "a", "password": "b", "role": "干事", "level": "3", "unit": "丙"}]
    (tmp_path / "accounts.json").write_text(json.dumps({"accounts": accounts, "public": {"check_in": "/c/1"}}))
    note = demo.note_for_scripts(tmp_path, "http://127.0.0.1:8000")
    assert note == {
        "url": "http://127.0.0.1:8000",
        "accounts": accounts,
        "public": {"check_in": "http://127.0.0.1:8000/c/1"},
    }


def test_accounts_line_up_in_the_terminal():
    heading, _, row = demo.table([{"persona": "officer", "username": "甲乙丙", "password": "x"}]).split("\n")
    assert demo.display_width(heading[: heading.index("密码")]) == demo.display_width(row[: row.index("x")])
