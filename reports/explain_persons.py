"""Differences of numbers about persons, told outside the responsible unit: counts per event, never rows.

A small count is kept back, and with it so much more that the parent's line does not give it away again
(reports/withheld.py): the whole guidance line is worked out at once. Three more rules, because whoever asks once may ask again:

- Only between month ends. Of windows that overlap the difference would be a window of its own; a window of several months
  says the sum of its months, so that nothing comes out that its months do not say each by itself.
- Only of a number that is no part of another: what the whole is told to have gained, less what the other parts have, is the
  last part's.
- What did not happen is never told: in each direction a rest stays open that may be nobody. Who knew that nobody left would
  know of every unit that it only grew, and from two days what a number kept back on one of them was.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

from django.db import connection
from django.utils import timezone

from accounts import wall
from orgs.kinds import Level
from orgs.models import Organization
from reports import metrics
from reports.days import month_end_before
from reports.explain_words import label
from reports.explaining import Explained, Reason, Side, told_sql
from reports.models import Snapshot
from reports.selectors import UNASSIGNED
from reports.sql import persons
from reports.sql.facts import condition, facts
from reports.sql.simple import SIMPLE
from reports.withheld import Cell, Equation, hidden_cells, is_part

Node = tuple[str, int | None]  # ("city", None), ("dc", key), ("gs", key), ("rest", district committee or None)
Triple = tuple[int, int | None, int | None]
Event = tuple[bool, str]  # whether somebody came by it, and Reason.key
REST = "rest"


def can_be_told(a: Side, b: Side) -> bool:
    """Two days of one number of a unit of the guidance line, above the grassroots."""
    return isinstance(a.unit, Organization) and a.unit.level < Level.GRASSROOTS and replace(a, on=b.on) == b


def is_whole(side: Side) -> bool:
    return not any(is_part(metrics.count_key(code, side.denominator, side.range)) for code in side.code.split("+"))


def are_month_ends(a: Side, b: Side) -> bool:
    """Both over: today's numbers may still change, and two looks at them would be two windows."""
    return all(month_end_before(side.on + timedelta(days=1)) == side.on < timezone.localdate() for side in (a, b))


@wall.everywhere()
def explain_persons(a: Side, b: Side, number_a: int, number_b: int) -> Explained:
    """`a` and `b` are can_be_told, is_whole and are_month_ends. A count of None: a rest that may be nobody."""
    months = [
        _told_in_month(replace(a, on=one), replace(a, on=next)) for one, next in pairwise(_month_ends(a.on, b.on))
    ]
    found: dict[Event, int | None] = {}
    for event in dict.fromkeys(event for month in months for event in month):
        counts = [month[event] for month in months if event in month]
        found[event] = None if None in counts else sum(count for count in counts if count)
    told = [Reason(came, key, label(came, key, a, b), count) for (came, key), count in found.items() if count]
    told.sort(key=lambda reason: (not reason.came, -(reason.count or 0), reason.key))
    rests = [Reason(came, REST, label(came, REST, a, b), None) for came in (True, False)]
    return Explained(number_a, number_b, (*told, *rests))


def _month_ends(one: date, other: date) -> list[date]:
    """From the one to the other, both among them, in the order of the question."""
    ends = [max(one, other)]
    while ends[-1] > min(one, other):
        ends.append(month_end_before(ends[-1]))
    return ends if one > other else ends[::-1]


def _told_in_month(a: Side, b: Side) -> dict[Event, int | None]:
    """The events of the unit in a month; None where the count is kept back."""
    counted, below = _events(a, b)
    _add_lost(counted, a, b)
    cells, equations = _cells(counted, below)
    hidden = hidden_cells(cells, equations)
    node = _node(a)
    return {event: None if (node, _name(event)) in hidden else count for event, count in counted.get(node, {}).items()}


def _node(side: Side) -> Node:
    assert isinstance(side.unit, Organization)
    names = {Level.CITY: "city", Level.DISTRICT: "dc", Level.GUIDANCE_STATION: "gs"}
    if side.unassigned:
        return "rest", None if side.unit.level == Level.CITY else side.unit.pk
    return names[Level(side.unit.level)], None if side.unit.level == Level.CITY else side.unit.pk


def _fetch(sql: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def _triples(side: Side) -> set[Triple]:
    """(row, district committee, guidance station) of everything the number counts in the city."""
    if side.metric.source == "businesses":
        ctes = ", ".join([*side.tables(), facts(side.day)])
        parts = (condition(code, side.denominator, side.range) for code in side.code.split("+"))
        where = " OR ".join(f"({part})" for part in parts)
        return set(_fetch(f"WITH {ctes} SELECT id, dc, gs FROM facts WHERE {where}"))
    ctes = f"WITH {', '.join(side.tables())} " if side.tables() else ""
    if side.metric.source == "persons":
        select, where = persons.rows_sql(side.day), persons.CONDITIONS[side.code]
    else:
        source = SIMPLE[side.metric.source]
        select, where = source.select(side.day), source.conditions(side.day)[side.code]
    return set(_fetch(f"{ctes}SELECT DISTINCT id, dc, gs FROM ({select}) r WHERE {where}"))


def _nodes(triple: Triple) -> Iterator[Node]:
    _, dc, gs = triple
    yield "city", None
    if dc is None:
        yield "rest", None
        return
    yield "dc", dc
    yield ("rest", dc) if gs is None else ("gs", gs)


def _events(a: Side, b: Side) -> tuple[dict[Node, Counter], dict[Node, set[Node]]]:
    """What happened in each unit, and which units lie below which."""
    city = Organization.objects.get(level=Level.CITY)
    whole_a, whole_b = (replace(side, unit=city, unassigned=False) for side in (a, b))
    why = {(pk, came): reason for pk, came, reason in _fetch(told_sql(whole_a, whole_b))}
    here: dict[Node, list[set[int]]] = defaultdict(lambda: [set(), set()])
    below: dict[Node, set[Node]] = defaultdict(set)
    for index, side in enumerate((whole_a, whole_b)):
        for triple in _triples(side):
            nodes = list(_nodes(triple))
            for node in nodes:
                here[node][index].add(triple[0])
            for upper, lower in zip(nodes, nodes[1:], strict=False):
                below[upper].add(lower)
    counted: dict[Node, Counter] = {}
    for node, (before, after) in here.items():
        found = Counter((True, why.get((pk, True), "place")) for pk in after - before)
        found.update((False, why.get((pk, False), "place")) for pk in before - after)
        counted[node] = found
    return counted, below


def _add_lost(counted: dict[Node, Counter], a: Side, b: Side) -> None:
    """What the numbers of a unit changed by beyond its rows: erased, or changed in place; it cannot be read any more."""
    before, after = _numbers(a), _numbers(b)
    for node in before.keys() & after.keys():
        found = counted.setdefault(node, Counter())
        moved = sum(number if came else -number for (came, _), number in found.items())
        if lost := after[node] - before[node] - moved:
            found[(lost > 0, "lost")] = abs(lost)


def _numbers(side: Side) -> dict[Node, int]:
    """The number of every unit of the guidance line on the day, small ones too: for working out what is kept back."""
    keys = [metrics.count_key(code, side.denominator, side.range) for code in side.code.split("+")]
    rows = Snapshot.objects.filter(
        as_of=side.on, key="", breakdown__in=("", UNASSIGNED), organization__level__lt=Level.GRASSROOTS
    ).select_related("organization")
    return {
        _node(replace(side, unit=row.organization, unassigned=bool(row.breakdown))): sum(
            row.counts.get(key) or 0 for key in keys
        )
        for row in rows
        if row.organization is not None
    }


def _name(event: Event) -> str:
    came, key = event
    return f"{came}:{key}"


def _cells(counted: dict[Node, Counter], below: dict[Node, set[Node]]) -> tuple[dict[Cell, int], list[Equation]]:
    cells: dict[Cell, int] = {
        (node, _name(event)): number for node, found in counted.items() for event, number in found.items()
    }
    equations: list[Equation] = []
    for upper, lowers in below.items():
        for event in counted[upper]:
            parts = ((one, _name(event)) for one in lowers)
            equations.append(((upper, _name(event)), tuple(part for part in parts if part in cells)))
    return cells, equations
