"""Making 一页纸: on demand, and early every Monday for the city, each district and each guidance station."""

from datetime import date

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from jobs.models import Job
from jobs.services import Progress, job_kind, job_start
from reports import printed_making, printing, selectors, weekly
from reports.models import PrintedDocument
from reports.selectors import Unit

KIND = "reports.printed_weekly"
WEEKLY_LOCK = 7_807  # pg_advisory_xact_lock: who queues the week's sheets, queues them alone
_WEEKLY = PrintedDocument.Kind.WEEKLY


def document_of(unit: Unit, monday: date, *, classification: str, address: str, by) -> tuple[PrintedDocument, bool]:
    """(the sheet of a unit for a week, whether it is new). Raises PrintRefused."""
    found = weekly.brief_for(unit, monday)
    return printing.document_create(
        kind=_WEEKLY, unit=unit, period=monday, as_of=found.own.as_of, title=weekly.title_of(unit),
        body=weekly.content_of(unit, found, monday, address), source=weekly.source_of(found),
        classification=classification, by=by,
    )  # fmt: skip


def weekly_start(*, units: list[Unit], monday: date, classification: str, address: str, by, url: str = "") -> Job:
    """Queue the making of these units' sheets of a week."""
    params = printed_making.params_of(
        units, week=monday.isoformat(), classification=classification, address=address, url=url
    )
    title = f"{monday:%Y年%m月%d日}一周的一页纸：{printed_making.named(units)}"
    return job_start(kind=KIND, title=title, by=by, params=params, total=len(units))


@job_kind(KIND, right=lambda params: printed_making.PRINT)
def run(job: Job, progress: Progress) -> dict:
    monday = date.fromisoformat(job.params["week"])

    def make(unit: Unit) -> tuple[PrintedDocument, bool]:
        # The system makes one sheet a week: numbers go on changing while a job that died is taken over.
        if job.owner is None and (kept := _made(monday).filter(organization=unit).order_by("edition").last()):
            return kept, False
        return document_of(
            unit, monday, classification=job.params["classification"], address=job.params["address"], by=job.owner
        )

    return printed_making.make_each(job, progress, make, f"kind=weekly&month={monday:%Y-%m}")


def _made(monday: date):
    return PrintedDocument.objects.filter(kind=_WEEKLY, period=monday)


@transaction.atomic
def weekly_due(today: date | None = None) -> Job | None:
    """Queue the sheets of this week that were not made yet. None: nothing is missing, or a job is at it.

    Sent on Monday and again on the days after, which make up for a Monday without servers.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [WEEKLY_LOCK])
    monday = weekly.monday_of(today or timezone.localdate())
    if (
        Job.objects.filter(kind=KIND, owner=None, params__week=monday.isoformat())
        .exclude(state__in=Job.FINISHED)
        .exists()
    ):
        return None
    made = set(_made(monday).values_list("organization", flat=True))
    units = [unit for unit in printed_making.all_units() if unit.pk not in made and _was_counted(unit, monday)]
    if not units:
        return None
    return weekly_start(
        units=units, monday=monday, classification=settings.REPORT_CLASSIFICATION, by=None,
        address=settings.PUBLIC_URL.rstrip("/"),
    )  # fmt: skip


def _was_counted(unit: Unit, monday: date) -> bool:
    day = selectors.day_counted(unit, monday + weekly.WEEK)
    return day is not None and day > monday - weekly.WEEK
