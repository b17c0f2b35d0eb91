"""The demo as a whole, on a small city: what `make demo` runs, killed once and started again."""

import json
import shutil
import stat
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import pytest

from tests.setup.test_devservices import BARE, ROOT, wait_for
from tools.demo import port_is_free
from tools.embedded import free_port, is_alive

PERSONAS = {
    "city_leader",
    "district_leader",
    "registrar_city",
    "registrar_district",
    "officer",
    "secretary",
    "system_admin",
    "security_admin",
    "audit_admin",
}
FIRST_START = 300  # seconds, for a machine that is busy with other tests as well
LATER_START = 120


class Demo:
    def __init__(self) -> None:
        self.data = Path(tempfile.mkdtemp(prefix="demo-"))
        self.data.chmod(0o755)
        self.port = free_port()
        self.process: subprocess.Popen | None = None

    def start(self, patience: float) -> dict:
        words = ["--data", str(self.data), "--port", str(self.port), "--businesses", "200"]
        with (self.data / "out.txt").open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tools.demo", *words], cwd=ROOT, env=BARE, stdout=out, stderr=out
            )
        wait_for(lambda: self.is_up() or self.process.poll() is not None, patience)
        assert self.process.poll() is None, (self.data / "out.txt").read_text()
        return json.loads((self.data / "demo.json").read_text())

    def is_up(self) -> bool:
        """By its own last line: the note of an earlier, killed run may still lie there."""
        return f"[演示] 地址 http://127.0.0.1:{self.port}" in (self.data / "out.txt").read_text()

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)


@pytest.fixture
def demo():
    demo = Demo()
    yield demo
    demo.stop()
    shutil.rmtree(demo.data)


def children(pid: int) -> list[int]:
    """What the process started, on Linux."""
    tasks = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in tasks.read_text().split()] if tasks.exists() else []


def status(url: str) -> int:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(url, timeout=20) as response:
        return response.status


def join(demo: Demo) -> str:
    """The database's own name for the server, as a management command of another run sees it."""
    script = "from django.db import connection as c; k = c.cursor(); k.execute('SHOW port'); print(k.fetchone()[0])"
    words = ["exec", "--data", str(demo.data), "--", "manage.py", "shell", "-v0", "-c", script]
    return subprocess.run(
        [sys.executable, "devservices.py", *words], cwd=ROOT, env=BARE, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_demo_runs_is_killed_and_runs_again(demo):
    note = demo.start(FIRST_START)
    assert stat.S_IMODE((demo.data / "demo.json").stat().st_mode) == 0o600
    assert {account["persona"] for account in note["accounts"]} == PERSONAS
    assert set(note["public"]) == {"market_report", "guidance_station_report", "check_in"}
    for address in [f"{note['url']}/healthz", *note["public"].values()]:
        assert status(address) == 200

    services = json.loads((demo.data / "services.json").read_text())
    assert f":{join(demo)}/" in services["DATABASE_URL"]

    # make and all it runs are gone without a chance to clean up
    started = children(demo.process.pid)
    demo.process.kill()
    demo.process.wait()
    assert demo.start(LATER_START) == note
    wait_for(lambda: not any(map(is_alive, started)))

    demo.stop()
    assert demo.process.returncode == 0
    assert port_is_free(demo.port)
    assert not (demo.data / "demo.json").exists()
