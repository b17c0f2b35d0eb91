"""Killed for real at every named point, cut off by the database, out of disk: whole or absent, and nothing twice."""

import errno
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection
from django.utils import timezone
from psycopg2.errors import DiskFull

from accounts.models import AuditEvent
from jobs import sweep
from jobs.models import Job
from jobs.runner import job_run
from markets.imports import write as writing
from markets.models import Business, BusinessVersion, Declaration
from tables import register, services, uploads
from tables.faults import POINTS, fault
from tables.models import Batch, BatchChange, BatchRange
from tables.register import Cannot
from tests import factories
from tests.markets.files import make_code, make_row, to_csv
from tests.markets.test_first_load import catalogue

pytestmark = pytest.mark.django_db(transaction=True)

CODES = [make_code() for _ in range(6)]
ROWS = [make_row(统一社会信用代码=code, 从业人数="20", 正式党员数="3", 住所="旧址") for code in CODES[:4]]
AGAIN = [row | {"住所": "新址", "经营状态": "歇业", "正式党员数": "4"} for row in ROWS[:2]]
AGAIN += [make_row(统一社会信用代码=code) for code in CODES[4:]]
FIRST_LOAD = {"apply.bare", "apply.rows_in", "apply.rebuilt"}


@pytest.fixture
def clerk(city):
    return factories.make_user("registrar", city.city)


@pytest.fixture
def heard(monkeypatch):
    names: list[str] = []
    monkeypatch.setattr(register, "_hearers", [lambda name, units: names.append(name)])
    return names


def start(rows: list[dict], by) -> Batch:
    upload = SimpleUploadedFile("主体.csv", to_csv(rows).encode())
    return services.batch_start(by=by, target_name="business", uploads=[upload])


def work(batch: Batch) -> Batch:
    job = job_run(job_id=batch.job_id)
    assert job.state == "done", (job.message, job.error)
    batch.refresh_from_db()
    return batch


def bring(rows: list[dict], by) -> Batch:
    return work(services.batch_confirm(batch=work(start(rows, by)), by=by))


def child(point: str, media: str, *words: str) -> int:
    server = os.environ["DATABASE_URL"].rsplit("/", 1)[0]
    environment = os.environ | {
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
        "DATABASE_ROLE": "web",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "MEDIA_ROOT": media,
        "FAULT_POINT": point,
    }
    environment.pop("DATABASE_OWNER_URL", None)
    return subprocess.run([sys.executable, "-m", "tests.tables.fault_child", *words], env=environment).returncode


def kill(batch: Batch, point: str, media: str) -> None:
    """Run the batch's job in a process that dies at the point; then its lease runs out."""
    assert child(point, media, "job", str(batch.job_id)) == -signal.SIGKILL
    Job.objects.filter(pk=batch.job_id).update(lease_until=timezone.now() - timedelta(seconds=1))


def registry() -> list[tuple]:
    """What stands there, without numbers and times that every run draws anew."""
    fields = ("uscc", "name", "address", "status", "employees", "declarations__full_members")
    return sorted(Business.objects.values_list(*fields), key=str)


def control(rows: list[list[dict]]) -> list[tuple]:
    """What the files should leave, whoever was killed: told by hand."""
    last = {row["统一社会信用代码"]: row for file in rows for row in file}
    status = {"歇业": "dormant"}
    return sorted(
        (
            (code, row["名称"], row.get("住所", ""), status.get(row.get("经营状态", ""), "active"),
             int(row["从业人数"]) if "从业人数" in row else None, int(row["正式党员数"]) if "正式党员数" in row else None)
            for code, row in last.items()
        ),
        key=str,
    )  # fmt: skip


def of(stage: str) -> list[str]:
    return sorted(point for point in POINTS if point.startswith(f"{stage}."))


def test_every_point_is_walked_and_an_unknown_one_is_refused():
    assert {point for stage in ("upload", "check", "apply", "undo") for point in of(stage)} == POINTS
    with pytest.raises(ValueError, match="no fault point"):
        fault("apply.elsewhere")


@pytest.mark.parametrize("point", of("upload"))
def test_killed_while_uploading_there_is_no_batch_and_soon_no_file(point, clerk, settings, tmp_path, monkeypatch):
    (tmp_path / "rows.csv").write_text(to_csv(ROWS), encoding="utf-8")
    assert child(point, settings.MEDIA_ROOT, "upload", clerk.username, str(tmp_path / "rows.csv")) == -signal.SIGKILL
    assert not Batch.objects.exists() and not Job.objects.exists()
    kept = list(Path(settings.MEDIA_ROOT, "imports").iterdir())
    services.retention()
    assert len(kept) == 1 and kept[0].exists()  # it might still be on its way
    monkeypatch.setattr(uploads, "ORPHANED_AFTER", -1)
    mine = start(ROWS, clerk)
    services.retention()
    assert not kept[0].exists() and services.stored(mine).exists()


@pytest.mark.parametrize("point", of("check"))
def test_killed_while_checking_the_check_is_done_again(point, clerk, settings):
    batch = start(ROWS, clerk)
    kill(batch, point, settings.MEDIA_ROOT)
    work(batch)
    assert (batch.state, batch.counts["new"], Business.objects.count()) == ("checked", 4, 0)
    work(services.batch_confirm(batch=batch, by=clerk))
    assert registry() == control([ROWS])


@pytest.mark.parametrize("point", of("apply"))
def test_killed_while_writing_everything_is_written_once(point, clerk, settings, heard):
    before = catalogue()
    files = [ROWS] if point in FIRST_LOAD else [ROWS, AGAIN]
    for file in files[:-1]:
        bring(file, clerk)
    standing = registry()
    batch = services.batch_confirm(batch=work(start(files[-1], clerk)), by=clerk)
    kill(batch, point, settings.MEDIA_ROOT)
    heard.clear()
    committed = point in ("apply.committed", "apply.told")
    assert (registry() == control(files)) if committed else (registry() == standing)
    work(batch)
    assert batch.state == "applied" and registry() == control(files) and catalogue() == before
    assert heard == ["business"] and not services.stored(batch).exists()
    assert AuditEvent.objects.filter(act="markets.business.import").count() == len(files)
    made = [pk for one in BatchRange.objects.all() for pk in range(one.first, one.last + 1)]
    assert sorted(made) == sorted(Business.objects.values_list("pk", flat=True))
    again = len(files) == 2
    assert (BatchChange.objects.count(), BusinessVersion.objects.count()) == ((2, 2) if again else (0, 0))


def test_the_third_worker_killed_after_the_commit_leaves_no_failed_job(clerk, settings):
    batch = services.batch_confirm(batch=work(start(ROWS, clerk)), by=clerk)
    Job.objects.filter(pk=batch.job_id).update(attempts=2)
    kill(batch, "apply.committed", settings.MEDIA_ROOT)
    assert sweep.sweep()["given_up"] == 0
    assert work(batch).state == "applied" and registry() == control([ROWS])


@pytest.mark.parametrize("point", of("undo"))
def test_killed_while_taking_back_everything_returns_once(point, clerk, settings, heard):
    bring(ROWS, clerk)
    batch = bring(AGAIN, clerk)
    written = registry()
    services.batch_undo(batch=batch, by=clerk)
    kill(batch, point, settings.MEDIA_ROOT)
    heard.clear()
    assert registry() == (control([ROWS]) if point == "undo.committed" else written)
    work(batch)
    assert batch.state == "undone" and registry() == control([ROWS]) and heard == ["business"]
    assert not BusinessVersion.objects.exists() and Declaration.objects.count() == 4
    assert AuditEvent.objects.filter(act="markets.business.import.undo").count() == 1


def test_a_cut_connection_puts_the_job_back_and_it_writes_later(clerk, monkeypatch):
    batch = services.batch_confirm(batch=work(start(ROWS, clerk)), by=clerk)
    insert = writing.insert

    def cut(*arguments):
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return insert(*arguments)

    monkeypatch.setattr(writing, "insert", cut)
    job = job_run(job_id=batch.job_id)
    assert (job.state, "数据库一时不可用" in job.message) == ("queued", True) and not Business.objects.exists()
    monkeypatch.undo()
    assert work(batch).state == "applied" and registry() == control([ROWS])


def without_disk(*arguments):
    raise OperationalError from DiskFull()


def test_a_database_without_disk_is_told_as_such(clerk, monkeypatch):
    batch = services.batch_confirm(batch=work(start(ROWS, clerk)), by=clerk)

    monkeypatch.setattr(writing, "insert", without_disk)
    job = job_run(job_id=batch.job_id)
    batch.refresh_from_db()
    assert (job.state, batch.state) == ("failed", "checked") and "磁盘空间不够" in job.message
    assert not Business.objects.exists()


def test_an_undo_without_disk_is_told_as_such_on_its_page_too(clerk, client, monkeypatch):
    batch = bring(ROWS, clerk)
    services.batch_undo(batch=batch, by=clerk)

    monkeypatch.setattr(services, "lock", without_disk)
    job = job_run(job_id=batch.job_id)
    batch.refresh_from_db()
    assert (job.state, batch.state) == ("failed", "applied") and "没有撤销任何内容" in job.message
    client.force_login(clerk)
    page = client.get(batch.get_absolute_url()).content.decode()
    assert "没有撤销</strong>" in page and job.message in page
    monkeypatch.undo()
    services.batch_undo(batch=batch, by=clerk)
    assert work(batch).state == "undone" and not Business.objects.exists()


def test_a_disk_that_does_not_take_the_upload_keeps_nothing_of_it(clerk, settings, monkeypatch):
    def full(upload, file, digest):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(uploads, "_pour", full)
    with pytest.raises(Cannot, match="磁盘"):
        start(ROWS, clerk)
    assert not Batch.objects.exists() and not list(Path(settings.MEDIA_ROOT, "imports").iterdir())


def test_a_flushed_broker_loses_no_job(clerk, settings):
    import redis

    batch = start(ROWS, clerk)
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        broker.flushdb()
        Job.objects.update(created_at=timezone.now() - timedelta(minutes=1))
        assert sweep.sweep()["sent"] == 1
        assert sum(broker.llen(queue) for queue in ("prompt", "long")) == 1
    assert work(batch).state == "checked"
