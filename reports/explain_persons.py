"""Differences of numbers about persons, told outside the responsible unit: counts per event, never rows.

A small count is kept back, and with it so much more that neither the parent's line nor the difference itself gives it
away again (reports/withheld.py): the whole guidance line is worked out at once.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace

from django.db import connection

from accounts import wall
from orgs.kinds import Level
from orgs.models import Organization
from reports import metrics
from reports.explain_words import label
from reports.explaining import Explained, Reason, Side, told_sql
from reports.models import Snapshot
from reports.selectors import UNASSIGNED
from reports.sql import persons
from reports.sql.facts import condition, facts
from reports.sql.simple import SIMPLE
from reports.withheld import Cell, Equation, hidden_cells

Node = tuple[str, int | None]  # ("city", None), ("dc", key), ("gs", key), ("rest", district committee or None)
Triple = tuple[int, int | None, int | None]
WHOLE = ""


def can_be_told(a: Side, b: Side) -> bool:
    """Two days of one number of a unit of the guidance line, above the grassroots."""
    return isinstance(a.unit, Organization) and a.unit.level < Level.GRASSROOTS and replace(a, on=b.on) == b


@wall.everywhere()
def explain_persons(a: Side, b: Side, number_a: int, number_b: int) -> Explained | None:
    """None where nothing can be told without telling of somebody."""
    counted, below = _events(a, b)
    _add_lost(counted, a, b)
    cells, equations = _cells(counted, below)
    hidden = hidden_cells(cells, equations)
    node = _node(a)
    own = counted.get(node, Counter())
    if (node, WHOLE) in hidden:
        return None
    reasons = [
        Reason(came, key, label(came, key, a, b), None if (node, f"{came}:{key}") in hidden else number)
        for (came, key), number in own.items()
    ]
    reasons.sort(key=lambda reason: (not reason.came, -(reason.count or 0), reason.key))
    return Explained(number_a, number_b, tuple(reasons))


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


def _cells(counted: dict[Node, Counter], below: dict[Node, set[Node]]) -> tuple[dict[Cell, int], list[Equation]]:
    cells: dict[Cell, int] = {}
    equations: list[Equation] = []
    for node, found in counted.items():
        for (came, key), number in found.items():
            cells[(node, f"{came}:{key}")] = number
        if found:
            cells[(node, WHOLE)] = sum(found.values())
            equations.append(((node, WHOLE), tuple((node, f"{came}:{key}") for came, key in found)))
    for upper, lowers in below.items():
        for came, key in counted[upper]:
            name = f"{came}:{key}"
            equations.append(((upper, name), tuple((one, name) for one in lowers if (one, name) in cells)))
    return cells, equations
