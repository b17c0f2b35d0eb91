"""The invented city's past: numbers of earlier days, closed months, and the figures that others published."""

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from reports.past import Tree, registrations_sql
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
        with _as_it_was(Day(day), past=day < today):
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
def _as_it_was(day: Day, *, past: bool) -> Iterator[None]:
    """The engine counts what stands there now. Of a past day it sees, under the same names, the businesses entered by
    then and the registrations in the state they were in."""
    if not past:
        yield
        return
    views = {
        "markets_business": f"SELECT * FROM markets_business WHERE entered_at < {day.end}",
        "members_registration": registrations_sql(day, Tree()),
    }
    with connection.cursor() as cursor:
        for name, select in views.items():
            cursor.execute(f"CREATE TEMPORARY VIEW {name} AS {select}")
        try:
            yield
        finally:
            for name in views:
                cursor.execute(f"DROP VIEW pg_temp.{name}")


class _Quiet:
    def write(self, text: str) -> None:
        pass
