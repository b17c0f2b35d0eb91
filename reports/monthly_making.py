"""Making monthly reports: a job for one unit or the whole set, on demand, and on the day after the month."""

from datetime import date

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from jobs.models import Job
from jobs.services import Progress, job_kind, job_start
from reports import monthly, printed_making, printing
from reports.models import MonthClosing, PrintedDocument
from reports.selectors import Unit
from reports.services import CloseRefused, month_close

KIND = "reports.printed_monthly"
MONTHLY_LOCK = 7_862  # pg_advisory_xact_lock: who queues the month's reports, queues them alone


def document_of(unit: Unit, first: date, *, classification: str, address: str, by) -> tuple[PrintedDocument, bool]:
    """(the monthly report of a unit, whether it is new). Raises PrintRefused."""
    month = monthly.month_for(unit, first)
    own = month.released.own
    return printing.document_create(
        kind=PrintedDocument.Kind.MONTHLY, unit=unit, period=first, as_of=own.as_of, title=monthly.title_of(unit),
        body=monthly.content_of(unit, month, address), source=month.source, classification=classification, by=by,
        closing=month.closing,
    )  # fmt: skip


def monthly_start(*, units: list[Unit], first: date, classification: str, address: str, by, url: str = "") -> Job:
    """Queue the making of these units' reports of a month."""
    params = printed_making.params_of(
        units, month=first.isoformat(), classification=classification, address=address, url=url
    )
    title = f"{first:%Y年%m月}月报：{printed_making.named(units)}"
    return job_start(kind=KIND, title=title, by=by, params=params, total=len(units))


@job_kind(KIND, right=lambda params: printed_making.PRINT)
def run(job: Job, progress: Progress) -> dict:
    first = date.fromisoformat(job.params["month"])

    def make(unit: Unit) -> tuple[PrintedDocument, bool]:
        return document_of(
            unit, first, classification=job.params["classification"], address=job.params["address"], by=job.owner
        )

    return printed_making.make_each(job, progress, make, f"kind=monthly&month={first:%Y-%m}")


# --- on the first of the month ----------------------------------------------------------------------------------------


@transaction.atomic
def monthly_due(today: date | None = None) -> Job | None:
    """Close the month that is over, where nobody did, and queue the reports that were not made yet. None: nothing is missing,
    or a job is at it.

    Sent on the first and again on the days after, which make up for a first without servers or without room.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [MONTHLY_LOCK])
    first = monthly.month_over(today or timezone.localdate())
    jobs = Job.objects.filter(kind=KIND, owner=None, params__month=first.isoformat())
    if jobs.exclude(state__in=Job.FINISHED).exists():
        return None
    if not MonthClosing.objects.filter(month=first).exists():
        try:
            month_close(month=first, by=None)
        except CloseRefused:
            return None
    if not (units := _missing(first)):
        return None
    return monthly_start(
        units=units, first=first, classification=settings.REPORT_CLASSIFICATION, by=None,
        address=settings.PUBLIC_URL.rstrip("/"),
    )  # fmt: skip


def _missing(first: date) -> list[Unit]:
    """Units without a report of the month as it was closed, if that has numbers of theirs."""
    made = PrintedDocument.objects.filter(kind=PrintedDocument.Kind.MONTHLY, closing__month=first)
    done = set(made.values_list("organization", flat=True))
    closing = MonthClosing.objects.filter(month=first).defer("numbers").latest("revision")
    return monthly.closed_units(closing, [unit for unit in printed_making.all_units() if unit.pk not in done])
