"""定期反馈: what became of the events, one client at a time. 已接收 or 已办结, and never a word about a person.

An event is 已办结 when its business is placed at a guidance station (or no longer registered) and every registration
that it opened or joined has come to an end, whichever: verified, not verified, unreachable, withdrawn look the same.
With persons it is 已办结 on the registrations' due date at the earliest: a known person's registration may have ended long
ago, and what is done at once would tell that the number was known.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import Now, TruncMonth
from django.utils import timezone

from accounts import audit
from members.intake.receive import client_lock
from members.models import IntakeClient, IntakeEvent, IntakePerson, Registration
from tables.exports import Mark, rows_as

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


# --- the same as a file, for departments whose network has no link to ours ---------------------------------------------

EVENTS, MONTHS = "events", "months"
CONTENTS = {EVENTS: "逐件的状态", MONTHS: "按月的件数"}
HEADINGS = {
    EVENTS: ["事项编号", "事项", "发生时间", "接收时间", "状态", "办结时间"],
    MONTHS: ["月份", "已接收（件）", "已办结（件）"],
}


@transaction.atomic
def take_file(
    client: IntakeClient, *, content: str, format: str, since: datetime, until: datetime, by=None, purpose: str = ""
) -> Iterator[bytes]:
    """A csv or xlsx of what became of the events, or of how many there were. Raises Busy."""
    settle(client)
    period = {"since": f"{timezone.localdate(since)}", "before": f"{timezone.localdate(until)}"}
    detail = {"client": client.pk, **period, "as": "file", "content": content, "format": format}
    audit.record("members.intake.feedback", by=by, purpose=purpose, detail=detail)
    rows = (_event_rows if content == EVENTS else _month_rows)(client, since, until)
    header = HEADINGS[content]
    return rows_as(format, "定期反馈", header, rows, Mark.by(by, purpose))


def _event_rows(client: IntakeClient, since: datetime, until: datetime) -> Iterator[list[Any]]:
    """The events whose state changed in the period."""
    after: tuple[datetime, int] | None = None
    while True:
        events, after = page(client, since=since, until=until, after=after)
        for event in events:
            kind, times = event.get_kind_display(), (event.occurred_at, event.received_at)
            yield [event.event_id, kind, *times, event.state, event.completed_at]
        if after is None:
            return


def _month_rows(client: IntakeClient, since: datetime, until: datetime) -> Iterator[list[Any]]:
    for each in months(client, since=since, until=until):
        yield [each["month"], each["received"], each["completed"]]


def days_bounds(first: date, last: date) -> tuple[datetime, datetime]:
    """From the beginning of `first` to the end of `last`, in local time."""
    since, until = (timezone.make_aware(datetime.combine(day, time())) for day in (first, last + timedelta(days=1)))
    return since, until
