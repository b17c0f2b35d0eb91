"""The invented city's past: numbers of earlier days, closed months, and the figures that others published."""

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from reports.services import CloseRefused, count_day, month_close
from reports.sql.parts import Day

WEEKS = 5  # weekly numbers for the last weeks, month ends before them
MONTHS = 13


def days_of_the_past(today: dt.date, months: int) -> list[dt.date]:
    """Month ends, then weeks, then today; oldest first."""
    ends, first = [], today.replace(day=1)
    for _ in range(months):
        ends.append(first - dt.timedelta(days=1))
        first = (first - dt.timedelta(days=1)).replace(day=1)
    weeks = [today - dt.timedelta(days=7 * n) for n in range(min(WEEKS, months * 4) + 1)]
    return sorted({*ends, *weeks})


def build_history(*, today: dt.date, months: int, say: Callable[[str], object]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # the planner has seen none of these rows yet
    days = days_of_the_past(today, months)
    for number, day in enumerate(days, 1):
        at = dt.datetime.combine(day, dt.time(1, 10), tzinfo=timezone.get_default_timezone())
        with _entered_by(Day(day), past=day < today):
            count_day(Day(day), at if day < today else timezone.now())
        if number % 5 == 0:
            say(f"统计快照 {number} / {len(days)}")
    for day in days:
        if (day + dt.timedelta(days=1)).day == 1:
            try:
                month_close(month=day, by=None)
            except CloseRefused as refusal:
                say(str(refusal))
    call_command("import_reported_figures", stdout=_Quiet())


@contextlib.contextmanager
def _entered_by(day: Day, *, past: bool) -> Iterator[None]:
    """The engine counts businesses of today only. Of a past day it sees, under the same name, those entered by then."""
    if not past:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        (schema,) = cursor.fetchone()
        cursor.execute(
            f"CREATE TEMPORARY VIEW markets_business AS SELECT * FROM {connection.ops.quote_name(schema)}.markets_business "
            f"WHERE entered_at < {day.end}"
        )
        try:
            yield
        finally:
            cursor.execute("DROP VIEW pg_temp.markets_business")


class _Quiet:
    def write(self, text: str) -> None:
        pass
