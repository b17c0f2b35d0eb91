"""Rows of the snapshot table: how numbers are written, read back for the running day, and dropped when they are old."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

from django.db import connection

from orgs.kinds import Level
from reports import selectors
from reports.models import Snapshot
from reports.sql.parts import Day
from reports.tally import DIVISION, MARKET, ORGANIZATION, OWN, Cell, Tree, UnitKey

CELLS = "cells"  # a breakdown for the engine's own use, kept for the running day only
DAILY_FOR = 400  # days of daily snapshots; beyond, month ends

Row = tuple[int | None, int | None, str, str, dict]  # organization, division, breakdown, key, counts


def rows_of(totals: dict[UnitKey, Counter]) -> Iterator[Row]:
    """Of the upper units: their numbers, and of each as a whole the suggestions for its markets."""
    for (line, pk, part), total in totals.items():
        place = (pk, None) if line == ORGANIZATION else (None, pk)
        yield (*place, part, "", {key: number for key, number in total.items() if not key.startswith(MARKET)})
        if part == OWN:
            ideas = {key[len(MARKET) :]: number for key, number in total.items() if key.startswith(MARKET)}
            yield (*place, selectors.SUGGESTED, "", ideas)


def grassroots_rows(totals: dict[int, Counter]) -> Iterator[Row]:
    for pk, total in totals.items():
        yield pk, None, OWN, "", dict(total)


def cell_rows(cells: dict[Cell, Counter], found: Tree) -> Iterator[Row]:
    for cell, counts in cells.items():
        holder = found.holder(cell)
        if holder is not None:
            kept = {key: number for key, number in counts.items() if number or key.startswith(MARKET)}
            yield holder, None, CELLS, f"{cell[2] or 0}:{cell[3] or 0}", kept


def cells_of(day: Day, holders: Iterable[int]) -> dict[Cell, Counter]:
    """The cells of these holders as they were last written for the day."""
    rows = Snapshot.objects.filter(as_of=day.on, breakdown=CELLS, organization__in=list(holders)).values_list(
        "organization__level", "organization_id", "organization__district_committee_id", "key", "counts"
    )
    cells: dict[Cell, Counter] = {}
    for level, holder, dc, key, counts in rows:
        district, street = (int(part) or None for part in key.split(":"))
        gs = holder if level == Level.GUIDANCE_STATION else None
        cells[(dc, gs, district, street)] = Counter(counts)
    return cells


def totals_of(day: Day, units: set[UnitKey]) -> dict[UnitKey, Counter]:
    """The numbers of these units as they were last written for the day; suggestions with them, as in cells."""
    ids: dict[str, set[int]] = {ORGANIZATION: set(), DIVISION: set()}
    for line, pk, _ in units:
        ids[line].add(pk)
    totals: dict[UnitKey, Counter] = {}
    for line, pks in ids.items():
        rows = Snapshot.objects.filter(as_of=day.on, key="", **{f"{line}__in": list(pks)})
        found = rows.exclude(breakdown=CELLS).values_list(f"{line}_id", "breakdown", "counts")
        for pk, part, counts in sorted(found, key=lambda row: row[1] == selectors.SUGGESTED):
            if part == selectors.SUGGESTED:
                own = totals.get((line, pk, OWN), Counter())
                own.update({MARKET + code: number for code, number in counts.items()})
            elif (line, pk, part) in units:
                totals[(line, pk, part)] = Counter(counts)
    return totals


def write(day: Day, computed_at: datetime, rows: Iterable[Row]) -> None:
    """One upsert. Rows that another refresh of the day wrote are replaced, unless they say the same."""
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
            WHERE reports_snapshot.counts <> EXCLUDED.counts
            """,
            [day.on, computed_at, list(organizations), list(divisions), list(breakdowns), list(keys),
             [json.dumps(one, separators=(",", ":")) for one in counts]],
        )  # fmt: skip


def forget_cells(day: Day | None = None, holders: Iterable[int] = ()) -> None:
    """Drop all cells, or those of some holders for one day."""
    rows = Snapshot.objects.filter(breakdown=CELLS)
    if day is not None:
        rows = rows.filter(as_of=day.on, organization__in=list(holders))
    rows.delete()


def drop_closed(day: Day) -> None:
    """What was closed or merged into another has no numbers of its last day: they stand with whoever has its rows now."""
    Snapshot.objects.filter(as_of=day.on, organization__closed_on__lte=day.on).exclude(breakdown=CELLS).delete()


def drop_old_days(on: date) -> None:
    """Daily rows for 400 days, then the last day of each month."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM reports_snapshot WHERE as_of < %s AND as_of NOT IN (
                SELECT max(as_of) FROM reports_snapshot WHERE as_of < %s GROUP BY date_trunc('month', as_of))
            """,
            [on - timedelta(days=DAILY_FOR), on - timedelta(days=DAILY_FOR - 31)],
        )
