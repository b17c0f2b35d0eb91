"""Computing the day's numbers, and closing a month.

A refresh is single-flight across workers by an advisory lock of the server: a lost worker's lock is freed with its
connection. Numbers are written in one transaction: until it commits, readers see the old ones with their time.
"""

import contextlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from accounts import audit
from orgs.kinds import Level
from orgs.models import Organization
from reports import selectors, tally
from reports.digests import digest_of
from reports.models import MonthClosing, Snapshot
from reports.sql import persons
from reports.sql.parts import Day
from reports.tally import DIVISION, MARKET, ORGANIZATION, OWN, Cell, UnitKey

REFRESH_LOCK, CLOSE_LOCK = 7_820, 7_821  # advisory locks: one refresh, one closing at a time
CELLS, MARKER = "cells", "refresh"  # breakdowns for the engine's own use, kept for the running day only
ALL, PART = "all", "part"
DAILY_FOR = 400  # days of daily snapshots; beyond, month ends


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
    *, on: date | None = None, guidance_station: Organization | Iterable[Organization] | None = None
) -> Refreshed:
    """Compute today's numbers of every unit, or of what one or several guidance stations touch.

    In place of a guidance station a district committee or the city stands for what is directly under it. `on` may only
    be today: it is there so that a caller who waited past midnight is told. Raises RefreshRefused.
    """
    on = on or timezone.localdate()
    if on != timezone.localdate():
        raise RefreshRefused(f"{on} 不是今天：过去的数字不重新计算。")
    wanted = [guidance_station] if isinstance(guidance_station, Organization) else list(guidance_station or [])
    asked_at = _now()
    with _single_flight():
        if (done := _done_since(on, wanted, asked_at)) is not None:
            return Refreshed(on, done, 0, 0.0, skipped=True)
        computed_at = _now()
        _refresh_statistics()
        with _one_state():
            if wanted and _marked(on, ALL).exists():
                units = _refresh_part(Day(on), wanted, computed_at)
            else:
                units = count_day(Day(on), computed_at)
        return Refreshed(on, computed_at, units, (_now() - computed_at).total_seconds())


def _marked(on: date, key: str):
    return Snapshot.objects.filter(as_of=on, breakdown=MARKER, key=key)


def _done_since(on: date, wanted: list[Organization], asked_at: datetime) -> datetime | None:
    """When the same was counted by a refresh that began after `asked_at`; None where it was not."""
    full = _marked(on, ALL).filter(computed_at__gte=asked_at).values_list("computed_at", flat=True).first()
    if full or not wanted:
        return full
    parts = _marked(on, PART).filter(organization__in=wanted, computed_at__gte=asked_at)
    times = list(parts.values_list("computed_at", flat=True))
    return min(times) if len(times) == len({unit.pk for unit in wanted}) else None


def count_day(day: Day, computed_at: datetime) -> int:
    """Write the numbers of every unit for one day, and drop the days that are kept no longer.

    Called for today by `coverage_refresh`; for past days only by the demo, which invents a city with its past.
    """
    found = tally.tree(day)
    cells = tally.count_cells(day)
    totals = tally.add_up(cells.items(), found, found.units())
    for unit, row in tally.count_persons(day, found).items():
        if unit in totals:
            totals[unit].update(row)
    grassroots = tally.count_grassroots(day, found.grassroots)
    _forget_working_rows(day)
    _write(day, computed_at, [*_rows(totals), *_grassroots_rows(grassroots), *_cell_rows(cells, found)])
    if found.city is not None:
        _write(day, computed_at, [(found.city, None, MARKER, ALL, {})])
    _drop_old_days(day)
    return len(totals) + len(grassroots)


def _refresh_part(day: Day, holders: list[Organization], computed_at: datetime) -> int:
    found = tally.tree(day)
    holders = list(Organization.objects.filter(pk__in=[holder.pk for holder in holders]))  # as they stand now
    held = {holder.pk for holder in holders}
    cells = _todays_cells(day)
    before = {cell for cell in cells if _holder_of(cell, found) in held}
    for cell in before:
        del cells[cell]
    fresh = {cell: counts for holder in holders for cell, counts in tally.count_cells(day, holder).items()}
    cells.update(fresh)
    wanted = _touched(holders, before | set(fresh), found)
    totals = tally.add_up(cells.items(), found, wanted)
    for unit, row in _persons_of(day, found, wanted).items():
        if unit in totals:
            totals[unit].update(row)
    below = _grassroots_below(holders, found)
    grassroots = tally.count_grassroots(day, below, f"r.unit IN ({', '.join(map(str, below))})") if below else {}
    Snapshot.objects.filter(as_of=day.on, breakdown=CELLS, organization__in=held).delete()
    marks: list[Row] = [(pk, None, MARKER, PART, {}) for pk in held]
    _write(day, computed_at, [*_rows(totals), *_grassroots_rows(grassroots), *_cell_rows(fresh, found), *marks])
    return len(totals) + len(grassroots)


def _touched(holders: list[Organization], cells: Iterable[Cell], found: tally.Tree) -> set[UnitKey]:
    """Units whose numbers the holders' rows are in: by their cells, and by where the holders themselves stand."""
    units = {unit for cell in cells for unit in found.of_cell(cell)}
    for holder in holders:
        units |= found.of_cell(
            (holder.district_committee_id, holder.guidance_station_id, holder.district_id, holder.street_id)
        )
    return units & found.units()


def _persons_of(day: Day, found: tally.Tree, wanted: set[UnitKey]) -> dict[UnitKey, dict[str, int]]:
    """Persons are counted anew for the touched units only: the whole city once, the rest within their own rows."""
    upper = {
        line: [pk for name, pk, part in wanted if name == line and part == OWN] for line in (ORGANIZATION, DIVISION)
    }
    counted = tally.count_persons(day, found, (persons.CITY,))
    dcs = [pk for pk in upper[ORGANIZATION] if pk in found.districts]
    districts = [pk for pk in upper[DIVISION] if pk in found.division_districts]
    for sets, column, keys in (
        ((persons.DISTRICTS, persons.GUIDANCE_STATIONS), "dc", dcs),
        ((persons.PLACES, persons.STREETS), "district", districts),
    ):
        if keys:
            counted |= tally.count_persons(day, found, sets, f"{column} IN ({', '.join(map(str, keys))})")
    for line, column, first in ((ORGANIZATION, "dc", persons.DISTRICTS), (DIVISION, "district", persons.PLACES)):
        if any(name == line and part == tally.UNASSIGNED for name, _, part in wanted):
            counted |= tally.count_persons(day, found, (first,), f"{column} IS NULL")
    return counted


def _grassroots_below(holders: list[Organization], found: tally.Tree) -> list[int]:
    held = {holder.pk for holder in holders}
    return [pk for pk, (dc, gs) in found.grassroots.items() if (gs or dc or found.city) in held]


# --- rows of the snapshot table ---------------------------------------------------------------------------------------

Row = tuple[int | None, int | None, str, str, dict]  # organization, division, breakdown, key, counts


def _rows(totals: dict[UnitKey, tally.Counter]) -> Iterator[Row]:
    for (line, pk, part), total in totals.items():
        place = (pk, None) if line == ORGANIZATION else (None, pk)
        yield (*place, part, "", {key: number for key, number in total.items() if not key.startswith(MARKET)})
        if part == OWN:
            ideas = {key[len(MARKET) :]: number for key, number in total.items() if key.startswith(MARKET)}
            yield (*place, selectors.SUGGESTED, "", ideas)


def _grassroots_rows(totals: dict[int, tally.Counter]) -> Iterator[Row]:
    for pk, total in totals.items():
        yield pk, None, OWN, "", dict(total)


def _holder_of(cell: Cell, found: tally.Tree) -> int | None:
    return cell[1] or cell[0] or found.city


def _cell_rows(cells: dict[Cell, tally.Counter], found: tally.Tree) -> Iterator[Row]:
    for cell, counts in cells.items():
        holder = _holder_of(cell, found)
        if holder is not None:
            kept = {key: number for key, number in counts.items() if number or key.startswith(MARKET)}
            yield holder, None, CELLS, f"{cell[2] or 0}:{cell[3] or 0}", kept


def _todays_cells(day: Day) -> dict[Cell, tally.Counter]:
    rows = Snapshot.objects.filter(as_of=day.on, breakdown=CELLS).values_list(
        "organization__level", "organization_id", "organization__district_committee_id", "key", "counts"
    )
    cells: dict[Cell, tally.Counter] = {}
    for level, holder, dc, key, counts in rows:
        district, street = (int(part) or None for part in key.split(":"))
        gs = holder if level == Level.GUIDANCE_STATION else None
        cells[(dc, gs, district, street)] = tally.Counter(counts)
    return cells


def _write(day: Day, computed_at: datetime, rows: Iterable[Row]) -> None:
    """One upsert. Rows that another refresh of the day wrote are replaced."""
    columns = list(zip(*rows, strict=True))
    if not columns:
        return
    organizations, divisions, breakdowns, keys, counts = columns
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO reports_snapshot (organization_id, division_id, as_of, breakdown, key, counts, computed_at)
            SELECT o, d, %s, b, k, c, %s
            FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::jsonb[]) AS rows (o, d, b, k, c)
            ON CONFLICT (organization_id, division_id, as_of, breakdown, key)
            DO UPDATE SET counts = EXCLUDED.counts, computed_at = EXCLUDED.computed_at
            """,
            [day.on, computed_at, list(organizations), list(divisions), list(breakdowns), list(keys),
             [json.dumps(one, separators=(",", ":")) for one in counts]],
        )  # fmt: skip


def _forget_working_rows(day: Day) -> None:
    Snapshot.objects.filter(breakdown__in=(CELLS, MARKER)).delete()


def _drop_old_days(day: Day) -> None:
    """Daily rows for 400 days, then the last day of each month."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM reports_snapshot WHERE as_of < %s AND as_of NOT IN (
                SELECT max(as_of) FROM reports_snapshot WHERE as_of < %s GROUP BY date_trunc('month', as_of))
            """,
            [day.on - timedelta(days=DAILY_FOR), day.on - timedelta(days=DAILY_FOR - 31)],
        )


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
def month_close(*, month: date, by, reason: str = "") -> MonthClosing:
    """Keep a month's last numbers for good. A closed month is revised only by a further revision with its reason.

    `month` is any day of it. Raises CloseRefused: the month is not over, has no numbers, or is closed and no reason
    is given.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CLOSE_LOCK])
    first = month.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    if last >= timezone.localdate():
        raise CloseRefused(f"{first:%Y-%m} 还没有结束，到下月1日才能关账。")
    revision = MonthClosing.objects.filter(month=first).count() + 1
    reason = reason.strip()
    if revision > 1 and not reason:
        raise CloseRefused(f"{first:%Y-%m} 已经关账；要修订请写明理由。")
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
    numbers: dict = {"organizations": {}, "divisions": {}, "entered_late": _late_in(first, as_of)}
    for organization, division, counts in rows:
        if organization is not None:
            numbers["organizations"][organization] = counts
        else:
            numbers["divisions"][division] = counts
    return numbers


def _late_in(first: date, as_of: date) -> list[str]:
    """Organizations that came in during this month for a month that was closed already."""
    city = Organization.objects.filter(level=Level.CITY).first()
    late = selectors.entered_late(city, as_of) if city else []
    rows = Organization.objects.filter(code__in=late, entered_at__date__gte=first)
    return sorted(rows.values_list("code", flat=True))
