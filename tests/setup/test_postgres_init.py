"""The script that makes the roles in production, run on an embedded server that has none yet."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg2
import pytest

from tools.embedded import EmbeddedPostgres, postgres_programs

SCRIPT = Path(__file__).resolve().parents[2] / "deploy/postgres-init.sh"
PROGRAMS = f"{postgres_programs(None)}:{os.environ['PATH']}"  # psql, of the embedded server


class BareCluster(EmbeddedPostgres):
    def _create_roles_and_database(self) -> None:
        """Left to the script."""

    _make_public_roles = _create_roles_and_database


@pytest.fixture
def cluster():
    folder = Path(tempfile.mkdtemp(prefix="cluster-"))
    folder.chmod(0o755)
    server = BareCluster(folder, fast=True)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder)


def connect(cluster: EmbeddedPostgres, user: str):
    return psycopg2.connect(host="127.0.0.1", port=cluster.port, user=user, dbname="app")


def test_the_script_makes_roles_extensions_and_database(cluster):
    environment = os.environ | {
        "PATH": PROGRAMS,
        "PGHOST": "127.0.0.1",
        "PGPORT": str(cluster.port),
        "POSTGRES_USER": "postgres",
        "OWNER_DB_PASSWORD": "it's-owner",
        "WEB_DB_PASSWORD": "it's-web",
        "PUBLIC_DB_PASSWORD": "it's-public",
    }
    done = subprocess.run([SCRIPT], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    owner = connect(cluster, "owner")
    cursor = owner.cursor()
    cursor.execute("SELECT extname FROM pg_extension")
    assert {"pg_stat_statements", "pg_trgm", "btree_gist", "btree_gin"} <= {row[0] for row in cursor}
    cursor.execute("CREATE TABLE made_by_owner (a int)")
    owner.close()

    for role, may_lock in (("web", True), ("public_web", False)):
        serving = connect(cluster, role)
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            serving.cursor().execute("CREATE TABLE made_by_it (a int)")
        serving.rollback()
        cursor = serving.cursor()
        cursor.execute("SELECT has_function_privilege('pg_advisory_xact_lock(int, int)', 'EXECUTE')")
        assert cursor.fetchone() == (may_lock,)
        serving.close()


def test_what_the_server_writes_down_of_an_error_names_nobody(cluster):
    line = psycopg2.connect(host="127.0.0.1", port=cluster.port, user="postgres", dbname="postgres")
    cursor = line.cursor()
    cursor.execute("CREATE TEMP TABLE kept (name text UNIQUE, age int CHECK (age > 0))")
    for statement in ("INSERT INTO kept VALUES ('金丝雀', 1), ('金丝雀', 1)", "INSERT INTO kept VALUES ('金丝雀', 0)"):
        cursor.execute("SAVEPOINT s")
        with pytest.raises(psycopg2.IntegrityError, match="金丝雀"):
            cursor.execute(statement)
        cursor.execute("ROLLBACK TO s")
    line.close()
    written = cluster.log.read_text("utf-8")
    assert written.count("violates") == 2 and "金丝雀" not in written
