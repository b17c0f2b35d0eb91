"""Whose turn a job is: a lease that its worker renews while it lives, and the progress that comes with it.

The work may run in one long transaction, so what others shall see of it meanwhile (progress, lease, the wish to cancel)
goes over a connection of its own: that of a small thread, which dies with its process and so lets the lease run out.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic

from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from jobs.models import Job
from jobs.services import Cancelled

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
RENEW = 15.0  # seconds between renewals while the work says nothing (one long statement, say)
TICK = 0.5  # seconds: progress is written at most twice a second
LOCK_PATIENCE = "3s"  # the work's own transaction may hold the job's row: better a late renewal than a standstill


class LeaseLost(Exception):
    """Another worker has taken the job over: this one must stop and write nothing more."""


def held(job: Job) -> QuerySet[Job]:
    """The job's row as long as this attempt holds it; the number of the attempt is the fencing token."""
    return Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, attempts=job.attempts)


class Reporter:
    """What a kind's work gets as `progress`. Cheap to call for every row: it only notes the numbers."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.done, self.total, self.message = job.done, job.total, job.message
        self.changed = False
        self.cancelled = False
        self.lost = False

    def __call__(self, done: int, total: int | None = None, message: str = "") -> None:
        self.note(done, total, message)
        self.check()

    def note(self, done: int, total: int | None, message: str) -> None:
        self.done, self.message, self.changed = done, message or self.message, True
        if total is not None:
            self.total = total

    def check(self) -> None:
        if self.lost:
            raise LeaseLost
        if self.cancelled:
            raise Cancelled

    def columns(self) -> dict:
        """As the table takes them: never more done than there is, the message cut to its column."""
        done = self.done if self.total is None else min(self.done, self.total)
        return {"done": done, "total": self.total, "message": self.message[:200]}

    def write(self) -> None:
        """Put progress and lease into the row; learn whether the owner wants to stop."""
        self.changed = False
        if not held(self.job).update(lease_until=Now() + LEASE, **self.columns()):
            self.lost = True
            return
        self.cancelled = Job.objects.values_list("cancel_requested", flat=True).get(pk=self.job.pk)


class _InTransaction(Reporter):
    """For a caller whose own transaction holds the job's row, as in a test: no other connection could see the row."""

    def __call__(self, done: int, total: int | None = None, message: str = "") -> None:
        self.note(done, total, message)
        self.write()
        self.check()


def _write_apart(reporter: Reporter) -> None:
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_PATIENCE}'")
            reporter.write()
    except (DatabaseError, InterfaceError):
        # The lease still has most of its minute; the next tick tries again on a fresh connection.
        logger.warning("Job %s: progress could not be written", reporter.job.pk, exc_info=True)
        reporter.changed = True
        connection.close()


def _beat(reporter: Reporter, stop: threading.Event) -> None:
    """Runs in the thread. Its `connection` is another one than the work's: Django keeps one for each thread."""
    renewed = monotonic()
    try:
        while not stop.wait(TICK) and not reporter.lost:
            if reporter.changed or monotonic() - renewed >= RENEW:
                _write_apart(reporter)
                renewed = monotonic()
    finally:
        connection.close()


@contextmanager
def reporting(job: Job) -> Iterator[Reporter]:
    """Keep the lease of a claimed job and carry its progress out while the block runs."""
    if connection.in_atomic_block:
        yield _InTransaction(job)
        return
    reporter, stop = Reporter(job), threading.Event()
    thread = threading.Thread(target=_beat, args=(reporter, stop), name=f"job-{job.pk}", daemon=True)
    thread.start()
    try:
        yield reporter
    finally:
        stop.set()
        thread.join()
