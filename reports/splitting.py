"""Breakdowns of a day (reports/breakdowns.py), read from the groups that the engine wrote down (reports/models/counted.py)."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import Max
from django.db.models.functions import TruncMonth

from orgs.kinds import Level
from orgs.models import Division
from reports import breakdowns, metrics
from reports.breakdowns import DIMENSIONS
from reports.models import KnownCount, OwnCount, Snapshot
from reports.sql import businesses
from reports.sql.facts import REST
from reports.sql.parts import Day, within

if TYPE_CHECKING:
    from reports.selectors import Numbers

DAILY_FOR, KEPT_FOR = 62, 400  # days: of each as long as a comparison with last month needs, then of month ends
TABLES = (OwnCount, KnownCount)


@dataclass(frozen=True)
class Part:
    """One part of a unit. `value` "" is what is not filled in."""

    dimension: str
    value: str
    name: str
    numbers: "Numbers"


def parts(own: "Numbers", dimension: str) -> list[Part]:
    """The parts of a unit (or of its 直属/待分派 line) on the day of its numbers, in the order of pages, what is not filled
    in last; [] where that day keeps none."""
    if own.unit.level == Level.GRASSROOTS:  # covers businesses, and none stand in it
        return []
    of = DIMENSIONS[dimension]
    where = within(own.unit, unassigned=own.is_unassigned)
    counted: dict[str, Counter] = defaultdict(Counter)
    for value, sole, *numbers in _fetch(businesses.parts_sql(Day(own.as_of), where, of.column)):
        for key, number in zip(_KEYS, numbers, strict=True):
            counted[value or ""][key] += number
            counted[value or ""][f"{key}#{'sole_traders' if sole else 'enterprises'}"] += number
    found = {value: _whole(counts, own) for value, counts in counted.items() if any(counts.values())}
    names = _names(of, found)
    return [
        Part(dimension, value, names[value], replace(own, counts=found[value]))
        for value in sorted(found, key=lambda value: (not value, list(names).index(value)))
    ]


_KEYS = (*businesses.base(), *businesses.counted())


def _fetch(sql: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def _whole(counts: Counter, own: "Numbers") -> dict[str, int | None]:
    """With zeros and with what is not covered; whether a column is filled at all is asked of the whole unit."""
    found: dict[str, int] = {
        f"{key}{end}": counts[f"{key}{end}"] for key in _KEYS for end in ("", "#sole_traders", "#enterprises")
    }
    for rest, inside in REST.items():
        for range in metrics.RANGES:
            key, above, below = (metrics.count_key(code, range=range) for code in (rest, "operating", inside))
            found[key] = found[above] - found[below]
    return {**found, **{key: own.counts.get(key) for key in metrics.FILLED.values()}}


def _names(of: breakdowns.Dimension, found: Iterable[str]) -> dict[str, str]:
    if of.code != "street":
        return {value: of.label(value) for value in (*of.parts, *found)}
    streets = Division.objects.filter(pk__in=[value for value in found if value]).order_by("sort", "code")
    return {str(street.pk): str(street) for street in streets} | {"": breakdowns.UNFILLED}


# --- what is kept -----------------------------------------------------------------------------------------------------


def forget(day: Day) -> None:
    """Before everything is counted again."""
    for table in TABLES:
        table.objects.filter(as_of=day.on).delete()


def forget_known(day: Day, where: str) -> None:
    """Before the known businesses of one place are."""
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {KnownCount._meta.db_table} WHERE as_of = {day.literal} AND {where}")


def drop_old_days(on: date) -> None:
    """Daily groups for two months, then the last counted day of each month, as long as daily numbers are kept."""
    since, until = on - timedelta(days=DAILY_FOR + 31), on - timedelta(days=DAILY_FOR)
    counted = Snapshot.objects.filter(as_of__gte=since.replace(day=1), organization__level=Level.CITY, breakdown="")
    ends = counted.annotate(month=TruncMonth("as_of")).values("month").annotate(end=Max("as_of")).values("end")
    for table in TABLES:
        table.objects.filter(as_of__gte=since, as_of__lt=until).exclude(as_of__in=ends).delete()
        table.objects.filter(as_of__lt=on - timedelta(days=KEPT_FOR)).delete()
