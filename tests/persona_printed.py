"""A printed report for the world of the personas: of numbers that are all unknown, which every page can carry."""

from datetime import date

from django.utils import timezone

from reports import monthly, printing
from reports.models import PrintedDocument
from reports.selectors import Numbers, Released


def printed_report(unit, day: date) -> PrintedDocument:
    month = monthly.Month(day.replace(day=1), Released(Numbers(unit, day, timezone.now(), {}), [], None), None)
    return printing.document_create(
        kind="monthly", unit=unit, period=month.first, as_of=day, title=monthly.title_of(unit), source=month.source,
        body=monthly.content_of(unit, month), classification="internal", by=None,
    )[0]  # fmt: skip
