"""What is committed is done, whatever becomes of its worker; who lost the lease commits nothing."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from jobs.lease import interruptible
from jobs.models import Job
from jobs.runner import MAX_ATTEMPTS, TELLING, job_run
from jobs.services import KINDS
from jobs.sweep import sweep
from tests.jobs.test_runner import make_job

pytestmark = pytest.mark.django_db(transaction=True)
State = Job.State


class Killed(BaseException):
    pass


@pytest.fixture
def after(monkeypatch):
    """`after(error)`: makes the error come after the commit of every attempt; None: no more."""
    errors: list[BaseException | None] = [None]

    def work(job, progress):
        if not job.is_committed:
            with transaction.atomic(), interruptible() as result:
                User.objects.create_user(f"made-by-{job.pk}-{job.attempts}")
                result["url"] = "/here/"
                if job.params.get("lost"):
                    Job.objects.filter(pk=job.pk).update(attempts=9)
        if errors[0]:
            raise errors[0]
        return job.result | {"told": True}

    monkeypatch.setitem(KINDS, "test.telling", work)
    return lambda error: errors.__setitem__(0, error)


def dies(job: Job) -> Job:
    """One attempt by a worker that dies after the commit; then its lease runs out and the sweep comes by."""
    with pytest.raises(Killed):
        job_run(job_id=job.pk)
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    sweep()
    job.refresh_from_db()
    return job


def made() -> int:
    return User.objects.filter(username__startswith="made-by").count()


def test_the_last_worker_dies_after_its_commit_and_another_tells_of_it(after):
    job = make_job("test.telling", attempts=MAX_ATTEMPTS - 1)
    after(Killed())
    assert dies(job).state == State.QUEUED
    after(None)
    job = job_run(job_id=job.pk)
    assert (job.state, job.result, made()) == (State.DONE, {"url": "/here/", "told": True}, 1)


def test_where_nobody_lives_to_tell_it_is_done_all_the_same(after):
    job = make_job("test.telling")
    after(Killed())
    for _ in range(MAX_ATTEMPTS + TELLING):
        assert job.state == State.QUEUED
        dies(job)
    assert (job.state, job.finished_url, made()) == (State.DONE, "/here/", 1) and "已经完成" in job.message


def test_an_error_after_the_commit_does_not_make_it_failed(after):
    job = make_job("test.telling")
    after(ValueError("broken"))
    for _ in range(MAX_ATTEMPTS + TELLING - 1):
        assert job_run(job_id=job.pk).state == State.QUEUED
    job = job_run(job_id=job.pk)
    assert (job.state, made()) == (State.DONE, 1) and "ValueError" in job.error


def test_who_lost_the_lease_unawares_commits_nothing(after):
    job = make_job("test.telling", params={"lost": True})
    assert job_run(job_id=job.pk) is None and made() == 0
