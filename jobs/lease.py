"""Whose turn a job is: a lease that its worker renews while it lives, and the progress that comes with it.

The work may run in one long transaction, so what others shall see of it meanwhile (progress, lease, the wish to cancel)
goes over a connection of its own: that of a small thread, which dies with its process and so lets the lease run out.
The thread also ends the statement that runs when the work shall stop (`interruptible`).
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from time import monotonic
from typing import Any

import psycopg2
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from psycopg2.errors import QueryCanceled

from jobs.listening import Cancelled, LeaseLost, listening
from jobs.models import Job
from jobs.rights import has_lost

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
RENEW = 15.0  # seconds between renewals while the work says nothing (one long statement, say)
TICK = 0.5  # seconds: progress is written at most twice a second
LOCK_PATIENCE = "3s"  # the work's own transaction may hold the job's row: better a late renewal than a standstill


def held(job: Job) -> QuerySet[Job]:
    """The job's row as long as this attempt holds it; the number of the attempt is the fencing token."""
    return Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, attempts=job.attempts)


class Reporter:
    """What a kind's work gets as `progress`. Cheap to call for every row: it only notes the numbers."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.done, self.total, self.message = job.done, job.total, job.message
        self.changed = False
        self.cancelled = job.cancel_requested  # work that was committed in an earlier attempt does not ask
        self.revoked = False
        self.lost = False
        self.guard = threading.Lock()
        self.open: Any = None  # the driver's connection while its statement may be ended

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
        """Put progress and lease into the row."""
        self.changed = False
        if not held(self.job).update(lease_until=Now() + LEASE, **self.columns()):
            self.lost = True

    def commit(self, result: dict) -> None:
        """The last words of the work's own transaction. Checks that were put off come before them: they may take long,
        and nobody can renew the lease while the row is locked. So does the last look at the right."""
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        self.look()
        self.check()
        kept = {"result": result} if result else {}
        if not held(self.job).update(is_committed=True, **kept):
            self.lost = True

    def look(self) -> None:
        """Learn whether the owner wants to stop, is nobody any more, or has lost the right by which this works."""
        row = Job.objects.filter(pk=self.job.pk).values_list("cancel_requested", "owner__is_active").first()
        self.revoked = has_lost(self.job)
        self.cancelled = bool(row and (row[0] or row[1] is False)) or self.revoked

    def interrupt(self) -> None:
        """End the running statement, if it may be. The driver comes back when the server has its signal, and the lock
        is held until then: no statement after the block can be hit."""
        with self.guard:
            if self.open is None:
                return
            try:
                self.open.cancel()
            except psycopg2.Error:
                logger.warning("Job %s: its statement could not be cancelled", self.job.pk, exc_info=True)


class _InTransaction(Reporter):
    """For a caller whose own transaction holds the job's row, as in a test: no other connection could see the row."""

    def __call__(self, done: int, total: int | None = None, message: str = "") -> None:
        self.note(done, total, message)
        self.write()
        self.look()
        self.check()


def _speak(reporter: Reporter, *, is_due: bool) -> None:
    """Hear of the wish to cancel first: the row that is written to may be held by the work itself."""
    try:
        reporter.look()
        if is_due:
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
        while not stop.wait(TICK):
            if not reporter.lost:
                is_due = reporter.changed or monotonic() - renewed >= RENEW
                renewed = monotonic() if is_due else renewed
                _speak(reporter, is_due=is_due)
            if reporter.lost or reporter.cancelled:
                reporter.interrupt()
    finally:
        connection.close()


_current: ContextVar[Reporter | None] = ContextVar("job_reporter", default=None)


@contextmanager
def reporting(job: Job) -> Iterator[Reporter]:
    """Keep the lease of a claimed job and carry its progress out while the block runs."""
    if connection.in_atomic_block:
        yield _InTransaction(job)
        return
    reporter, stop = Reporter(job), threading.Event()
    thread = threading.Thread(target=_beat, args=(reporter, stop), name=f"job-{job.pk}", daemon=True)
    thread.start()
    token, heard = _current.set(reporter), listening.set(reporter)
    try:
        yield reporter
    finally:
        _current.reset(token)
        listening.reset(heard)
        stop.set()
        thread.join()


@contextmanager
def interruptible() -> Iterator[dict[str, Any]]:
    """Inside a transaction that a job's work may still give up: `with transaction.atomic(), interruptible():`.

    When the owner cancels, whatever statement runs on the transaction's connection is ended on the server, a COPY from
    another thread too, and Cancelled is raised here. The block ends before the commit, which is never touched, nor is
    anything after it. The same transaction marks the job as committed; what the block puts into the dictionary is its
    result from then on. Where no job runs it does nothing.
    """
    reporter, result = _current.get(), dict[str, Any]()
    if reporter is None:
        yield result
        return
    with reporter.guard:
        reporter.open = connection.connection
    try:
        yield result
        reporter.commit(result)
    except (DatabaseError, psycopg2.Error) as error:
        if isinstance(error, QueryCanceled) or isinstance(error.__cause__, QueryCanceled):
            reporter.check()
        raise
    finally:
        with reporter.guard:
            reporter.open = None
    reporter.check()
