"""Computing the day's numbers, and closing a month.

A refresh is single-flight across workers by an advisory lock of the server: a lost worker's lock is freed with its
connection. Numbers are written in one transaction: until it commits, readers see the old ones with their time.
"""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from accounts import audit
from orgs.kinds import Level
from orgs.models import Organization
from reports import kept, late, selectors, snapshots, splitting, tally
from reports.digests import digest_of
from reports.models import LastCount, MonthClosing, Snapshot
from reports.sql.parts import Day
from reports.tally import OWN, UnitKey

REFRESH_LOCK, CLOSE_LOCK = 7_820, 7_821  # advisory locks: one refresh, one closing at a time


class RefreshRefused(ValueError):
    """A past day is never recomputed; the message is for the person who asked."""


class CloseRefused(ValueError):
    """This month cannot be closed (again); the message says why."""


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did. `skipped`: another worker counted the same after this one was asked to."""

    as_of: date
    computed_at: datetime
    units: int
    seconds: float
    skipped: bool = False


# --- the lock and one state of the data -------------------------------------------------------------------------------


def _now() -> datetime:
    """The database's clock: the same for every worker."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


@contextlib.contextmanager
def _single_flight() -> Iterator[None]:
    """Waits for a running refresh. A session lock, taken before the transaction, so that what follows sees its rows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [REFRESH_LOCK])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [REFRESH_LOCK])


@contextlib.contextmanager
def _one_state() -> Iterator[None]:
    """A transaction in which every statement sees the same data: else covered might exceed operating."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


COUNTED_TABLES = (
    "markets_business", "markets_businesscoverage", "markets_marketcoverage", "markets_market", "markets_declaration",
    "markets_grouporganization", "members_member", "members_affiliation", "members_registration",
    "members_instructorassignment", "orgs_organization", "stations_checkin", "stations_footfalltally",
)  # fmt: skip


def _refresh_statistics() -> None:
    """Right after a big load the planner still takes the tables for small: 12 s in place of 0.5 at 430,000 rows."""
    if connection.in_atomic_block:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_stat_user_tables WHERE relname = ANY(%s)"
            " AND n_mod_since_analyze > 1000 + 0.2 * greatest(n_live_tup, 0)",
            [list(COUNTED_TABLES)],
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"ANALYZE {connection.ops.quote_name(table)}")


# --- refreshing -------------------------------------------------------------------------------------------------------


def coverage_refresh(
    *, on: date | None = None, guidance_station: Organization | None = None, touched: bool = False
) -> Refreshed:
    """Compute today's numbers: of every unit, or (`touched`) of what changed since they were last computed.

    `guidance_station` (or a district committee or the city, for what is directly under it) is counted again with what
    was touched. The first refresh of a day counts everything. `on` may only be today: it is there so that a caller
    who waited past midnight is told. Raises RefreshRefused.
    """
    on = on or timezone.localdate()
    if on != timezone.localdate():
        raise RefreshRefused(f"{on} 不是今天：过去的数字不重新计算。")
    everything = guidance_station is None and not touched
    asked_at = _now()
    with _single_flight():
        if (done := _done_since(on, asked_at, everything, guidance_station)) is not None:
            return Refreshed(on, done, 0, 0.0, skipped=True)
        computed_at = _now()
        _refresh_statistics()
        with _one_state():
            counted = None if everything else _refresh_touched(Day(on), guidance_station, computed_at)
            units = count_day(Day(on), computed_at) if counted is None else counted
        return Refreshed(on, computed_at, units, (_now() - computed_at).total_seconds())


def _done_since(on: date, asked_at: datetime, everything: bool, also: Organization | None) -> datetime | None:
    """When the same was counted by a refresh that began after `asked_at`; None where it was not."""
    last = LastCount.objects.filter(as_of=on).first()
    if last is None:
        return None
    if last.counted_at >= asked_at:
        return last.counted_at
    if everything or also is not None or kept.any_told():
        return None
    return last.joined_at


def count_day(day: Day, computed_at: datetime) -> int:
    """Write the numbers of every unit for one day, and drop the days that are kept no longer.

    Called for today by `coverage_refresh`; for past days only by the demo, which invents a city with its past.
    """
    kept.take()
    kept.forget_changes()
    kept.keep_businesses(day)
    kept.keep_persons(day)
    splitting.forget(day)
    found = tally.tree(day)
    cells = tally.count_cells(day)
    totals = tally.add_up(cells.items(), found, found.units())
    for unit, row in tally.count_persons(found).items():
        if unit in totals:
            totals[unit].update(row)
    tally.fill_rest(totals)
    grassroots = tally.count_grassroots(day)
    snapshots.forget_cells()
    rows = [*snapshots.rows_of(totals), *snapshots.grassroots_rows(grassroots), *snapshots.cell_rows(cells, found)]
    snapshots.write(day, computed_at, rows)
    snapshots.drop_closed(day)
    snapshots.drop_old_days(day.on)
    splitting.drop_old_days(day.on)
    LastCount.objects.all().delete()
    LastCount.objects.create(as_of=day.on, counted_at=computed_at, joined_at=computed_at)
    return len(totals) + len(grassroots)


def _refresh_touched(day: Day, also: Organization | None, computed_at: datetime) -> int | None:
    """Count again what was touched; None where everything is to be counted."""
    if not LastCount.objects.filter(as_of=day.on).exists():
        return None
    touches = kept.take()
    found = tally.tree(day)
    if touches.everything or found.city is None:
        return None
    reached = kept.around(touches)
    if also is not None:
        reached.add([_as_holder(also)], *tally.PARTS)
    if reached.is_much():
        return None
    totals = _differences(day, found, reached, computed_at)
    bodies = tally.bodies_above(day, reached.bodies) if reached.bodies else []
    grassroots = tally.count_grassroots(day, bodies) if bodies else {}
    snapshots.write(day, computed_at, [*snapshots.rows_of(totals), *snapshots.grassroots_rows(grassroots)])
    snapshots.drop_closed(day)
    LastCount.objects.update(joined_at=computed_at)
    return len(totals) + len(grassroots)


def _as_holder(unit: Organization) -> kept.Holder:
    if unit.level == Level.GUIDANCE_STATION:
        return unit.district_committee_id, unit.pk
    return (unit.pk if unit.level == Level.DISTRICT else None), None


def _differences(
    day: Day, found: tally.Tree, reached: kept.Around, computed_at: datetime
) -> dict[UnitKey, tally.Counter]:
    """The upper units whose numbers changed: as they were, less what was counted of the touched, and that anew."""
    members, businesses = kept.of_members(reached.members), kept.of_businesses(reached.businesses)
    persons = tally.count_persons(found, members) if reached.members else {}
    changes = [tally.count_changes(day)]
    if reached.known_by_difference:
        changes.append(tally.count_known(day, businesses, sign=-1))
    kept.keep_businesses(day, reached.businesses)
    kept.keep_persons(day, reached.members)
    persons_now = tally.count_persons(found, members) if reached.members else {}
    if reached.known_by_difference:
        changes.append(tally.count_known(day, businesses, sign=1))
    kept.forget_changes()

    cells = snapshots.cells_of(day, _holders(found, [*reached.parts, *(cell for part in changes for cell in part)]))
    cells_now = tally.anew(cells, day, reached.parts, changes)
    snapshots.forget_cells(day, _holders(found, [*cells, *cells_now]))
    snapshots.write(day, computed_at, snapshots.cell_rows(cells_now, found))
    wanted = {unit for cell in (*cells, *cells_now) for unit in found.of_cell(cell)} | {*persons, *persons_now}
    totals = snapshots.totals_of(day, wanted & found.units())
    tally.add_difference(totals, found, cells, cells_now)
    for unit, total in totals.items():
        total.subtract(persons.get(unit, {}))
        total.update(persons_now.get(unit, {}))
    tally.fill_rest(totals)
    return totals


def _holders(found: tally.Tree, places: Iterable[tuple]) -> set[int]:
    return {pk for pk in map(found.holder, places) if pk is not None}


# --- closing a month --------------------------------------------------------------------------------------------------


def closing_digest(closing: MonthClosing) -> str:
    body = {
        "month": closing.month.isoformat(),
        "revision": closing.revision,
        "reason": closing.reason,
        "as_of": closing.as_of.isoformat(),
        "numbers": closing.numbers,
    }
    return digest_of(body)


@transaction.atomic
def month_close(*, month: date, by, reason: str = "", revises: int | None = None) -> MonthClosing:
    """Keep a month's last numbers for good. A closed month is revised only by a further revision with its reason.

    `month` is any day of it; `revises`: the revision that the person looked at. Raises CloseRefused: the month is not
    over, has no numbers, is closed and no reason is given, or somebody else has revised it meanwhile.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CLOSE_LOCK])
    first = month.replace(day=1)
    if first >= timezone.localdate().replace(day=1):
        raise CloseRefused(f"{first:%Y-%m} 还没有结束，到下月1日才能关账。")
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    revision = MonthClosing.objects.filter(month=first).count() + 1
    reason = reason.strip()
    if revision > 1 and not reason:
        raise CloseRefused(f"{first:%Y-%m} 已经关账；要修订请写明理由。")
    if revises is not None and revision != revises + 1:
        raise CloseRefused(f"{first:%Y-%m} 已有第 {revision - 1} 版。请看过那一版，还要更正的再修订那一版。")
    days = Snapshot.objects.filter(breakdown=OWN, key="", as_of__gte=first, as_of__lte=last)
    as_of = days.order_by("-as_of").values_list("as_of", flat=True).first()
    if as_of is None:
        raise CloseRefused(f"{first:%Y-%m} 没有任何统计数据，无法关账。")
    closing = MonthClosing(
        month=first, revision=revision, reason=reason, as_of=as_of, closed_by=by, closed_at=timezone.now()
    )
    closing.numbers = _closed_numbers(as_of, first)
    closing.digest = closing_digest(closing)
    closing.save(force_insert=True)
    audit.record(
        "reports.month.close", by=by, subjects=[closing], detail={"month": f"{first:%Y-%m}", "revision": revision}
    )
    return closing


def _closed_numbers(as_of: date, first: date) -> dict:
    rows = Snapshot.objects.filter(as_of=as_of, breakdown=OWN, key="").values_list(
        "organization__code", "division__code", "counts"
    )
    came_late = sorted({*_late_in(first, as_of), *late.organizations_for(first)})
    numbers: dict = {"organizations": {}, "divisions": {}, "entered_late": came_late}
    for organization, division, counts in rows:
        if organization is not None:
            numbers["organizations"][organization] = counts
        else:
            numbers["divisions"][division] = counts
    return numbers


def _late_in(first: date, as_of: date) -> list[str]:
    """Organizations that came in during this month for a month that was closed already."""
    city = Organization.objects.filter(level=Level.CITY).first()
    codes = selectors.entered_late(city, as_of) if city else []
    rows = Organization.objects.filter(code__in=codes, entered_at__date__gte=first)
    return list(rows.values_list("code", flat=True))
