"""Starting long work. What a kind of job does is registered by the room that owns it."""

import logging
from collections.abc import Callable
from typing import Protocol

from django.db import transaction
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from accounts import audit
from jobs.models import Job
from jobs.rights import extent_of

logger = logging.getLogger(__name__)


class JobFailed(Exception):
    """The work cannot be done; the text is for the owner: Chinese, says what to do, quotes no person's data."""


class Progress(Protocol):
    def __call__(self, done: int, total: int | None = None, message: str = "") -> None:
        """Say how far the work is; renews the lease. Raises Cancelled."""


Work = Callable[[Job, Progress], dict]
Right = Callable[[dict], str]
KINDS: dict[str, Work] = {}
RIGHTS: dict[str, Right] = {}


def job_kind(name: str, *, right: Right) -> Callable[[Work], Work]:
    """Register the function that does the work of one kind; it returns the result to keep.

    `right(params)`: the permission by which a job with these parameters works. When its owner loses any of it, the job
    stops at its next word.
    """

    def register(work: Work) -> Work:
        KINDS[name], RIGHTS[name] = work, right
        return work

    return register


@transaction.atomic
def job_start(*, kind: str, title: str, by, params: dict | None = None, total: int | None = None) -> Job:
    """Queue a job; a worker starts it once this transaction is committed."""
    permission = RIGHTS[kind](params or {}) if by is not None else ""
    job = Job.objects.create(
        kind=kind, title=title, owner=by, params=params or {}, total=total, permission=permission,
        extent=sorted(extent_of(by, permission)) if permission else [],
    )  # fmt: skip
    audit.record("jobs.job.start", by=by, subjects=[job], detail={"kind": kind})
    send(job.pk)
    return job


def send(job_id: int) -> None:
    """Tell the workers of a waiting job once this transaction is committed. The sweep repeats lost messages, and what could
    not be sent: whoever started the job hears nothing of a broker that is away."""
    transaction.on_commit(lambda: _tell(job_id))


def _tell(job_id: int) -> None:
    from jobs.tasks import run

    try:
        run.delay(job_id=job_id)
    except OperationalError:
        logger.warning("Job %s waits for the sweep: no answer from the broker", job_id)


@transaction.atomic
def job_cancel(*, job: Job, by) -> bool:
    """Ask a job to stop: one that was never begun ends at once, any other at its next word. False: it has ended already."""
    mine = Job.objects.filter(pk=job.pk)
    cancelled = mine.filter(state=Job.State.QUEUED, attempts=0).update(
        state=Job.State.CANCELLED, cancel_requested=True, message="还没有开始，已按您的要求取消。", finished_at=Now()
    )
    asked = cancelled or mine.exclude(state__in=Job.FINISHED).update(cancel_requested=True)
    if asked:
        audit.record("jobs.job.cancel", by=by, subjects=[job], detail={"kind": job.kind})
    return bool(asked)
