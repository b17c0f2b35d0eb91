"""Running a job: claim it, do its kind's work, write down how it ended."""

import logging
import traceback

from django.db import OperationalError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from accounts import audit, wall
from accounts.disks import is_disk_full
from jobs.lease import LEASE, Reporter, held, reporting
from jobs.listening import Cancelled, LeaseLost
from jobs.models import Job
from jobs.services import KINDS, JobFailed, send

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
TELLING = 3  # further attempts where the work is committed: they only tell of it
WORTH_ANOTHER = Q(attempts__lt=MAX_ATTEMPTS) | Q(attempts__lt=MAX_ATTEMPTS + TELLING, is_committed=True)


def free() -> QuerySet[Job]:
    """Jobs that a worker may take: waiting, or left behind by a worker whose lease ran out."""
    left_behind = Q(state=Job.State.RUNNING, lease_until__lt=Now())
    return Job.objects.filter(WORTH_ANOTHER, Q(state=Job.State.QUEUED) | left_behind)


@transaction.atomic
def claim(job_id: int) -> Job | None:
    """Take the job, or None: it is not free, or another worker was quicker. One conditional UPDATE decides."""
    taken = free().filter(pk=job_id).update(
        state=Job.State.RUNNING,
        attempts=F("attempts") + 1,
        lease_until=Now() + LEASE,
        started_at=Now(),
        done=0,
        message="",
    )  # fmt: skip
    return Job.objects.select_related("owner").get(pk=job_id) if taken else None


def job_run(*, job_id: int) -> Job | None:
    """Run one job to its end and return it; None when there was nothing to take.

    The work's own transactions are its own business. It must not write to the job's row: `progress` does.
    """
    job = claim(job_id)
    if job is None:
        return None
    outcome: dict
    with reporting(job) as progress:
        try:
            result = _work(job, progress) or {}
            outcome = {"state": Job.State.DONE, "result": result, "message": "", "error": ""}
        except LeaseLost:
            logger.warning("Job %s: attempt %s was taken over by another worker", job.pk, job.attempts)
            return None
        except Cancelled:
            outcome = {"state": Job.State.CANCELLED, "message": _why_stopped(job, progress)}
        except OperationalError as error:
            outcome = _interrupted(job, error)
        except Exception as error:
            outcome = _failed(job, error)
    return _end(job, progress, outcome)


def _work(job: Job, progress: Reporter) -> dict:
    if job.owner is not None and not job.owner.is_active and not job.is_committed:
        raise JobFailed("发起人的账号已停用，任务没有执行。请由在用的账号重新发起。")
    if not job.is_committed:
        progress.look()
        progress.check()
    work = KINDS.get(job.kind)
    if work is None:
        raise JobFailed("系统不认识这类任务，没有执行。请把任务编号告诉系统管理员。")
    with wall.as_user(job.owner) if job.owner is not None else wall.everywhere():
        if not connection.in_atomic_block:
            return work(job, progress)
        with transaction.atomic():  # the caller's transaction must outlive a failure of the work
            return work(job, progress)


def _why_stopped(job: Job, progress: Reporter) -> str:
    if progress.revoked:
        return "已停止：权限已收回。发起之后您的任职或单位范围有变动；需要的话请联系本单位授权人，再重新发起。"
    is_gone = Job.objects.filter(pk=job.pk, owner__is_active=False, cancel_requested=False).exists()
    return "发起人的账号已停用，任务中途停止。" if is_gone else "已按您的要求取消。"


def describe(error: BaseException) -> str:
    """The error for administrators: what kind and where. Its text stays out: it may quote a person's data."""
    diagnosis = getattr(error.__cause__, "diag", None)
    facts = [type(error).__name__, getattr(diagnosis, "sqlstate", None), getattr(diagnosis, "constraint_name", None)]
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return "\n".join([" ".join(filter(None, facts)), *places])


def _told(job: Job, error: Exception) -> str:
    if isinstance(error, JobFailed):
        return str(error)[:200]
    if is_disk_full(error):
        return "服务器的磁盘空间不够，任务没有完成。请联系系统管理员腾出空间后再试一次。"
    return f"处理中遇到系统内部错误，任务没有完成。请稍后重新发起；仍不成功时，请把任务编号 {job.pk} 告诉系统管理员。"


def _failed(job: Job, error: Exception) -> dict:
    technical = describe(error)
    logger.error("Job %s (%s) failed: %s", job.pk, job.kind, technical)
    return {
        "state": Job.State.FAILED,
        "message": _told(job, error),
        "error": technical,
    }


def _interrupted(job: Job, error: OperationalError) -> dict:
    """The database was away or broke a deadlock: that may pass, so the job goes back into the queue. A full disk stays."""
    if is_disk_full(error):
        return _failed(job, error)
    if job.attempts >= MAX_ATTEMPTS:
        return {**_failed(job, error), **gave_up(job)}
    logger.warning("Job %s (%s) interrupted: %s", job.pk, job.kind, describe(error))
    return {"state": Job.State.QUEUED, "message": "数据库一时不可用，稍后自动重试。", "error": describe(error)}


def record_end(job: Job, state: str) -> None:
    detail = {"kind": job.kind, "state": state}
    audit.record("jobs.job.end", by=job.owner, subjects=[job], detail=detail, succeeded=state == Job.State.DONE)


def gave_up(job: Job) -> dict:
    """How a job ends that is not tried again."""
    if job.is_committed:
        return {"state": Job.State.DONE, "message": "已经完成。之后的刷新统计等收尾被打断，会在下次定时刷新时补上。"}
    message = (
        f"已尝试 {job.attempts} 次，每次都在中途中断，系统不再重试，任务没有完成。"
        f"请稍后重新发起；仍不成功时，请把任务编号 {job.pk} 告诉系统管理员。"
    )
    return {"state": Job.State.FAILED, "message": message}


def _as_it_stands(job: Job, outcome: dict) -> dict:
    """What was committed is done, however its attempt ended: another one tells of it, the last one lets it be."""
    job.is_committed = Job.objects.filter(pk=job.pk, is_committed=True).exists()
    if not job.is_committed:
        return outcome
    error = outcome.get("error", "")
    if Job.objects.filter(WORTH_ANOTHER, pk=job.pk).exists():
        return {"state": Job.State.QUEUED, "message": "内容已经写入，正在完成收尾。", "error": error}
    return {**gave_up(job), "error": error}


def _end(job: Job, progress: Reporter, outcome: dict) -> Job | None:
    """Write the end, unless another worker holds the job by now."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()  # what interrupted the work may have cut its connection
    if outcome["state"] != Job.State.DONE:
        outcome = _as_it_stands(job, outcome)
    finished = outcome["state"] in Job.FINISHED
    columns = {**progress.columns(), **outcome, "lease_until": None, "finished_at": Now() if finished else None}
    if outcome["state"] == Job.State.DONE and columns["total"] is not None:
        columns["done"] = columns["total"]
    with transaction.atomic():
        if not held(job).update(**columns):
            logger.warning("Job %s: attempt %s ended after it was taken over", job.pk, job.attempts)
            return None
        if finished:
            record_end(job, outcome["state"])
        else:
            send(job.pk)
    job.refresh_from_db()
    return job
