"""运行状况: what does not run is named with what to do; what runs is not."""

import shutil
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from redis.exceptions import RedisError, ResponseError

from accounts import audit
from accounts.checking import audit_check, records_check
from accounts.heads import head_export
from accounts.models import User
from accounts.retention import JOBS, retention_ran
from accounts.seals import seal
from accounts.services import accounts_disable_idle
from jobs.models import Job
from members import inbox
from members.models import FerryFile, Submission
from reports import health
from reports.alarms.looking import look
from reports.models import Alarm, AlarmRound
from reports.services import coverage_refresh
from tests import factories

pytestmark = pytest.mark.django_db


def test_connections_are_counted_whosever_they_are():
    database = next(check for check in health.checks() if check.name == "数据库")
    assert "连接 0 /" not in database.told


@pytest.fixture
def well(settings, tmp_path):
    """Everything ran last night."""
    settings.MEDIA_ROOT, settings.ERASURE_LIST = str(tmp_path), str(tmp_path / "list.jsonl")
    settings.ADMIN_NETWORKS = [ip_network("127.0.0.0/8")]
    settings.SECOND_FACTOR_REQUIRED = True
    accounts_disable_idle()
    factories.make_city()
    coverage_refresh()
    for job, (_, words) in JOBS.items():
        retention_ran(job, **dict.fromkeys(words, 0))
    seal()
    head_export()
    audit_check()
    records_check()
    seal()
    look()
    assert faults() == {}


def faults() -> dict[str, str]:
    return {check.name: check.state for check in health.checks() if check.state not in (health.OK, health.OFF)}


def unsealed(owner_role, settings, patch):
    event = audit.record("accounts.sign_out", by=None)
    with owner_role(), connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_auditevent SET at = at - interval '61 seconds' WHERE id = %s", [event.pk])


def a_night_ago(*acts):
    def passes(owner_role, settings, patch):
        with owner_role(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE accounts_auditevent SET at = at - interval '31 hours' WHERE act = ANY(%s)", [list(acts)]
            )

    return passes


def not_counted(owner_role, settings, patch):
    with owner_role(), connection.cursor() as cursor:
        cursor.execute("UPDATE reports_lastcount SET counted_at = counted_at - interval '31 hours'")


def job(**more):
    def put(owner_role, settings, patch):
        Job.objects.create(kind="tables.check", title="检查", **more)

    return put


def no_redis(owner_role, settings, patch):
    def refuse(*_):
        raise RedisError

    patch.setattr(cache, "set", refuse)


def redis_without_room(owner_role, settings, patch):
    def refuse(*_):
        raise ResponseError("MISCONF Errors writing to the AOF file: No space left on device")

    patch.setattr(cache, "set", refuse)


def no_room(owner_role, settings, patch):
    """As PostgreSQL says it: disk_full."""
    patch.setattr("accounts.disks._SORT", "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$")


def full(owner_role, settings, patch):
    patch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=100, free=4))


def read_only(owner_role, settings, patch):
    patch.setattr(health.os, "access", lambda *_: False)


def anywhere(owner_role, settings, patch):
    settings.ADMIN_NETWORKS = []


def by_password_alone(owner_role, settings, patch):
    settings.SECOND_FACTOR_REQUIRED = False


def never_off(owner_role, settings, patch):
    settings.IDLE_ACCOUNT_DAYS = 0


def nobody_takes(owner_role, settings, patch):
    ago = timezone.now() - timedelta(minutes=6)
    Submission.objects.create(kind="withdrawal", box=b"x", received_at=ago)


def locks_for_all(owner_role, settings, patch):
    """As in a database that was made before: whoever is not kept from it."""
    settings.DATABASE_PUBLIC_ROLE = "web"


def no_files_come(owner_role, settings, patch):
    settings.IS_FERRIED, settings.FERRY_LATE_HOURS = True, -1


def no_scanner(owner_role, settings, patch):
    settings.UPLOAD_SCANNER = "127.0.0.1:1"


def no_rounds(owner_role, settings, patch):
    AlarmRound.objects.update(looked_at=timezone.now() - timedelta(minutes=6))


def backup_told(*told: tuple[str, timedelta, str]):
    def tell(owner_role, settings, patch):
        settings.BACKUP_DIR = settings.MEDIA_ROOT
        for file, ago, rest in told:
            at = timezone.localtime() - ago
            (Path(settings.BACKUP_DIR) / file).write_text(f"{at:%Y%m%d-%H%M%S} {rest}\n", "utf-8")

    return tell


LONG_AGO = timezone.now() - timedelta(hours=1)
FAULTS = {
    "审计封存": (unsealed, "bad"),
    "审计链头（每晚 00:05）": (a_night_ago("accounts.audit.head_export"), "bad"),
    "到期抹除（每晚）": (a_night_ago("accounts.retention"), "bad"),
    "全部统计（每晚 01:10）": (not_counted, "bad"),
    "停用久未使用的账号（每晚 02:50）": (a_night_ago("accounts.idle.check"), "bad"),
    "停用久未使用的账号（每晚 02:50） ": (never_off, "warn"),
    "管理员终端的网络": (anywhere, "warn"),
    "登录的要求": (by_password_alone, "warn"),
    "后台任务": (job(state="running", lease_until=LONG_AGO), "bad"),
    "后台任务 ": (job(created_at=LONG_AGO), "warn"),
    "Redis": (no_redis, "bad"),
    "Redis ": (redis_without_room, "bad"),
    "数据库": (no_room, "bad"),
    "审计链核对（每晚 02:30）": (a_night_ago("accounts.audit.check"), "bad"),
    "党组织、党员和报到的校验码（每晚 02:40）": (a_night_ago("accounts.records.check"), "bad"),
    "公众侧的收件": (nobody_takes, "bad"),
    "公众侧的收件 ": (locks_for_all, "warn"),
    "摆渡文件": (no_files_come, "bad"),
    "告警": (no_rounds, "bad"),
    "上传查毒": (no_scanner, "bad"),
    "上传和导出的磁盘": (full, "bad"),
    "抹除和撤回的清单": (read_only, "bad"),
    "备份": (backup_told(("last", timedelta(hours=31), "1048576 60")), "bad"),
    "备份 ": (backup_told(("last", timedelta(hours=25), "9 9"), ("failed", timedelta(hours=1), "盘满了")), "bad"),
}


NIGHTLY = {name.strip() for name in FAULTS if "每晚" in name}


def test_on_the_first_day_no_job_of_the_night_is_late(settings, tmp_path):
    """The database of the tests is new. Only the round of alarms, each minute, should have come."""
    settings.MEDIA_ROOT, settings.ERASURE_LIST = str(tmp_path), str(tmp_path / "list.jsonl")
    told = {check.name: check.told for check in health.checks()}
    assert not NIGHTLY & faults().keys() and "没有到第一次的时间" in told["全部统计（每晚 01:10）"]
    look()
    assert not Alarm.objects.exists()


@pytest.mark.parametrize(("ago", "state"), [("4 minutes", None), ("6 minutes", "bad")])
def test_the_first_round_of_alarms_has_its_minutes(owner_role, ago, state):
    with owner_role(), connection.cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET applied = now() - %s::interval", [ago])
    assert faults().get("告警") == state


def test_what_did_not_run_in_the_first_night_is_told(installed_long_ago):
    assert {name for name in NIGHTLY if faults().get(name) == "bad"} == NIGHTLY


def test_what_the_backup_says_of_its_nights(well, owner_role, settings):
    def told() -> str:
        return next(check.told for check in health.checks() if check.name == "备份")

    assert "由运维自己备份" in told()
    backup_told(("last", timedelta(hours=1), "5242880 312"))(None, settings, None)
    assert "5.0 GB，用了 312 秒" in told()
    backup_told(("failed", timedelta(), "盘满了"))(None, settings, None)
    assert "没有做成：盘满了" in told()
    (Path(settings.BACKUP_DIR) / "failed").write_bytes(b"")
    assert "没有做成，原因也没有写下来" in told() and "最近一次做成" in told()


@pytest.mark.parametrize(("minutes", "late"), [(0, 0), (6, 1)])
def test_what_a_file_brought_waits_since_it_came(minutes, late):
    came = timezone.now() - timedelta(minutes=minutes)
    FerryFile.objects.create(direction="to-staff", number=7, made_at=LONG_AGO, digest="0" * 64, key="x", noted_at=came)
    Submission.objects.create(kind="withdrawal", box=b"x", received_at=LONG_AGO, ferried_in=7)
    assert inbox.late() == late


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_named_alone(well, owner_role, settings, monkeypatch, name):
    fault, state = FAULTS[name]
    fault(owner_role, settings, monkeypatch)
    assert faults() == {name.strip(): state}


def test_the_page_says_what_to_do(well, client, owner_role):
    client.force_login(factories.make_user(duty=User.Duty.SYSTEM))
    page = reverse("reports:health")
    assert "项异常" not in client.get(page).content.decode()
    a_night_ago("accounts.audit.head_export")(owner_role, None, None)
    text = client.get(page).content.decode()
    assert "有 1 项异常" in text and "manage.py export_audit_head" in text
