"""The database itself is killed with all its processes while a file is written: whole or absent, and written once."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg2
import pytest
from django.db import connection

from tools.embedded import EmbeddedPostgres, is_alive

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc to find the database's processes in"),
]
ROWS = 5_000
WRITING = "^(WITH done AS .UPDATE|INSERT INTO) markets_business"
# So that on no machine, however busy, the file is written before somebody has looked.
LINGER = """
    CREATE FUNCTION lingers() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(5); RETURN NULL; END';
    CREATE TRIGGER lingers AFTER INSERT OR UPDATE ON markets_business EXECUTE FUNCTION lingers()"""
LOOK = (
    "SELECT (SELECT count(*) FROM markets_business), (SELECT count(*) FROM markets_business WHERE address = '新址'), "
    "(SELECT count(*) FROM tables_batchchange), (SELECT count(*) FROM markets_businessversion), "
    "(SELECT count(*) FROM accounts_auditevent WHERE act = 'markets.business.import')"
)


class Cluster(EmbeddedPostgres):
    """With the tables of the tests' own database, without rows."""

    def _create_roles_and_database(self) -> None:
        super()._create_roles_and_database()
        here = connection.settings_dict
        place = ["-h", here["HOST"], "-p", str(here["PORT"]), "-U", here["USER"]]
        schema = self._run("pg_dump", "--schema-only", *place, here["NAME"]).stdout
        place = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", "app"]
        subprocess.run([self.programs / "psql", "-q", *place], input=schema, check=True, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        """All at once, as a power cut would: nobody is left to tidy up."""
        assert self.process is not None
        pids = [self.process.pid, *children(self.process.pid)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(10)
        wait_for(lambda: not any(map(is_running, pids)))


def _stat(pid: int | str) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def children(parent: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                if int(_stat(folder.name)[1]) == parent:
                    found.append(int(folder.name))
    return found


def is_running(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return is_alive(pid) and _stat(pid)[0] != "Z"
    return False


def wait_for(done, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.005)


@pytest.fixture
def cluster():
    folder = Path(tempfile.mkdtemp(prefix="killed-"))
    folder.chmod(0o755)
    server = Cluster(folder, fast=False)
    server.options["fsync"] = "off"  # the machine stays up: what was handed to the kernel is there
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def asked(cluster: Cluster, sql: str) -> list[tuple]:
    with contextlib.closing(
        psycopg2.connect(host="127.0.0.1", port=cluster.port, user="postgres", dbname="app")
    ) as one:
        one.autocommit = True
        cursor = one.cursor()
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def child(cluster: Cluster, media: Path, what: str, number: int) -> subprocess.Popen:
    environment = os.environ | {
        "DATABASE_URL": f"postgres://web@127.0.0.1:{cluster.port}/app",
        "DATABASE_ROLE": "web",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "MEDIA_ROOT": str(media),
    }
    environment.pop("DATABASE_OWNER_URL", None)
    command = [sys.executable, "-m", "tests.tables.database_child", what, str(number)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def ended(process: subprocess.Popen) -> tuple[int, list[str]]:
    said, _ = process.communicate(timeout=60)
    return process.returncode, said.split()


def test_killed_while_a_file_is_written(cluster, tmp_path):
    code, (job_id,) = ended(child(cluster, tmp_path, "prepare", ROWS))
    assert code == 0
    state = f"SELECT j.state, b.state FROM jobs_job j JOIN tables_batch b ON b.job_id = j.id WHERE j.id = {job_id}"
    before = asked(cluster, LOOK)
    assert before == [(ROWS // 10, 0, 0, 0, 0)]

    asked(cluster, LINGER)
    worker = child(cluster, tmp_path, "work", int(job_id))
    is_writing = f"SELECT 1 FROM pg_stat_activity WHERE usename = 'web' AND query ~ '{WRITING}'"
    wait_for(lambda: asked(cluster, is_writing))
    time.sleep(random.uniform(0, 0.3))
    cluster.kill()
    assert ended(worker)[0] != 0
    cluster.start()
    asked(cluster, "DROP FUNCTION lingers() CASCADE")
    # The danger is real: nothing of it is there, and nobody has finished anything.
    assert asked(cluster, LOOK) == before and asked(cluster, state) == [("running", "applying")]

    asked(cluster, f"UPDATE jobs_job SET lease_until = now() - interval '1 second' WHERE id = {job_id}")
    assert ended(child(cluster, tmp_path, "work", int(job_id))) == (0, ["done", "applied"])
    assert asked(cluster, LOOK) == [(ROWS, ROWS, ROWS // 10, 0, 1)]
