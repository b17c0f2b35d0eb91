"""Making printed documents in a job: of one unit or of many, each whole by itself."""

from collections.abc import Callable
from contextlib import suppress

from django.urls import reverse

from jobs.models import Job
from jobs.services import JobFailed, Progress
from members.pdf import PdfUnavailable, why_no_pdf
from orgs.kinds import Level
from orgs.models import Division, Organization
from reports import papers
from reports.models import PrintedDocument
from reports.printing import PrintRefused
from reports.selectors import Unit

PRINT = "reports.print_printeddocument"
NO_RIGHT = "您已没有给这些单位出报告的权限，没有生成。需要的话请联系本单位管理员。"


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


def all_units() -> list[Unit]:
    """Every unit that gets its reports by itself: the city, the districts, the guidance stations."""
    return list(Organization.objects.open().exclude(level=Level.GRASSROOTS).order_by("path"))


def params_of(units: list[Unit], **more: str) -> dict:
    return {
        "organizations": [unit.pk for unit in units if isinstance(unit, Organization)],
        "divisions": [unit.pk for unit in units if isinstance(unit, Division)],
        **more,
    }


def named(units: list[Unit]) -> str:
    return f"「{units[0]}」" if len(units) == 1 else f"{len(units)} 个单位"


def make_each(job: Job, progress: Progress, make: Callable[[Unit], tuple[PrintedDocument, bool]], listed: str) -> dict:
    """Each document is whole by itself: one that was made stays when the job is cancelled or taken over.

    `make`: (the document, whether it is new), or PrintRefused; `listed`: the query that finds them all in the list.
    """
    units = _units(job)
    if not units:
        raise JobFailed(NO_RIGHT)
    made, kept, refused = 0, 0, []
    document = None
    for number, unit in enumerate(units):
        progress(number, len(units), f"正在生成：{unit}"[:200])
        try:
            document, is_new = make(unit)
        except PrintRefused as problem:
            refused.append(str(problem))
            continue
        with suppress(PdfUnavailable):  # the print page stands in and says why
            papers.pdf_of(document)
        made, kept = made + is_new, kept + (not is_new)
    if document is None:
        raise JobFailed(refused[0])
    alone = reverse("reports:printed", args=[document.pk])
    url = alone if len(units) == 1 else f"{reverse('reports:printed_list')}?{listed}"
    return {"url": url, "made": made, "kept": kept, "refused": len(refused), "no_pdf": why_no_pdf()}


def _units(job: Job) -> list[Unit]:
    organizations = Organization.objects.filter(pk__in=job.params["organizations"])
    divisions = Division.objects.filter(pk__in=job.params["divisions"])
    if job.owner is not None:  # rights may have ended since
        organizations = organizations.visible_to(job.owner, PRINT)
        divisions = divisions.visible_to(job.owner, PRINT)
    return [*organizations.order_by("path"), *divisions.order_by("level", "sort", "code")]
