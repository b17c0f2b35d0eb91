"""The launcher of the embedded servers, as a process: start, join, stop, and what a killed run leaves."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import redis

from devservices import write_private
from tools.embedded import EmbeddedPostgres, EmbeddedValkey, is_alive

ROOT = Path(__file__).resolve().parents[2]
SERVER_VARIABLES = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "DATABASE_PUBLIC_URL",
    "REDIS_URL",
    "DATABASE_ROLE",
    "DJANGO_SETTINGS_MODULE",
)
KEY_VARIABLES = ("SECRET_KEY", "FIELD_KEYS", "BLIND_INDEX_KEY", "AUDIT_SEAL_KEY", "RECEIPT_KEY", "MEDIA_ROOT")
BARE = {name: value for name, value in os.environ.items() if name not in SERVER_VARIABLES + KEY_VARIABLES}

ELSEWHERE = {
    "DATABASE_URL": "postgres://web@db.example/app",
    "DATABASE_OWNER_URL": "postgres://owner@db.example/app",
    "REDIS_URL": "redis://cache.example/0",
}
PRINT_ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"
COUNT_VISIT = """
import os, psycopg2
connection = psycopg2.connect(os.environ["DATABASE_OWNER_URL"]); connection.autocommit = True
cursor = connection.cursor()
cursor.execute("CREATE TABLE IF NOT EXISTS visit (); INSERT INTO visit DEFAULT VALUES; SELECT count(*) FROM visit")
print(cursor.fetchone()[0])
"""


@pytest.fixture
def data():
    """A folder that PostgreSQL's own account may enter, which pytest's tmp_path is not when root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="servers-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def command(data: Path, *words: str) -> list[str]:
    return [sys.executable, "devservices.py", "exec", "--data", str(data), "--fast", "--", *words]


def execute(data: Path, *words: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command(data, *words), cwd=ROOT, env=BARE | environment, capture_output=True, text=True, timeout=60
    )


def environment_of(data: Path, **environment: str) -> dict[str, str]:
    return json.loads(execute(data, "python", "-c", PRINT_ENVIRONMENT, **environment).stdout)


def hold(data: Path) -> subprocess.Popen:
    """A run that keeps the servers up until its standard input is closed."""
    process = subprocess.Popen(command(data, "cat"), cwd=ROOT, env=BARE, stdin=subprocess.PIPE)
    wait_for(lambda: (data / "services.json").exists())
    return process


def wait_for(condition, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


def server_pids(data: Path) -> list[int]:
    address = json.loads((data / "services.json").read_text())["REDIS_URL"]
    with redis.Redis.from_url(address) as client:
        valkey = client.info("server")["process_id"]
    return [int((data / "pg/postmaster.pid").read_text().split()[0]), valkey]


def test_a_run_gets_addresses_keys_and_the_projects_programs(data):
    found = environment_of(data)
    assert found["DATABASE_URL"].startswith("postgres://web@127.0.0.1:")
    assert found["DATABASE_OWNER_URL"].startswith("postgres://owner@127.0.0.1:")
    assert found["REDIS_URL"].startswith("redis://127.0.0.1:")
    assert found["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert not (data / "services.json").exists()

    secrets = data / "secrets.json"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    again = environment_of(data)
    assert [again[name] for name in KEY_VARIABLES] == [found[name] for name in KEY_VARIABLES]


def test_exit_code_and_unknown_command(data):
    assert execute(data, "python", "-c", "raise SystemExit(3)", **ELSEWHERE).returncode == 3
    unknown = execute(data, "no-such-command", **ELSEWHERE)
    assert unknown.returncode == 127
    assert "找不到命令" in unknown.stderr


def test_second_run_joins_and_the_first_waits_for_it(data):
    first = hold(data)
    guest = subprocess.Popen(
        command(data, "sh", "-c", 'read line; python -c "$VISIT"'),
        cwd=ROOT,
        env=BARE | {"VISIT": COUNT_VISIT},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    time.sleep(1)
    first.stdin.close()
    time.sleep(1)
    assert first.poll() is None, "the servers stopped under a command that was using them"
    output, _ = guest.communicate(b"go on\n", timeout=20)
    assert output.strip() == b"1"
    assert first.wait(20) == 0


# Under nohup a hang-up is ignored, as it should be; there is nothing to try then.
ENDINGS = [one for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) != signal.SIG_IGN]


@pytest.mark.parametrize("signum", ENDINGS)
def test_a_signal_stops_everything(data, signum):
    process = hold(data)
    pids = server_pids(data)
    assert all(map(is_alive, pids))
    process.send_signal(signum)
    assert process.wait(20) == 130
    assert not any(map(is_alive, pids))
    assert not (data / "services.json").exists()


DROPPED = """
import os, signal, time
from devservices import signals_as_interrupt

class Going:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0)

try:
    with signals_as_interrupt():
        Going()
        time.sleep(30)
except KeyboardInterrupt:
    print("stopped")
"""


def test_a_signal_is_not_lost_where_python_drops_what_it_raises():
    """In the middle of a fork or a destructor: whoever pressed Ctrl-C just then had to press it once more."""
    done = subprocess.run([sys.executable, "-c", DROPPED], cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert (done.stdout, done.stderr) == ("stopped\n", "")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells children that their parent died")
def test_a_killed_run_leaves_nothing_and_keeps_the_data(data):
    assert execute(data, "python", "-c", COUNT_VISIT).stdout.strip() == "1"
    process = hold(data)
    pids = server_pids(data)
    process.kill()
    process.wait()
    assert execute(data, "python", "-c", COUNT_VISIT).stdout.strip() == "2"
    wait_for(lambda: not any(map(is_alive, pids)))


def test_leftover_servers_are_stopped_first(data):
    """As on a system that does not stop them with their parent."""
    leftovers = [EmbeddedPostgres(data, fast=True), EmbeddedValkey(data, fast=True)]
    for server in leftovers:
        server.start()
    assert execute(data, "true").returncode == 0
    assert [server.process.wait(10) for server in leftovers] == [0, 0]


def test_a_first_start_killed_half_way_begins_anew(data):
    (data / "pg").mkdir()
    (data / "pg/PG_VERSION").write_text("18")
    assert execute(data, "python", "-c", COUNT_VISIT).stdout.strip() == "1"


def test_own_servers_replace_the_embedded_ones(data):
    found = environment_of(data, **ELSEWHERE)
    assert {name: found[name] for name in ELSEWHERE} == ELSEWHERE
    assert not (data / "pg").exists()
    assert not (data / "valkey").exists()


def test_half_a_database_is_refused(data):
    result = execute(data, "true", DATABASE_URL="postgres://web@db.example/app")
    assert result.returncode == 1
    assert "DATABASE_OWNER_URL 必须同时设置" in result.stderr


def test_private_notes_are_private_from_the_start(data):
    write_private(data / "note.json", {"甲": 1})
    assert stat.S_IMODE((data / "note.json").stat().st_mode) == 0o600
    assert json.loads((data / "note.json").read_text("utf-8")) == {"甲": 1}


@pytest.mark.parametrize(
    ("folder", "reason"), [("", "不能是项目目录本身"), ("README.md", "不能使用"), ("/proc/x", "不能使用")]
)
def test_a_folder_that_cannot_hold_the_data_is_refused(folder, reason):
    words = [sys.executable, "devservices.py", "exec", "--data", folder, "--", "true"]
    result = subprocess.run(words, cwd=ROOT, env=BARE | ELSEWHERE, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert reason in result.stderr and "Traceback" not in result.stderr
    assert not (ROOT / "lock").exists()
