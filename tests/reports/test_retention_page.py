"""The nightly jobs say what they took away, and the page says when one did not run."""

import pytest
from django.urls import reverse

from accounts import audit
from accounts.models import AuditEvent, User
from accounts.retention import ACT, JOBS, retention_ran
from accounts.tasks import audit_retention, session_retention
from config.celery import app
from members import services
from members.tasks import drafts
from members.tasks import retention as persons
from reports.tasks import alarm_retention, fill_forms, printed_retention
from stations.tasks import retention as check_ins
from tables.tasks import retention as files
from tests import factories
from tests.members import make

pytestmark = pytest.mark.django_db
TASKS = {
    "persons": persons,
    "drafts": drafts,
    "files": files,
    "check_ins": check_ins,
    "printed": printed_retention,
    "forms": fill_forms,
    "sessions": session_retention,
    "audit": audit_retention,
    "alarms": alarm_retention,
}


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    settings.ERASURE_LIST = str(tmp_path / "list.jsonl")


@pytest.fixture
def shown(client):
    client.force_login(factories.make_user(duty=User.Duty.SYSTEM))
    return lambda **query: client.get(reverse("reports:retention"), query).content.decode()


@pytest.mark.parametrize("job", JOBS)
def test_every_job_writes_down_its_run_also_of_nothing(job):
    TASKS[job]()
    detail = AuditEvent.objects.get(act=ACT).detail
    assert detail == {"job": job} | dict.fromkeys(JOBS[job][1], 0)


def test_every_job_is_on_the_schedule():
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert {task.name for task in TASKS.values()} <= scheduled


def test_the_page_tells_counts_and_nobody(city, shown):
    row = make.registration(city.yuehai, name="欧阳示例")
    services.receipt_withdraw(receipt=row.receipts.get())
    persons()
    text = shown()
    assert "抹除的人员和报到 1" in text and "欧阳" not in text
    assert "抹除的人员和报到 1" not in shown(job="files")


def test_an_event_that_no_job_wrote_is_left_out(city, shown):
    """It cannot be taken away again, and the page would be an error for ever."""
    persons()
    audit.record(ACT, by=None, detail={"抹除": 5})
    assert "抹除的人员和报到 0" in shown()


def test_a_job_that_did_not_run_is_named(shown, installed_long_ago):
    for job, (_, words) in JOBS.items():
        if job != "printed":
            retention_ran(job, **dict.fromkeys(words, 0))
    text = shown()
    assert "没有按时清理" in text and text.count("<li>打印的文件</li>") == 1 and "<li>上传和导出的文件</li>" not in text
    retention_ran("printed", files=3)
    assert "没有按时清理" not in shown()


def test_on_the_first_day_none_is_late(shown):
    text = shown()
    assert "没有按时清理" not in text and "第一个凌晨" in text


@pytest.fixture
def city():
    return factories.make_city()
