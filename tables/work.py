"""The kinds of job of this room: checking a file, writing it, taking it back."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError
from django.urls import reverse
from psycopg2.errors import DiskFull

from accounts import wall
from jobs.listening import LeaseLost
from jobs.models import Job
from jobs.services import JobFailed, Progress, job_kind
from tables import services
from tables.faults import fault
from tables.models import Batch
from tables.readers import Refused
from tables.register import Cannot, target, tell_applied

DISK_FULL = "数据库的磁盘空间不够，没有{}任何内容。请联系系统管理员腾出空间后再试一次。"
VERBS: dict[str, str] = {Batch.State.APPLYING: "写入", Batch.State.UNDOING: "撤销"}


def _batch(job: Job) -> Batch:
    return Batch.objects.select_related("owner", "job").get(pk=job.params["batch"])


def _result(batch: Batch) -> dict:
    return {"url": reverse("tables:batch", args=[batch.pk]), **batch.counts}


def _right(params: dict) -> str:
    """That of importing into the table that the batch is for."""
    return target(Batch.objects.values_list("target", flat=True).get(pk=params["batch"])).permission


@job_kind("tables.check", right=_right)
@wall.everywhere()
def check(job: Job, progress: Progress) -> dict:
    batch = _batch(job)
    if batch.state == Batch.State.READING:
        services.batch_check(batch=batch, progress=progress)
        fault("check.committed")
    return _result(batch)


@job_kind("tables.apply", right=_right)
@wall.everywhere()
def apply(job: Job, progress: Progress) -> dict:
    """Writes once: a job that is taken over after its commit finds the batch applied, and only tells of it again."""
    batch = _batch(job)
    units: list[int] = []  # only a first reading knows them; whoever hears refreshes everything anyway
    if batch.state == Batch.State.APPLYING:
        with _else_back(batch, Batch.State.CHECKED):
            units = services.batch_apply(batch=batch, progress=progress).units
            fault("apply.committed")
    if batch.state == Batch.State.APPLIED:
        tell_applied(batch.target, units)
        fault("apply.told")
        services.forget(batch)
    return _result(batch)


@job_kind("tables.undo", right=_right)
@wall.everywhere()
def undo(job: Job, progress: Progress) -> dict:
    """Takes back once, like `apply`."""
    batch = _batch(job)
    units: list[int] = []
    if batch.state == Batch.State.UNDOING:
        with _else_back(batch, Batch.State.APPLIED):
            units = services.batch_take_back(batch=batch, by=job.owner, progress=progress)
            fault("undo.committed")
    if batch.state == Batch.State.UNDONE:
        tell_applied(batch.target, units)
    return _result(batch) | {"kept": batch.conflicts.count()}


@contextmanager
def _else_back(batch: Batch, state: str) -> Iterator[None]:
    """Where nothing was written, the batch waits for a decision again."""
    running = batch.state
    try:
        yield
    except (OperationalError, LeaseLost) as error:
        if not isinstance(error.__cause__, DiskFull):
            raise  # the job goes on, later or elsewhere, and its batch with it
        Batch.objects.filter(pk=batch.pk, state=running).update(state=state)
        raise JobFailed(DISK_FULL.format(VERBS[running])) from error
    except Exception as error:
        Batch.objects.filter(pk=batch.pk, state=running).update(state=state)
        if isinstance(error, Refused | Cannot):
            raise JobFailed(str(error)) from error
        raise
