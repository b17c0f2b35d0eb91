"""The sweep: takes over jobs whose worker died, and sends again those whose message was lost."""

from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from jobs.models import Job
from jobs.runner import WORTH_ANOTHER, gave_up, record_end
from jobs.services import send

SWEEP_LOCK = 7_808  # pg_try_advisory_xact_lock: one sweep at a time
LOST_AFTER = timedelta(seconds=30)
AGAIN_AFTER = timedelta(minutes=2)  # a job that only waits for a busy worker shall not fill the queue with messages


@transaction.atomic
def sweep() -> dict[str, int]:
    """Counts of what was done: sent again, taken over, given up. Nothing while another sweep runs.

    What its owner wants to cancel is taken over too: only the work knows whether it was committed before its worker died.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SWEEP_LOCK])
        if not cursor.fetchone()[0]:
            return {}
    dead = Job.objects.filter(state=Job.State.RUNNING, lease_until__lt=Now())
    ended = {"lease_until": None, "finished_at": Now()}
    return {
        "given_up": _give_up(dead, ended),
        "taken_over": _take_over(dead),
        "sent": _resend(),
    }


def _give_up(dead, ended: dict) -> int:
    given_up = 0
    for job in dead.exclude(WORTH_ANOTHER).select_related("owner"):
        error = f"The worker ended in each of {job.attempts} attempts (killed, out of memory or restarted)."
        outcome = gave_up(job)
        if dead.filter(pk=job.pk).update(error=error, **outcome, **ended):
            record_end(job, outcome["state"])
            given_up += 1
    return given_up


def _take_over(dead) -> int:
    taken = 0
    for job in dead.filter(WORTH_ANOTHER):
        message = "执行任务的进程意外中断，系统正在自动重新执行。"
        taken += dead.filter(pk=job.pk).update(state=Job.State.QUEUED, message=message, lease_until=Now() + AGAIN_AFTER)
        send(job.pk)
    return taken


def _resend() -> int:
    """A waiting job's `lease_until` is the time until which its last message is trusted to be on its way."""
    lost = Job.objects.filter(
        Q(lease_until__isnull=True, created_at__lt=Now() - LOST_AFTER) | Q(lease_until__lt=Now()),
        state=Job.State.QUEUED,
    )
    waiting = list(lost.values_list("pk", flat=True))
    Job.objects.filter(pk__in=waiting, state=Job.State.QUEUED).update(lease_until=Now() + AGAIN_AFTER)
    for job_id in waiting:
        send(job_id)
    return len(waiting)
