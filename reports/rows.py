"""Metric × unit × 口径 → the one queryset behind tile, list, export and API.

It filters by the very SQL that the engine counts with (reports/sql), so a tile and its list cannot differ.
"""

from datetime import date, timedelta
from typing import cast

from django.db.models import QuerySet, Sum
from django.db.models.expressions import RawSQL
from django.utils import timezone

from accounts import wall
from orgs.doors import postings_with
from orgs.kinds import Level
from orgs.models import Division, Organization
from orgs.querysets import ScopedQuerySet
from reports import breakdowns, metrics, past
from reports.releases import is_responsible
from reports.sql import sources
from reports.sql.parts import Day

WALLED = {
    "members.Member",
    "members.Registration",
    "members.Transfer",
    "stations.CheckIn",
}  # rows behind accounts/wall.py
KEPT_FOR = 400  # days of which rows can be read; beyond, there are counts only


class RowsNotOpen(Exception):
    """These rows are open only in the responsible guidance station; here the link ends at counts."""

    def __init__(self, metric: metrics.Metric):
        super().__init__(f"「{metric.name}」的名单只对负责的指导站开放，这里只显示各指导站的数量。")


class RowsNotKept(RowsNotOpen):
    """So long ago that only counts are kept; the message is for the reader."""

    def __init__(self, metric: metrics.Metric):
        Exception.__init__(self, f"超过 {KEPT_FOR} 天的日子只保留数字，不再列出「{metric.name}」的名单。")


class NoRows(metrics.UnknownMetric):
    """A share has no rows of its own: ask for its numerator or its denominator."""


def rows(
    code: str,
    unit: Organization | Division,
    *,
    user,
    denominator: str = metrics.DEFAULT_DENOMINATOR,
    range: str = "all",
    as_of: date | None = None,
    unassigned: bool = False,
    part: breakdowns.Part | None = None,
) -> QuerySet:
    """The rows that a number counts, as far as this person may see them.

    `unassigned`: those of the unit's 直属/待分派 line only; `part`: businesses of that part of a breakdown only. `as_of`:
    as they stood at the end of that day (reports/past.py says what cannot be put back). Raises metrics.UnknownMetric,
    NoRows (a share), RowsNotOpen (persons and `with_members` outside the responsible guidance station), RowsNotKept (too
    long ago).
    """
    metric = metrics.check(code, denominator, range)
    if part is not None and not breakdowns.can_be_broken_down(metric):
        raise metrics.UnknownMetric(f"「{metric.name}」不按类型、规模、行业和街道分。")
    if not metric.has_rows:
        raise NoRows(f"「{metric.name}」是比率，没有自己的名单，请看它的分子或分母。")
    if as_of is not None and as_of < timezone.localdate() - timedelta(days=KEPT_FOR):
        raise RowsNotKept(metric)
    if metrics.is_personal(code, denominator) and not is_responsible(user, unit):
        raise RowsNotOpen(metric)
    if not _has_a_door(metric, user):
        raise RowsNotOpen(metric)
    count_whole(metric)
    found = all_rows(code, unit, denominator=denominator, range=range, as_of=as_of, unassigned=unassigned, part=part)
    return found.visible_to(user)


def count_whole(metric: metrics.Metric) -> None:
    """Rows of other things than persons may be picked by their people: everybody must get the same ones."""
    if sources.SOURCES[metric.source].label not in WALLED:
        wall.count_everywhere()


def _has_a_door(metric: metrics.Metric, user) -> bool:
    """Whether rows like these can be seen from one of this person's postings at all: people stand in the guidance line
    only, so a list asked for from a district's or a street's own posting would be empty beside a number."""
    queryset = cast(ScopedQuerySet, sources.SOURCES[metric.source].model()._default_manager.all())
    view = f"{queryset.model._meta.app_label}.view_{queryset.model._meta.model_name}"
    return any(
        posting.organization_id or posting.unit.level == Level.CITY or queryset.division_scope(posting.unit) is not None
        for posting in postings_with(user, view)
    )


def all_rows(
    code: str,
    unit: Organization | Division,
    *,
    denominator: str = metrics.DEFAULT_DENOMINATOR,
    range: str = "all",
    as_of: date | None = None,
    unassigned: bool = False,
    part: breakdowns.Part | None = None,
) -> ScopedQuerySet:
    """The same without asking who reads: for tests and for counting. Pages call `rows`."""
    metric = metrics.check(code, denominator, range)
    source = sources.SOURCES[metric.source]
    sql = ids_sql(code, unit, as_of, denominator=denominator, range=range, unassigned=unassigned, part=part)
    found = cast(ScopedQuerySet, source.model()._default_manager.all())  # every model with rows has the door
    return found.filter(pk__in=RawSQL(sql, []))


def ids_sql(
    code: str,
    unit: sources.Unit,
    as_of: date | None,
    *,
    denominator: str,
    range: str,
    unassigned: bool = False,
    part: breakdowns.Part | None = None,
) -> str:
    """SELECT of the primary keys that a number counts, of a past day as they stood then."""
    source, day = sources.SOURCES[metrics.METRICS[code].source], Day(as_of or timezone.localdate())

    def select(then: sources.Unit) -> str:
        every = source.rows_sql(code, then, day, denominator, range, unassigned)
        if part is None:
            return every
        inside = f"SELECT FROM markets_business b WHERE b.id = every.id AND {breakdowns.condition(part)}"
        return f"SELECT id FROM ({every}) every WHERE EXISTS ({inside})"

    return past.as_it_stood(select, unit, as_of)


def total(code: str, queryset: QuerySet) -> int:
    """What a list adds up to: its number of rows, or the sum of the column that the metric adds up."""
    column = metrics.METRICS[code].sum_of
    if column:
        return queryset.aggregate(total=Sum(column))["total"] or 0
    return queryset.count()
