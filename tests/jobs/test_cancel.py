"""Cancelling in the middle of a long statement: heard in seconds, never after the commit, never by another statement."""

import threading

import pytest
from django.db import connection, transaction

from accounts.models import User
from jobs import lease
from jobs.models import Job
from jobs.services import job_cancel
from markets.models import Business
from tables import services
from tests import factories
from tests.conftest import as_owner
from tests.jobs.test_runner import make_job, run_in_thread, wait_for
from tests.markets.files import make_code, make_row
from tests.tables.test_survival import start, work

pytestmark = pytest.mark.django_db(transaction=True)
LONG = 20  # seconds: no test waits for it


def sleeping() -> bool:
    """Is a job in the middle of its sleep, or waiting for somebody else's row?"""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND (wait_event = 'PgSleep' OR wait_event_type = 'Lock')"
        )
        return cursor.fetchone()[0] > 0


def cancelled_asleep(**params) -> tuple[Job, threading.Thread]:
    job = make_job("test.interruptible", params={"before": 0, "after": 0} | params)
    thread = run_in_thread(job.pk)
    wait_for(sleeping)
    assert job_cancel(job=job, by=job.owner)
    return job, thread


@pytest.mark.parametrize("params", [{"before": LONG}, {"copy": True}])
def test_a_long_statement_is_ended_and_all_is_rolled_back(params):
    job, thread = cancelled_asleep(**params)
    thread.join(5)
    assert not thread.is_alive()
    job.refresh_from_db()
    assert (job.state, "已按您的要求取消" in job.message, job.error) == ("cancelled", True, "")
    assert not User.objects.filter(username__startswith="made-by").exists()


def test_the_work_of_somebody_who_is_deactivated_stops_in_the_middle():
    job = make_job("test.interruptible", params={"before": LONG, "after": 0})
    thread = run_in_thread(job.pk)
    wait_for(sleeping)
    factories.rewrite(User.objects.filter(pk=job.owner_id), is_active=False)
    thread.join(5)
    assert not thread.is_alive()
    job.refresh_from_db()
    assert (job.state, job.message) == ("cancelled", "发起人的账号已停用，任务中途停止。")
    assert not User.objects.filter(username__startswith="made-by").exists()


def test_without_the_watcher_nobody_hears_it(monkeypatch):
    """The control."""
    monkeypatch.setattr(lease.Reporter, "interrupt", lambda self: None)
    job, thread = cancelled_asleep(before=3)
    thread.join(2)
    assert thread.is_alive()
    thread.join(10)
    job.refresh_from_db()
    assert job.state == "cancelled"  # at the last word before the commit


def test_what_is_committed_is_not_cancelled_any_more_nor_what_comes_after():
    job, thread = cancelled_asleep(after=2)
    thread.join(10)
    job.refresh_from_db()
    assert job.state == "done" and User.objects.filter(username__startswith="made-by").count() == 1


def test_who_lost_its_lease_is_stopped_in_its_statement_too(monkeypatch):
    monkeypatch.setattr(lease, "RENEW", 0.5)
    job = make_job("test.interruptible", params={"before": LONG, "after": 0})
    thread = run_in_thread(job.pk)
    wait_for(sleeping)
    Job.objects.filter(pk=job.pk).update(attempts=2)  # another worker's claim
    thread.join(5)
    assert not thread.is_alive()
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("running", 2)
    assert not User.objects.filter(username__startswith="made-by").exists()


def test_an_import_that_waits_for_somebody_elses_row_is_given_up(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    city = factories.make_city()
    clerk = factories.make_user("registrar", city.city)
    business = factories.make_business(city.yuehai, uscc=make_code(), address="旧址")
    batch = work(start([make_row(统一社会信用代码=business.uscc, 住所="新址"), make_row()], clerk))
    services.batch_confirm(batch=batch, by=clerk)
    held, release = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            Business.objects.select_for_update().get(pk=business.pk)
            held.set()
            release.wait(20)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(5)
    thread = run_in_thread(batch.job_id)
    wait_for(sleeping)
    job_cancel(job=batch.job, by=clerk)
    thread.join(5)
    was_heard = not thread.is_alive()
    release.set()
    holder.join()
    thread.join()
    batch.refresh_from_db()
    assert was_heard and (batch.state, batch.job.state) == ("checked", "cancelled")
    assert list(Business.objects.values_list("address", flat=True)) == ["旧址"]
    work(services.batch_confirm(batch=batch, by=clerk))
    assert Business.objects.filter(address="新址").count() == 1 and Business.objects.count() == 2
