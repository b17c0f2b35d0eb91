"""Starting long work. What a kind of job does is registered by the room that owns it."""

from collections.abc import Callable
from typing import Protocol

from django.db import transaction

from accounts import audit
from jobs.models import Job


class Cancelled(Exception):
    """The owner asked to stop. The work's transaction rolls back."""


class Progress(Protocol):
    def __call__(self, done: int, total: int | None = None, message: str = "") -> None:
        """Say how far the work is; renews the lease. Raises Cancelled."""


Work = Callable[[Job, Progress], dict]
KINDS: dict[str, Work] = {}


def job_kind(name: str) -> Callable[[Work], Work]:
    """Register the function that does the work of one kind; it returns the result to keep."""

    def register(work: Work) -> Work:
        KINDS[name] = work
        return work

    return register


@transaction.atomic
def job_start(*, kind: str, title: str, by, params: dict | None = None, total: int | None = None) -> Job:
    """Queue a job; a worker starts it once this transaction is committed."""
    from jobs.tasks import run

    job = Job.objects.create(kind=kind, title=title, owner=by, params=params or {}, total=total)
    audit.record("jobs.job.start", by=by, subjects=[job], detail={"kind": kind})
    run.delay_on_commit(job_id=job.pk)
    return job
