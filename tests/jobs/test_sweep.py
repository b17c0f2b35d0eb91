import contextlib
import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.models import User
from jobs import tasks
from jobs.models import Job
from jobs.runner import MAX_ATTEMPTS, job_run
from jobs.services import KINDS, job_cancel, job_start
from jobs.sweep import SWEEP_LOCK, sweep
from tests import factories as make
from tests.jobs.test_runner import make_job, wait_for

State = Job.State


def ago(**period):
    return timezone.now() - timedelta(**period)


@pytest.fixture
def sent(django_capture_on_commit_callbacks):
    """Runs the sweep; returns its counts and how many messages it sends."""

    def run():
        with django_capture_on_commit_callbacks() as callbacks:
            counts = sweep()
        return counts, len(callbacks)

    return run


@pytest.mark.django_db
def test_a_lost_message_is_sent_again_once_and_a_fresh_job_is_left_alone(sent):
    make_job(created_at=ago(seconds=40))
    make_job(created_at=ago(seconds=20))
    counts, messages = sent()
    assert (counts["sent"], messages) == (1, 1)
    counts, messages = sent()
    assert (counts["sent"], messages) == (0, 0)  # the repeated message is trusted for two minutes
    Job.objects.filter(lease_until__isnull=False).update(lease_until=ago(seconds=1))
    assert sent()[1] == 1


@pytest.mark.django_db
def test_only_a_lease_that_has_run_out_is_taken_over(sent):
    dead = make_job(state=State.RUNNING, attempts=1, lease_until=ago(seconds=1))
    alive = make_job(state=State.RUNNING, attempts=1, lease_until=timezone.now() + timedelta(seconds=5))
    counts, messages = sent()
    assert (counts["taken_over"], messages) == (1, 1)
    dead.refresh_from_db()
    alive.refresh_from_db()
    assert (dead.state, alive.state) == (State.QUEUED, State.RUNNING)


@pytest.mark.django_db
def test_after_three_attempts_it_gives_up_and_says_so(sent):
    job = make_job(state=State.RUNNING, attempts=MAX_ATTEMPTS, lease_until=ago(seconds=1))
    counts, messages = sent()
    assert (counts["given_up"], messages) == (1, 0)
    job.refresh_from_db()
    assert job.state == State.FAILED
    assert "已尝试 3 次" in job.message and job.finished_at


@pytest.mark.django_db
@pytest.mark.parametrize(("was_committed", "ends"), [(False, State.CANCELLED), (True, State.DONE)])
def test_a_cancelled_job_whose_worker_died_ends_as_its_work_stands(sent, monkeypatch, was_committed, ends):
    """The worker may have died after the commit: then it is done, whatever its owner wanted."""

    def work(job, progress):
        if not was_committed:
            progress(1, 2)
        return {}

    monkeypatch.setitem(KINDS, "tests.dead", work)
    job = make_job(
        kind="tests.dead", state=State.RUNNING, attempts=1, lease_until=ago(seconds=1), is_committed=was_committed
    )
    assert job_cancel(job=job, by=job.owner)
    assert sent()[0]["taken_over"] == 1
    assert job_cancel(job=job, by=job.owner)  # asked again while it waits for its second attempt
    assert job_run(job_id=job.pk).state == ends


@pytest.mark.django_db(transaction=True)
def test_only_one_sweep_runs_at_a_time():
    make_job(state=State.RUNNING, attempts=1, lease_until=ago(seconds=1))
    holding, release = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SWEEP_LOCK])
            holding.set()
            release.wait(10)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait(10)
    assert sweep() == {}
    release.set()
    thread.join()
    assert sweep()["taken_over"] == 1


# --- a real worker, killed ---


OWN_QUEUE = "killed"


@pytest.fixture
def own_queue(monkeypatch):
    """Messages of jobs go to a queue that only this test's workers read; what earlier tests enqueued waits elsewhere."""
    monkeypatch.setattr(tasks.run, "queue", OWN_QUEUE, raising=False)
    monkeypatch.setattr(tasks.run, "_exec_options", None)  # where the task remembers its queue


@contextlib.contextmanager
def worker():
    """A real worker of its own that knows the kinds of the tests. Ends with the block, if it was not killed before."""
    server = os.environ["DATABASE_URL"].rsplit("/", 1)[0]
    environment = os.environ | {
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
        "DATABASE_ROLE": "web",
        "REDIS_URL": settings.REDIS_URL,
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    environment.pop("DATABASE_OWNER_URL")
    command = [sys.executable, "-m", "celery", "-q", "-A", "config", "worker", "-P", "solo", "-Q", OWN_QUEUE]
    options = ["-l", "error", "--without-gossip", "--without-mingle", "-I", "tests.jobs.kinds"]
    process = subprocess.Popen([*command, *options], env=environment)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def made(job: Job) -> set[str]:
    return set(User.objects.filter(username__startswith=f"made-by-{job.pk}-").values_list("username", flat=True))


@pytest.mark.django_db(transaction=True)
def test_a_job_whose_worker_is_killed_is_taken_over_by_the_sweep(own_queue):
    user = make.make_user()
    with worker() as first:
        with transaction.atomic():
            job = job_start(kind="test.slow", title="长任务", by=user, params={"steps": 100})
        wait_for(lambda: Job.objects.filter(pk=job.pk, done__gt=3).exists(), 40)
        assert sweep()["taken_over"] == 0  # control: while its worker lives, nobody takes the job
        first.send_signal(signal.SIGKILL)
        first.wait(10)
    job.refresh_from_db()
    assert (job.state, made(job)) == (State.RUNNING, set())  # control: a dead worker says nothing by itself
    assert sweep()["taken_over"] == 0  # … and its lease is respected to the end
    Job.objects.filter(pk=job.pk).update(lease_until=ago(seconds=1), params={"steps": 3})  # a minute later
    with worker():
        assert sweep()["taken_over"] == 1
        wait_for(lambda: Job.objects.filter(pk=job.pk, state=State.DONE).exists(), 40)
    job.refresh_from_db()
    assert (job.attempts, job.result) == (2, {"attempt": 2})
    assert made(job) == {f"made-by-{job.pk}-2"}


@pytest.mark.django_db
def test_a_job_is_started_while_the_broker_is_away(monkeypatch, sent, django_capture_on_commit_callbacks):
    """Whoever starts it sees no error of ours; the sweep tells the workers later."""

    def refused(**_):
        raise OperationalError("refused")

    monkeypatch.setattr(tasks.run, "delay", refused)
    monkeypatch.setattr(tasks.run, "delay_on_commit", lambda **_: transaction.on_commit(refused))
    with django_capture_on_commit_callbacks(execute=True):
        job = job_start(kind="test.ends", title="", by=None)
    assert Job.objects.get(pk=job.pk).state == State.QUEUED
    Job.objects.update(created_at=ago(seconds=40))
    assert sent()[1] == 1
