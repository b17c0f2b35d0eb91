"""deploy/backup.sh on real databases: taken, thrown away in time, refused when it does not fit, and put back."""

import fcntl
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import psycopg2
import pytest
from django.db import connection
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent
from accounts.seals import seal
from members.models import Member
from reports import health
from tests import factories as make
from tools.embedded import postgres_programs

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "deploy/backup.sh"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def environment(tmp_path):
    """Of the service: as owner on the database of the test, with the programs of the embedded server."""
    server = connection.settings_dict
    (tmp_path / "media").mkdir()
    (tmp_path / "media/一份.xlsx").write_bytes(b"sealed")
    return {
        "PATH": f"{postgres_programs(None)}:{os.environ['PATH']}", "TZ": "Asia/Shanghai",
        "PGHOST": server["HOST"], "PGPORT": str(server["PORT"]), "PGUSER": "owner", "PGDATABASE": server["NAME"],
        "BACKUP_DIR": str(tmp_path / "backups"), "MEDIA_ROOT": str(tmp_path / "media"),
    }  # fmt: skip


def run(environment, *words: str, **more: str) -> subprocess.CompletedProcess:
    return subprocess.run([SCRIPT, *words], env=environment | more, capture_output=True, text=True)


def taken(environment) -> list[str]:
    return sorted(path.name for path in Path(environment["BACKUP_DIR"]).iterdir() if path.is_dir())


@pytest.fixture
def elsewhere(environment):
    """An empty database beside it, as init makes it on a new machine, to restore into."""
    name = f"{environment['PGDATABASE']}_elsewhere"
    connection.close()
    with _as_owner(environment, "postgres") as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
        cursor.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
        cursor.execute(f'GRANT CONNECT, TEMPORARY ON DATABASE "{name}" TO web')
    yield environment | {"PGDATABASE": name}
    with _as_owner(environment, "postgres") as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{name}%"])
        for (found,) in cursor.fetchall():
            cursor.execute(f'DROP DATABASE "{found}"')


class _as_owner:
    """A cursor in autocommit on one of the server's databases."""

    def __init__(self, environment, name: str, user: str = "owner"):
        self.line = psycopg2.connect(host=environment["PGHOST"], port=environment["PGPORT"], user=user, dbname=name)
        self.line.autocommit = True

    def __enter__(self):
        return self.line.cursor()

    def __exit__(self, *_):
        self.line.close()


def manage(environment, *words: str) -> subprocess.CompletedProcess:
    server = f"{environment['PGHOST']}:{environment['PGPORT']}/{environment['PGDATABASE']}"
    told = os.environ | {
        "DATABASE_URL": f"postgres://web@{server}", "DATABASE_OWNER_URL": f"postgres://owner@{server}",
        "DATABASE_ROLE": "owner", "DJANGO_SETTINGS_MODULE": "config.settings", "MEDIA_ROOT": environment["MEDIA_ROOT"],
    }  # fmt: skip
    return subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, env=told, capture_output=True, text=True)


def test_what_was_taken_is_there_again_with_its_walls_and_its_chain(environment, elsewhere, tmp_path):
    city = make.make_city()
    make.make_affiliation(make.make_member("张三"), make.make_branch(city.yuehai))
    audit.record("accounts.sign_in", by=None)
    seal()
    events = AuditEvent.objects.count()
    connection.close()
    done = run(environment, "once")
    assert done.returncode == 0, done.stderr
    [name] = taken(environment)
    assert (Path(environment["BACKUP_DIR"]) / "last").read_text().startswith(f"{name} ")
    (Path(environment["MEDIA_ROOT"]) / "一份.xlsx").unlink()

    done = run(elsewhere, "restore", name)
    assert done.returncode == 0 and "已恢复" in done.stdout, done.stderr
    with _as_owner(elsewhere, elsewhere["PGDATABASE"]) as cursor:
        cursor.execute("SELECT name FROM members_member")
        assert cursor.fetchall() == [("张三",)]
        cursor.execute("SELECT count(*) FROM accounts_auditevent")
        assert cursor.fetchone() == (events,)
    with _as_owner(elsewhere, elsewhere["PGDATABASE"], user="web") as cursor:
        cursor.execute("SELECT count(*) FROM orgs_organization")
        assert cursor.fetchone()[0] > 5
        cursor.execute("SELECT count(*) FROM members_member")
        assert cursor.fetchone() == (0,), "the second wall: nobody said who reads"
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("UPDATE accounts_auditevent SET act = 'x'")
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        _as_owner(elsewhere, elsewhere["PGDATABASE"], user="public_ferry")
    assert (Path(environment["MEDIA_ROOT"]) / "一份.xlsx").read_bytes() == b"sealed"
    (tmp_path / "list.jsonl").touch()
    replay = ["replay_erasures", "--check", "--list", str(tmp_path / "list.jsonl")]
    for command in (["migrate", "--check"], ["verify_audit"], replay, ["verify_rows"]):
        checked = manage(elsewhere, *command)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_nothing_that_another_role_can_leave_behind_hinders_it(environment, elsewhere):
    """Whoever has the password of the public face, which may read no person, could have ended every backup by a word."""
    connection.close()
    with _as_owner(environment, environment["PGDATABASE"], user="public_web") as cursor:
        cursor.execute("SELECT lo_from_bytea(0, 'x')")
        cursor.execute("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC")
    try:
        done = run(environment, "once")
        assert done.returncode == 0, done.stderr
        done = run(elsewhere, "restore", taken(environment)[0])
        assert done.returncode == 0, done.stderr
        with _as_owner(elsewhere, elsewhere["PGDATABASE"], user="web") as cursor:
            cursor.execute("SELECT defaclrole::regrole::text FROM pg_default_acl GROUP BY 1")
            assert cursor.fetchall() == [("owner",)]
    finally:
        with _as_owner(environment, environment["PGDATABASE"], user="public_web") as cursor:
            cursor.execute("SELECT lo_unlink(oid) FROM pg_largeobject_metadata")
            cursor.execute("ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC")


def test_it_is_not_put_back_over_people_who_work(environment, elsewhere):
    run(environment, "once")
    [name] = taken(environment)
    with _as_owner(elsewhere, elsewhere["PGDATABASE"], user="web") as cursor:
        refused = run(elsewhere, "restore", name)
        assert refused.returncode and "还有 1 个连接" in refused.stderr
        cursor.execute("SELECT 1")
    assert run(elsewhere, "restore", "20200101-000000").returncode
    with (Path(environment["BACKUP_DIR"]) / name / "media.tar").open("ab") as file:
        file.write(b"more")
    assert "与校验和不符" in run(elsewhere, "restore", name).stderr


def test_old_ones_go_and_the_newest_stays_when_nothing_new_comes(environment):
    folder = Path(environment["BACKUP_DIR"])
    days = [timezone.localtime() - timedelta(days=back) for back in (40, 15, 13)]
    for day in days:
        (folder / f"{day:%Y%m%d-%H%M%S}").mkdir(parents=True)
    failed = run(environment, "once", PGPORT="1")
    assert failed.returncode and len(taken(environment)) == 3
    assert "connection to server" in (folder / "failed").read_text()
    assert run(environment, "once").returncode == 0
    kept = taken(environment)
    assert kept[0] == f"{days[2]:%Y%m%d-%H%M%S}" and len(kept) == 2 and not (folder / "failed").exists()
    assert [oct((folder / name).stat().st_mode)[-2:] for name in (kept[-1], "last")] == ["00", "44"]
    assert Member.objects.count() == 0


def test_settings_that_are_none_throw_nothing_away_and_are_told(environment):
    folder = Path(environment["BACKUP_DIR"])
    for back in (2, 20, 40):
        (folder / f"{timezone.localtime() - timedelta(days=back):%Y%m%d-%H%M%S}").mkdir(parents=True)
    for name, value in [("BACKUP_DAYS", "0"), ("BACKUP_DAYS", "-3"), ("BACKUP_DAYS", "两周"), ("BACKUP_AT", "25:00")]:
        for command in ("once", "nightly"):
            done = run(environment, command, **{name: value})
            assert done.returncode == 1 and name in done.stderr and value in done.stderr
            assert f"{name} 应" in (folder / "failed").read_text("utf-8") and len(taken(environment)) == 3


def test_a_second_one_at_once_does_not_say_that_the_first_failed(environment):
    folder = Path(environment["BACKUP_DIR"])
    folder.mkdir()
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "正在进行" in run(environment, "once").stderr
    assert not (folder / "failed").exists()


def test_a_file_that_goes_while_it_is_read_fails_no_backup(environment, tmp_path, settings):
    settings.BACKUP_DIR = environment["BACKUP_DIR"]
    assert run(environment, "once", PATH=with_program(environment, tmp_path, "tar", 'tar "$@"; exit 1')).returncode == 0
    fails = with_program(environment, tmp_path, "tar", f"echo tar: {'张' * 90} >&2; exit 2")
    assert run(environment, "once", PATH=fails).returncode == 1
    assert "张张" in health._backup().told


def with_program(environment, tmp_path, name: str, does: str) -> str:
    """A PATH on which `name` is a script that may call the real one."""
    folder = tmp_path / "programs"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\nPATH='{environment['PATH']}'\n{does}\n")
    (folder / name).chmod(0o755)
    return f"{folder}:{environment['PATH']}"


def test_half_a_copy_is_not_put_back(environment, elsewhere):
    run(environment, "once")
    [name] = taken(environment)
    folder = Path(environment["BACKUP_DIR"]) / name
    sums = (folder / "SHA256SUMS").read_text().splitlines(keepends=True)
    (folder / "media.tar").unlink()
    for cut in (sums[0], sums[0] + sums[1][:20], ""):
        (folder / "SHA256SUMS").write_text(cut)
        refused = run(elsewhere, "restore", name)
        assert refused.returncode == 1 and "没有拷全" in refused.stderr


def test_what_fails_on_the_way_back_says_so_leaves_everything_and_shows_no_row(environment, elsewhere):
    """A rule that held when the row was written and does not hold when it is read back."""
    connection.close()
    with _as_owner(environment, environment["PGDATABASE"]) as cursor:
        cursor.execute("SET a.b = '1'")
        cursor.execute("CREATE TABLE odd (name text CHECK (coalesce(current_setting('a.b', true), '') = '1'))")
        cursor.execute("INSERT INTO odd VALUES ('张三的姓名')")
    try:
        run(environment, "once")
    finally:
        with _as_owner(environment, environment["PGDATABASE"]) as cursor:
            cursor.execute("DROP TABLE odd")
    failed = run(elsewhere, "restore", taken(environment)[0])
    assert failed.returncode and "没有恢复，现有的数据和文件都没有动" in failed.stderr
    assert "violates check constraint" in failed.stderr and "张三" not in failed.stderr + failed.stdout
    with _as_owner(elsewhere, "postgres") as cursor:
        cursor.execute("SELECT count(*) FROM pg_database WHERE datname LIKE %s", [f"{elsewhere['PGDATABASE']}%"])
        assert cursor.fetchone() == (1,)


def test_somebody_who_comes_meanwhile_is_told_in_words(environment, elsewhere, tmp_path):
    run(environment, "once")
    comes = f'psql -d {elsewhere["PGDATABASE"]} -c "SELECT pg_sleep(5)" >&2 & sleep 1'
    comes = f'pg_restore "$@" && case "$*" in *--dbname*) {comes};; esac'
    refused = run(
        elsewhere, "restore", taken(environment)[0], PATH=with_program(environment, tmp_path, "pg_restore", comes)
    )
    assert refused.returncode and "还有 1 个连接" in refused.stderr and "现有的数据和文件都没有动" in refused.stderr


def test_whoever_could_connect_by_default_still_can(environment, elsewhere):
    """A database that an operator made without saying who may connect."""
    run(environment, "once")
    with _as_owner(elsewhere, "postgres") as cursor:
        cursor.execute(f'DROP DATABASE "{elsewhere["PGDATABASE"]}"')
        cursor.execute(f'CREATE DATABASE "{elsewhere["PGDATABASE"]}"')
    assert run(elsewhere, "restore", taken(environment)[0]).returncode == 0
    with _as_owner(elsewhere, elsewhere["PGDATABASE"], user="web") as cursor:
        cursor.execute("SELECT 1")


def test_heads_written_since_the_backup_do_not_call_what_was_put_back_tampered_with(environment, elsewhere):
    environment["MEDIA_ROOT"] = elsewhere["MEDIA_ROOT"]
    audit.record("accounts.sign_in", by=None)
    seal()
    heads = Path(environment["MEDIA_ROOT"]) / "audit-heads"
    connection.close()
    run(environment, "once")
    [name] = taken(environment)
    assert manage(environment, "export_audit_head").returncode == 0 and list(heads.iterdir())
    assert run(elsewhere, "restore", name).returncode == 0
    checked = manage(elsewhere, "verify_audit")
    assert checked.returncode == 0, checked.stdout
    [aside] = heads.parent.glob("audit-heads-before-*")
    assert list(aside.iterdir())


def test_the_first_process_of_a_container_ends_when_it_is_told_to(environment):
    (Path(environment["BACKUP_DIR"]) / "20260101-000000").mkdir(parents=True)
    script = f"{SCRIPT} nightly & sleep 1; kill -TERM $!; wait $!; exit $?"
    assert subprocess.run(["sh", "-c", script], env=environment, timeout=10).returncode == 143
