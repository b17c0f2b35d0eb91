"""Making monthly reports: a job for one unit or the whole set, on demand, and on the day after the month."""

from contextlib import suppress
from datetime import date

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from jobs.models import Job
from jobs.services import JobFailed, Progress, job_kind, job_start
from members.pdf import PdfUnavailable, why_no_pdf
from orgs.kinds import Level
from orgs.models import Division, Organization
from reports import monthly, papers, printing
from reports.models import MonthClosing, PrintedDocument
from reports.printing import PrintRefused
from reports.selectors import Unit
from reports.services import CloseRefused, month_close

KIND = "reports.printed_monthly"
PRINT = "reports.print_printeddocument"


def document_of(unit: Unit, first: date, *, classification: str, address: str, by) -> tuple[PrintedDocument, bool]:
    """(the monthly report of a unit, whether it is new). Raises PrintRefused."""
    month = monthly.month_for(unit, first)
    own = month.released.own
    return printing.document_create(
        kind=PrintedDocument.Kind.MONTHLY, unit=unit, period=first, as_of=own.as_of, title=monthly.title_of(unit),
        body=monthly.content_of(unit, month, address), source=month.source, classification=classification, by=by,
        closing=month.closing,
    )  # fmt: skip


def units_for(user, unit: Unit, below: bool) -> list[Unit]:
    """The unit, and with `below` each city, district and guidance station (or district and street) under it."""
    if not below:
        return [unit]
    if isinstance(unit, Organization):
        rows = Organization.objects.visible_to(user, PRINT).within(unit).open().exclude(level=Level.GRASSROOTS)
        return list(rows.order_by("path"))
    divisions = Division.objects.visible_to(user, PRINT).exclude(level=Division.Level.COMMUNITY)
    inside = [unit.pk, *unit.children.values_list("pk", flat=True)]
    found = divisions.filter(pk__in=inside) | divisions.filter(parent__in=inside)
    return list(found.distinct().order_by("level", "sort", "code"))


def monthly_start(*, units: list[Unit], first: date, classification: str, address: str, by, url: str = "") -> Job:
    """Queue the making of these units' reports of a month."""
    one = f"「{units[0]}」" if len(units) == 1 else f"{len(units)} 个单位"
    params = {
        "organizations": [unit.pk for unit in units if isinstance(unit, Organization)],
        "divisions": [unit.pk for unit in units if isinstance(unit, Division)],
        "month": first.isoformat(), "classification": classification, "address": address, "url": url,
    }  # fmt: skip
    return job_start(kind=KIND, title=f"{first:%Y年%m月}月报：{one}", by=by, params=params, total=len(units))


@job_kind(KIND)
def run(job: Job, progress: Progress) -> dict:
    """Each report is whole by itself: one that was made stays when the job is cancelled or taken over."""
    units = _units(job)
    if not units:
        raise JobFailed("您已没有给这些单位出月报的权限，没有生成。需要的话请联系本单位管理员。")
    first, made, kept, refused = date.fromisoformat(job.params["month"]), 0, 0, []
    document = None
    for number, unit in enumerate(units):
        progress(number, len(units), f"正在生成：{unit}"[:200])
        try:
            document, is_new = _make(unit, first, job)
        except PrintRefused as problem:
            refused.append(str(problem))
            continue
        made, kept = made + is_new, kept + (not is_new)
    if document is None:
        raise JobFailed(refused[0])
    alone = len(units) == 1
    url = (
        reverse("reports:printed", args=[document.pk])
        if alone
        else f"{reverse('reports:printed_list')}?month={first:%Y-%m}"
    )
    return {"url": url, "made": made, "kept": kept, "refused": len(refused), "no_pdf": why_no_pdf()}


def _make(unit: Unit, first: date, job: Job) -> tuple[PrintedDocument, bool]:
    document, is_new = document_of(
        unit, first, classification=job.params["classification"], address=job.params["address"], by=job.owner
    )
    with suppress(PdfUnavailable):  # the print page stands in and says why
        papers.pdf_of(document)
    return document, is_new


def _units(job: Job) -> list[Unit]:
    organizations = Organization.objects.filter(pk__in=job.params["organizations"])
    divisions = Division.objects.filter(pk__in=job.params["divisions"])
    if job.owner is not None:  # rights may have ended since
        organizations = organizations.visible_to(job.owner, PRINT)
        divisions = divisions.visible_to(job.owner, PRINT)
    return [*organizations.order_by("path"), *divisions.order_by("level", "sort", "code")]


# --- on the first of the month ----------------------------------------------------------------------------------------


@transaction.atomic
def monthly_due(today: date | None = None) -> Job | None:
    """Close the month that is over, where nobody did, and queue the reports of all units. None: nothing to report.

    Called again on a later day it makes what is missing; what was made stays as it is.
    """
    first = monthly.month_over(today or timezone.localdate())
    if not MonthClosing.objects.filter(month=first).exists():
        try:
            month_close(month=first, by=None)
        except CloseRefused:
            return None
    units: list[Unit] = list(Organization.objects.open().exclude(level=Level.GRASSROOTS).order_by("path"))
    if not units:
        return None
    return monthly_start(
        units=units, first=first, classification=settings.REPORT_CLASSIFICATION, by=None,
        address=settings.PUBLIC_URL.rstrip("/"),
    )  # fmt: skip
