"""定期反馈: what became of the events, one client at a time. 已接收 or 已办结, and never a word about a person.

An event is 已办结 when its business is placed at a guidance station (or no longer registered) and every registration
that it opened or joined has come to an end, whichever: verified, not verified, unreachable, withdrawn look the same.
With persons it is 已办结 on the registrations' due date at the earliest: a known person's registration may have ended long
ago, and what is done at once would tell that the number was known.
"""

import csv
import io
from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import Now, TruncMonth
from django.utils import timezone

from members.intake.receive import client_lock
from members.models import IntakeClient, IntakeEvent, IntakePerson, Registration

PAGE = 500


@transaction.atomic
def settle(client: IntakeClient) -> int:
    """Write down which events have come to their end: the one statement that decides it. How many. Raises Busy."""
    client_lock(client)
    persons = IntakePerson.objects.filter(event=OuterRef("pk"))
    waiting = persons.filter(registration__state__in=Registration.OPEN)
    due = Q(received_at__lte=timezone.now() - timedelta(days=settings.REGISTRATION_DUE_DAYS))
    placed = Q(business__guidance_station__isnull=False) | Q(business__is_registered=False)
    events = IntakeEvent.objects.filter(
        placed, ~Exists(waiting), due | ~Exists(persons), client=client, completed_at__isnull=True
    )
    return events.update(completed_at=Now())


def settle_all() -> int:
    return sum(settle(client) for client in IntakeClient.objects.order_by("pk"))


def page(
    client: IntakeClient, *, since: datetime | None, until: datetime | None, after: tuple[datetime, int] | None
) -> tuple[list[IntakeEvent], tuple[datetime, int] | None]:
    """Events by the time of their present state, oldest first, and where the next page begins."""
    rows = IntakeEvent.objects.filter(client=client).order_by("state_at", "pk")
    if since:
        rows = rows.filter(state_at__gte=since)
    if until:
        rows = rows.filter(state_at__lt=until)
    if after:
        rows = rows.filter(Q(state_at=after[0], pk__gt=after[1]) | Q(state_at__gt=after[0]), state_at__gte=after[0])
    found = list(rows[: PAGE + 1])
    last = found[PAGE - 1] if len(found) > PAGE else None
    return found[:PAGE], (last.state_at, last.pk) if last else None


def months(client: IntakeClient, *, since: datetime | None, until: datetime | None) -> list[dict[str, Any]]:
    """Events, not persons, per month: how many came in and how many came to their end."""
    counts: dict[date, dict[str, int]] = {}
    for column, name in (("received_at", "received"), ("completed_at", "completed")):
        rows = IntakeEvent.objects.filter(client=client, **{f"{column}__isnull": False})
        if since:
            rows = rows.filter(**{f"{column}__gte": since})
        if until:
            rows = rows.filter(**{f"{column}__lt": until})
        for month, count in (
            rows.annotate(month=TruncMonth(column)).values_list("month").annotate(Count("pk")).order_by()
        ):
            counts.setdefault(timezone.localtime(month).date(), {"received": 0, "completed": 0})[name] = count
    return [{"month": f"{month:%Y-%m}", **counts[month]} for month in sorted(counts)]


def month_bounds(month: date) -> tuple[datetime, datetime]:
    following = (month.replace(day=1) + timedelta(days=32)).replace(day=1)
    return tuple(timezone.make_aware(datetime.combine(day, time())) for day in (month.replace(day=1), following))  # type: ignore[return-value]


HEADINGS = ["事项编号", "事项", "发生时间", "接收时间", "状态", "办结时间"]


def as_csv(client: IntakeClient, month: date) -> str:
    """The same as a file, for departments without a link: the events whose state changed in a month."""
    since, until = month_bounds(month)
    out = io.StringIO()
    sheet = csv.writer(out)
    sheet.writerow(HEADINGS)
    after: tuple[datetime, int] | None = None
    while True:
        events, after = page(client, since=since, until=until, after=after)
        for event in events:
            times = (_shown(event.occurred_at), _shown(event.received_at))
            sheet.writerow([event.event_id, event.get_kind_display(), *times, event.state, _shown(event.completed_at)])
        if after is None:
            return out.getvalue()


def months_as_csv(client: IntakeClient, month: date) -> str:
    since, until = month_bounds(month)
    out = io.StringIO()
    sheet = csv.writer(out)
    sheet.writerow(["月份", "已接收（件）", "已办结（件）"])
    for each in months(client, since=since, until=until):
        sheet.writerow([each["month"], each["received"], each["completed"]])
    return out.getvalue()


def _shown(moment: datetime | None) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}" if moment else ""
