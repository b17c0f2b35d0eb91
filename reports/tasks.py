"""When numbers are computed: at night, after an import, and within seconds of a change."""

from celery import shared_task
from django.core.cache import cache
from django.db import OperationalError
from django.utils import timezone

DEBOUNCE = 1  # seconds in which further changes join the refresh already queued
MARK = "reports:queued"


@shared_task(
    name="reports.refresh_coverage", acks_late=True, autoretry_for=(OperationalError,), max_retries=5,
    default_retry_delay=10,
)  # fmt: skip
def refresh_coverage() -> None:
    """Once more where the tree was changed meanwhile: what is counted is of one state, or is not written."""
    from reports.services import coverage_refresh
    from reports.withheld import keep_ready

    coverage_refresh()
    keep_ready()


@shared_task(name="reports.keep_withheld", acks_late=True)
def keep_withheld() -> None:
    """Each minute: what a line over time needs of every day, where an upgrade or an empty cache took it away."""
    from reports import withheld

    if not withheld.is_ready():
        withheld.keep_ready()


@shared_task(name="reports.refresh_touched", acks_late=True)
def refresh_touched() -> None:
    """Count again what changed. Changes that come while this runs queue the next refresh; a lost one is made up for by
    the schedule, which sends this every minute."""
    from reports import kept
    from reports.services import coverage_refresh
    from reports.withheld import Withheld

    cache.delete(MARK)
    if kept.much_told():
        queue_full_refresh()
    elif kept.any_told():
        coverage_refresh(touched=True)
        Withheld(timezone.localdate()).work_out()  # not when the first reader asks


@shared_task(name="reports.monthly", acks_late=True)
def monthly() -> None:
    """In the first days of the month: close the one that is over, and queue the reports that are missing."""
    from reports.monthly_making import monthly_due

    monthly_due()


@shared_task(name="reports.fill_forms", acks_late=True)
def fill_forms() -> None:
    """Each day: the month that was closed this night, and whatever a stopped worker left."""
    from accounts.retention import retention_ran
    from reports.form_books import remove_orphans
    from reports.form_due import forms_due

    retention_ran("forms", files=remove_orphans())
    forms_due()


@shared_task(name="reports.weekly", acks_late=True)
def weekly() -> None:
    """Queue the week's sheets that are missing: on Monday all of them."""
    from reports.weekly_making import weekly_due

    weekly_due()


@shared_task(name="reports.printed_retention")
def printed_retention() -> None:
    from accounts.retention import retention_ran
    from reports.printing import retention

    retention_ran("printed", files=retention())


@shared_task(name="reports.alarm_retention")
def alarm_retention() -> None:
    from accounts.retention import retention_ran
    from reports.alarms import looking

    retention_ran("alarms", alarms=looking.alarms_remove_old())


@shared_task(name="reports.alarms")
def alarms() -> None:
    """Each minute: raise what is new, then tell what has not been told."""
    from reports.alarms import looking, sending

    looking.look()
    sending.send()


def queue_refresh() -> None:
    """Queue a refresh of what was touched, in a second, unless one is queued already. A lost task's mark lapses."""
    if cache.add(MARK, True, 30):
        refresh_touched.apply_async(countdown=DEBOUNCE)


def queue_full_refresh() -> None:
    """For the workers of long jobs: counting everything takes seconds, in which they would hear of nothing else."""
    refresh_coverage.apply_async()


def hear_sealed(events: list) -> None:
    """Listener of the audit's sealer: acts were done, and some of them changed what is counted."""
    from reports import kept

    if kept.any_told():
        queue_refresh()


def hear_applied(target: str, units: list[int]) -> None:
    """Listener of applied imports."""
    queue_refresh()
