"""Papers for the world of the personas: a report of numbers that are all unknown, and a self-check that asked nothing."""

from datetime import date

from django.utils import timezone

from jobs.models import Job
from reports import monthly, printing
from reports.models import PrintedDocument, SelfCheck
from reports.selectors import Numbers, Released
from reports.self_check import content, making


def printed_report(unit, day: date) -> PrintedDocument:
    month = monthly.Month(day.replace(day=1), Released(Numbers(unit, day, timezone.now(), {}), [], None), None)
    return printing.document_create(
        kind="monthly", unit=unit, period=month.first, as_of=day, title=monthly.title_of(unit), source=month.source,
        body=monthly.content_of(unit, month), classification="internal", by=None,
    )[0]  # fmt: skip


def self_check(by, of) -> SelfCheck:
    body = content.body([content.account_part(of, [], [])], [], "https://example.gov.cn")
    job = Job.objects.create(kind=making.KIND, title="权限自检", owner=by)
    row = making.row_of(body=body, users=[of], reason="例行", job=job, by=by)
    making.self_check_create(row=row, users=[of])
    return row
