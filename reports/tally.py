"""From cells to units. A cell is where rows stand: its four ancestors. Every unit of both lines is a sum of cells.

So children + the 直属/待分派 line = parent holds by construction, and refreshing one guidance station means counting
its own cells again and adding up. Persons are not in cells: each unit counts its own (reports/sql/persons.py).
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import connection

from orgs.kinds import Level
from orgs.models import Division, Organization
from reports import metrics
from reports.sql import businesses, persons
from reports.sql.facts import Near
from reports.sql.parts import Day, live, on_columns, reach, within
from reports.sql.simple import SIMPLE

Cell = tuple[int | None, int | None, int | None, int | None]  # district committee, guidance station, district, street
MARKET = "market:"  # in a cell: market:CODE → its suggestion
OWN, UNASSIGNED = "", "unassigned"
ORGANIZATION, DIVISION = "organization", "division"
UnitKey = tuple[str, int, str]  # line, primary key, breakdown

COUNT_KEYS = [key for key in metrics.all_keys() if metrics.METRICS[metrics.parse_key(key)[0]].kind == metrics.COUNT]
COUNT_KEYS += list(metrics.FILLED.values())
GRASSROOTS_KEYS = [
    key
    for key in COUNT_KEYS
    if "@" not in key and (metric := metrics.METRICS.get(key.partition("#")[0])) and metric.grassroots
]


@dataclass
class Tree:
    """The units that exist on the day, by primary key."""

    city: int | None
    districts: set[int]
    guidance_stations: set[int]
    grassroots: dict[int, tuple[int | None, int | None]]  # → district committee, guidance station
    division_city: int | None
    division_districts: set[int]
    streets: set[int]
    codes: dict[int, str] = field(default_factory=dict)

    def units(self) -> set[UnitKey]:
        """Every unit of the upper levels, with the 直属/待分派 lines of cities and districts."""
        found: set[UnitKey] = {(ORGANIZATION, pk, OWN) for pk in self.guidance_stations}
        found |= {(DIVISION, pk, OWN) for pk in self.streets}
        for line, tops in (
            (ORGANIZATION, {self.city} | self.districts),
            (DIVISION, {self.division_city} | self.division_districts),
        ):
            found |= {(line, pk, part) for pk in tops if pk is not None for part in (OWN, UNASSIGNED)}
        return found

    def of_cell(self, cell: Cell) -> set[UnitKey]:
        """The units that a cell is a part of."""
        dc, gs, district, street = cell
        return self._line(ORGANIZATION, self.city, dc, gs) | self._line(DIVISION, self.division_city, district, street)

    @staticmethod
    def _line(line: str, top: int | None, upper: int | None, lower: int | None) -> set[UnitKey]:
        found: set[UnitKey] = set()
        if top is not None:
            found |= {(line, top, OWN)} if upper is not None else {(line, top, OWN), (line, top, UNASSIGNED)}
        if upper is not None:
            found.add((line, upper, OWN))
            found.add((line, upper, UNASSIGNED) if lower is None else (line, lower, OWN))
        return found


def tree(day: Day) -> Tree:
    levels: dict[int, set[int]] = defaultdict(set)
    grassroots: dict[int, tuple[int | None, int | None]] = {}
    open_ones = Organization.objects.open(day.on).values_list(
        "pk", "level", "district_committee_id", "guidance_station_id"
    )
    for pk, level, dc, gs in open_ones:
        levels[level].add(pk)
        if level == Level.GRASSROOTS:
            grassroots[pk] = (dc, gs)
    places: dict[int, set[int]] = defaultdict(set)
    for pk, level in Division.objects.values_list("pk", "level"):
        places[level].add(pk)
    return Tree(
        min(levels[Level.CITY], default=None),
        levels[Level.DISTRICT],
        levels[Level.GUIDANCE_STATION],
        grassroots,
        min(places[Division.Level.CITY], default=None),
        places[Division.Level.DISTRICT],
        places[Division.Level.STREET],
    )


def fetch(sql: str) -> list[dict]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def count_cells(day: Day, holder: Organization | None = None) -> dict[Cell, Counter]:
    """Every cell with its counts, or those that stand under one holder.

    A holder is a guidance station, or a district committee or city for what stands directly under it.
    """
    where = "TRUE" if holder is None else within(holder, unassigned=holder.level < Level.GUIDANCE_STATION)
    cells: dict[Cell, Counter] = defaultdict(Counter)
    on_business = on_columns(where, "b")
    for sql in (businesses.base_sql(on_business), businesses.filled_sql(on_business)):
        for row in fetch(sql):
            _add(cells, row, row.pop("sole"))
    _add_facts(cells, day, where)
    for source in SIMPLE.values():
        for row in fetch(source.cells_sql(day, where)):
            _add(cells, row)
    return cells


def _add(cells: dict[Cell, Counter], row: dict, sole: bool | None = None) -> None:
    cell: Cell = (row.pop("dc"), row.pop("gs"), row.pop("district"), row.pop("street"))
    for key, number in row.items():
        if number:
            cells[cell][key] += number
            if sole is not None:
                cells[cell][f"{key}#{'sole_traders' if sole else 'enterprises'}"] += number


def _add_facts(cells: dict[Cell, Counter], day: Day, where: str) -> None:
    near = None if where == "TRUE" else Near.standing(where)
    with connection.cursor() as cursor:
        cursor.execute(businesses.facts_sql(day, near, where, on_columns(where, "m")))
        for what, row in cursor.fetchall():
            row = row if isinstance(row, dict) else json.loads(row)
            if what == "cell":
                _add(cells, row, row.pop("sole"))
            else:
                _add_market(cells, row)


def _add_market(cells: dict[Cell, Counter], row: dict) -> None:
    cell = cells[(row["dc"], row["gs"], row["district"], row["street"])]
    due, covered = row["full_members"] >= businesses.DUE_MEMBERS, row["covered"]
    cell["markets"] += 1
    cell["markets_covered"] += covered
    cell["markets_due"] += due
    cell["markets_due_not_built"] += due and not covered
    cell[MARKET + row["code"]] = 2 if due else 1 if row["full_members"] else 0


def add_up(cells: Iterable[tuple[Cell, Counter]], found: Tree, wanted: set[UnitKey]) -> dict[UnitKey, Counter]:
    """The counts of the wanted units, zeros included; keys MARKET… are suggestions."""
    totals: dict[UnitKey, Counter] = {unit: Counter(dict.fromkeys(COUNT_KEYS, 0)) for unit in wanted}
    for cell, counts in cells:
        for unit in found.of_cell(cell) & wanted:
            total = totals[unit]
            for key, number in counts.items():
                total[key] += number
    return totals


def count_persons(
    day: Day, found: Tree, sets: tuple[str, ...] = persons.ALL_SETS, where: str = "TRUE"
) -> dict[UnitKey, dict[str, int]]:
    """Distinct persons of each unit that has any."""
    counted: dict[UnitKey, dict[str, int]] = {}
    for row in fetch(persons.units_sql(day, sets, where)):
        bits = row.pop("bits")
        place = tuple(row.pop(name) for name in ("dc", "gs", "district", "street"))
        for unit in _units_of_set(bits, place, found):
            counted[unit] = row
    return counted


def _units_of_set(bits: int, place: tuple, found: Tree) -> list[UnitKey]:
    dc, gs, district, street = place
    if bits == 15:
        both = [(ORGANIZATION, found.city, OWN), (DIVISION, found.division_city, OWN)]
        return [(line, pk, part) for line, pk, part in both if pk is not None]
    if bits == 7:
        return _upper(ORGANIZATION, found.city, dc)
    if bits == 3:
        return _lower(ORGANIZATION, dc, gs)
    if bits == 13:
        return _upper(DIVISION, found.division_city, district)
    return _lower(DIVISION, district, street)


def _upper(line: str, top: int | None, upper: int | None) -> list[UnitKey]:
    if upper is not None:
        return [(line, upper, OWN)]
    return [(line, top, UNASSIGNED)] if top is not None else []


def _lower(line: str, upper: int | None, lower: int | None) -> list[UnitKey]:
    if lower is not None:
        return [(line, lower, OWN)]
    return [(line, upper, UNASSIGNED)] if upper is not None else []


def count_grassroots(day: Day, units: Iterable[int], only: str = "TRUE") -> dict[int, Counter]:
    """Organizations, persons and led businesses of grassroots bodies; `only` (on r.unit) narrows, as `units` does."""
    totals = {unit: Counter(dict.fromkeys(GRASSROOTS_KEYS, 0)) for unit in units}

    def add(row: dict, sole: bool | None = None) -> None:
        total = totals.get(row.pop("unit"))
        if total is None:
            return
        for key, number in row.items():
            total[key] += number
            if sole is not None:
                total[f"{key}#{'sole_traders' if sole else 'enterprises'}"] += number

    for row in fetch(_organizations_sql(day, only)):
        add(row)
    for row in fetch(persons.grassroots_sql(day, only)):
        add({key: number for key, number in row.items() if key == "unit" or key in GRASSROOTS_KEYS})
    for row in fetch(businesses.grassroots_sql(day, only)):
        add(row, row.pop("sole"))
    markets = f"SELECT unit, count(*) AS markets_covered FROM ({businesses.grassroots_markets_sql(day, only)}) led "
    for row in fetch(f"{markets} GROUP BY unit"):
        add(row)
    return totals


def _organizations_sql(day: Day, only: str) -> str:
    source = SIMPLE["organizations"]
    return f"""WITH {live(day)}, {reach()}
        SELECT unit, {source.columns(day)} FROM (
            SELECT r.unit, o.* FROM ({source.select(day)}) o JOIN reach r ON r.organization_id = o.id WHERE {only}) rows
        GROUP BY unit"""
