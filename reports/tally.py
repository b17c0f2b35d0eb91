"""From cells to units. A cell is where rows stand: its four ancestors. Every unit of both lines is a sum of cells.

So children + the 直属/待分派 line = parent holds by construction, and refreshing one guidance station means counting
its own cells again and adding the difference. Persons are not in cells: each unit counts its own (reports/sql/persons.py).
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import connection

from orgs.kinds import Level
from orgs.models import Division, Organization
from reports import kept, metrics, splitting
from reports.sql import businesses, persons
from reports.sql.facts import REST, counted
from reports.sql.parts import Day, Units, directly_under, live, on_columns, reach
from reports.sql.simple import SIMPLE

Cell = tuple[int | None, int | None, int | None, int | None]  # district committee, guidance station, district, street
LABEL = 4  # characters of one step of an organization's path
MARKET = "market:"  # in a cell: market:CODE → its suggestion
# The parts of a cell that are counted by themselves, beside what businesses' own rows say.
KNOWN, MARKETS = "known", "markets"
PARTS = (KNOWN, MARKETS, *SIMPLE)
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
    """The units of the upper levels that exist on the day, by primary key."""

    city: int | None
    districts: set[int]
    guidance_stations: set[int]
    division_city: int | None
    division_districts: set[int]
    streets: set[int]

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

    def holder(self, place: tuple) -> int | None:
        """The organization that what stands in a cell, or under a holder, is directly under."""
        return place[1] or place[0] or self.city

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
    upper = Organization.objects.open(day.on).filter(level__lt=Level.GRASSROOTS)
    for pk, level in upper.values_list("pk", "level"):
        levels[level].add(pk)
    places: dict[int, set[int]] = defaultdict(set)
    for pk, level in Division.objects.values_list("pk", "level"):
        places[level].add(pk)
    return Tree(
        min(levels[Level.CITY], default=None),
        levels[Level.DISTRICT],
        levels[Level.GUIDANCE_STATION],
        min(places[Division.Level.CITY], default=None),
        places[Division.Level.DISTRICT],
        places[Division.Level.STREET],
    )


def bodies_above(day: Day, ids: Collection[int]) -> list[int]:
    """The grassroots bodies at or above these organizations."""
    paths = Organization.objects.filter(pk__in=ids).values_list("path", flat=True)
    ends = {path[:end] for path in paths for end in range(LABEL, len(path) + 1, LABEL)}
    found = Organization.objects.open(day.on).filter(level=Level.GRASSROOTS, path__in=ends)
    return list(found.values_list("pk", flat=True))


def fetch(sql: str) -> list[dict]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def count_cells(day: Day) -> dict[Cell, Counter]:
    """Every cell with its counts. The kept rows are to be up to date."""
    cells: dict[Cell, Counter] = defaultdict(Counter)
    for row in fetch(businesses.base_sql(day)):
        _add(cells, row, row.pop("sole"))
    for part in PARTS:
        _count_part(cells, part, day, "TRUE")
    return cells


def _count_part(cells: dict[Cell, Counter], part: str, day: Day, where: str) -> None:
    if part == KNOWN:
        for row in fetch(businesses.known_sql(day, where, businesses.stalls(on_columns(where, "b")))):
            _add(cells, row, row.pop("sole"))
    elif part == MARKETS:
        for row in fetch(businesses.markets_sql(day, where)):
            _add_market(cells, row)
    else:
        for row in fetch(SIMPLE[part].cells_sql(day, where)):
            _add(cells, row)


def count_changes(day: Day) -> dict[Cell, Counter]:
    """By how much the counts of businesses' own rows differ from the last refresh."""
    cells: dict[Cell, Counter] = defaultdict(Counter)
    for row in fetch(businesses.changes_sql(day)):
        _add(cells, row, row.pop("sole"))
    return cells


def count_known(day: Day, some: str, *, sign: int) -> dict[Cell, Counter]:
    """By how much the kept rows of some businesses change the counts; added: with what changed among the others in
    their markets."""
    cells: dict[Cell, Counter] = defaultdict(Counter)
    stalls = businesses.CHANGED_STALLS if sign > 0 else businesses.NO_STALLS
    for row in fetch(businesses.known_sql(day, some, stalls, sign)):
        _add(cells, row, row.pop("sole"))
    return cells


def anew(
    cells: dict[Cell, Counter], day: Day, parts: kept.Parts, differences: Iterable[dict[Cell, Counter]]
) -> dict[Cell, Counter]:
    """The cells with some parts of some holders counted again, and these differences added."""
    now: dict[Cell, Counter] = defaultdict(Counter, {cell: Counter(counts) for cell, counts in cells.items()})
    for holder, names in parts.items():
        for part in names:
            _recount(now, day, holder, part)
    for difference in differences:
        for cell, counts in difference.items():
            now[cell].update(counts)
    return now


def _recount(cells: dict[Cell, Counter], day: Day, holder: kept.Holder, part: str) -> None:
    keys = _keys_of(part, day)
    for cell, counts in cells.items():
        if cell[:2] == holder:
            for key in [key for key in counts if key.partition("#")[0] in keys or _is_idea(key, part)]:
                del counts[key]
    fresh: dict[Cell, Counter] = defaultdict(Counter)
    if part == KNOWN:
        splitting.forget_known(day, directly_under(*holder))
    _count_part(fresh, part, day, directly_under(*holder))
    for cell, counts in fresh.items():
        cells[cell].update(counts)


def _keys_of(part: str, day: Day) -> Collection[str]:
    if part == KNOWN:
        return counted().keys()
    return businesses.MARKETS.keys() if part == MARKETS else SIMPLE[part].conditions(day).keys()


def _is_idea(key: str, part: str) -> bool:
    return part == MARKETS and key.startswith(MARKET)


def _add(cells: dict[Cell, Counter], row: dict, sole: bool | None = None) -> None:
    cell: Cell = (row.pop("dc"), row.pop("gs"), row.pop("district"), row.pop("street"))
    for key, number in row.items():
        if number:
            cells[cell][key] += number
            if sole is not None:
                cells[cell][f"{key}#{'sole_traders' if sole else 'enterprises'}"] += number


def _add_market(cells: dict[Cell, Counter], row: dict) -> None:
    cell = cells[(row["dc"], row["gs"], row["district"], row["street"])]
    due, covered = row["full_members"] >= businesses.DUE_MEMBERS, row["covered"]
    cell["markets"] += 1
    cell["markets_covered"] += covered
    cell["markets_due"] += due
    cell["markets_due_not_built"] += due and not covered
    cell["markets_due_and_built"] += due and covered
    joint = 0 < row["full_members"] < businesses.DUE_MEMBERS
    cell["markets_suggested_joint"] += joint
    cell["markets_suggested_joint_built"] += joint and covered
    cell["markets_suggested_joint_not_built"] += joint and not covered
    cell["markets_located"] += row["located"]
    cell["markets_near"] += row["near"]
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


def fill_rest(totals: dict[UnitKey, Counter]) -> None:
    """What no count of known businesses can give: the operating ones that are not in it."""
    for total in totals.values():
        for rest, counted_in in REST.items():
            for range in metrics.RANGES:
                key, whole, part = (metrics.count_key(code, range=range) for code in (rest, "operating", counted_in))
                total[key] = total[whole] - total[part]


def add_difference(
    totals: dict[UnitKey, Counter], found: Tree, before: dict[Cell, Counter], now: dict[Cell, Counter]
) -> None:
    """Take the cells as they were off these totals and add them as they are."""
    for cell, counts in before.items():
        for unit in found.of_cell(cell) & totals.keys():
            for key, number in counts.items():
                if key.startswith(MARKET):
                    totals[unit].pop(key, None)
                else:
                    totals[unit][key] -= number
    for cell, counts in now.items():
        for unit in found.of_cell(cell) & totals.keys():
            totals[unit].update(counts)


def count_persons(found: Tree, where: str = "TRUE") -> dict[UnitKey, dict[str, int]]:
    """Distinct persons of each unit that has any; `where` keeps some of the kept rows."""
    counted: dict[UnitKey, dict[str, int]] = {}
    for row in fetch(persons.units_sql(where)):
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


def count_grassroots(day: Day, some: Units = None) -> dict[int, Counter]:
    """Organizations, persons and led businesses of all grassroots bodies, or of some."""
    every = Organization.objects.open(day.on).filter(level=Level.GRASSROOTS)
    units = every.values_list("pk", flat=True) if some is None else some
    totals = {unit: Counter(dict.fromkeys(GRASSROOTS_KEYS, 0)) for unit in units}

    def add(row: dict, sole: bool | None = None) -> None:
        total = totals.get(row.pop("unit"))
        if total is None:
            return
        for key, number in row.items():
            total[key] += number
            if sole is not None:
                total[f"{key}#{'sole_traders' if sole else 'enterprises'}"] += number

    for row in fetch(_organizations_sql(day, some)):
        add(row)
    for row in fetch(persons.grassroots_sql(day, some)):
        add({key: number for key, number in row.items() if key == "unit" or key in GRASSROOTS_KEYS})
    for row in fetch(businesses.grassroots_sql(day, some)):
        add(row, row.pop("sole"))
    markets = f"SELECT unit, count(*) AS markets_covered FROM ({businesses.grassroots_markets_sql(day, some)}) led "
    for row in fetch(f"{markets} GROUP BY unit"):
        add(row)
    return totals


def _organizations_sql(day: Day, units: Units) -> str:
    source = SIMPLE["organizations"]
    return f"""WITH {live(day)}, {reach(units)}
        SELECT unit, {source.columns(day)} FROM (
            SELECT r.unit, o.* FROM ({source.select(day)}) o JOIN reach r ON r.organization_id = o.id) rows
        GROUP BY unit"""
