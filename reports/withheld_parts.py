"""Which cells about persons a breakdown keeps back: the rule of reports/withheld.py, over the parts of a unit.

Parts add up to the unit's number, and those of the districts to the city's: both are equations that may not give a small
cell away. Below the districts, and by street, parts about persons are open in the responsible guidance station only:
whatever stands there is nearly always small.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable

from orgs.kinds import Level
from orgs.models import Division, Organization
from reports import breakdowns, selectors, splitting
from reports.breakdowns import STREET
from reports.models import LastCount
from reports.releases import is_responsible
from reports.selectors import Numbers, Unit
from reports.splitting import Part
from reports.withheld import Cell, Equation, Withheld, hidden_cells, personal_keys
from reports.withheld_known import Between, of_lines

Line = tuple[str, int, bool]  # the kind of unit, its key, whether its 直属/待分派 line


def parts_for(user, own: Numbers, dimension: str) -> list[Part]:
    """The parts of a unit as this person may see them. `own`: its numbers, kept back or not."""
    found = splitting.parts(own, dimension)
    if is_responsible(user, own.unit) or not found:
        return found
    hidden = _hidden(own, dimension)
    if hidden is None:
        return [_without(part, personal_keys(part.numbers.counts)) for part in found]
    line = _line(own)
    return [_without(part, {key for (name, key) in hidden if name == (line, part.value)}) for part in found]


def part_for(user, own: Numbers, part: breakdowns.Part) -> Numbers | None:
    dimension, value = part
    return next((one.numbers for one in parts_for(user, own, dimension) if one.value == value), None)


def _without(part: Part, keys: Iterable[str]) -> Part:
    return Part(part.dimension, part.value, part.name, part.numbers.without(keys))


def _line(numbers: Numbers) -> Line:
    return numbers.unit._meta.model_name or "", numbers.unit.pk, numbers.is_unassigned


def _hidden(own: Numbers, dimension: str) -> frozenset[Cell] | None:
    """What the city and its districts keep back in both lines; None where nothing about persons is open."""
    rest = own.is_unassigned and own.unit.level != Level.CITY
    if dimension == STREET or own.unit.level > Level.DISTRICT or rest:
        return None
    withheld = Withheld(own.as_of)
    last = LastCount.objects.filter(as_of=own.as_of).first()  # a part may change where no whole number does
    name = f"parts:{dimension}:{last.joined_at.timestamp() if last else 0}"
    return withheld.once(name, lambda: _work_out(withheld, own, dimension))


def _work_out(withheld: Withheld, own: Numbers, dimension: str) -> frozenset[Cell]:
    cells: dict[Cell, int] = {}
    sums: dict[Cell, list[Cell]] = defaultdict(list)
    given: list[Cell] = []
    pairs: dict[Cell, list[Cell]] = {}
    known: dict[Cell, Between] = {}
    wholes: set[Hashable] = set()
    for numbers, above, twin in _family(own):
        line = _line(numbers)
        wholes.add((line, None))
        for key in withheld.keys(numbers.unit, unassigned=numbers.is_unassigned):
            given.append(((line, None), key))
        for key in personal_keys(numbers.counts):
            cells[((line, None), key)] = numbers.counts[key] or 0
        known |= of_lines({(line, None): numbers.counts}, personal_keys)
        for part in splitting.parts(numbers, dimension):
            name = (line, part.value)
            known |= of_lines({name: part.numbers.counts}, personal_keys)
            for key in personal_keys(part.numbers.counts):
                cells[(name, key)] = part.numbers.counts[key] or 0
                sums[((line, None), key)].append((name, key))
                if above is not None:
                    sums[((above, part.value), key)].append((name, key))
                if twin is not None:
                    pairs[(name, key)] = [((twin, part.value), key)]
    equations: list[Equation] = [(whole, tuple(parts)) for whole, parts in sums.items()]
    equations += _inside(cells, wholes)
    return frozenset(hidden_cells(cells, equations, given, pairs, known))


def _inside(cells: dict[Cell, int], whole: set[Hashable]) -> list[Equation]:
    """Of one part: all are sole traders and enterprises; covered are own, joint and market."""
    found: list[Equation] = []
    split = ("covered_own", "covered_joint", "covered_market")
    for name, key in cells:
        if name in whole:  # worked out already
            continue
        if "#" not in key:
            found.append(((name, key), ((name, f"{key}#sole_traders"), (name, f"{key}#enterprises"))))
        if key.startswith("covered@"):
            found.append(((name, key), tuple((name, key.replace("covered", one, 1)) for one in split)))
    return [(whole, tuple(part for part in parts if part in cells)) for whole, parts in found]


def _family(own: Numbers) -> Iterable[tuple[Numbers, Line | None, Line | None]]:
    """(numbers, the line above, the same place in the other line) of cities, districts and their 直属/待分派 lines."""
    tops: list[Unit] = [
        *Organization.objects.filter(level=Level.CITY),
        *Division.objects.filter(level=Division.Level.CITY),
    ]
    twins: dict[Line, Line] = {}
    for district in Organization.objects.filter(level=Level.DISTRICT, district__isnull=False):
        one, other = ("organization", district.pk, False), ("division", district.district_id or 0, False)
        twins |= {one: other, other: one}
    if len(tops) == 2:
        for rest in (False, True):
            pair = [(top._meta.model_name or "", top.pk, rest) for top in tops]
            twins |= {pair[0]: pair[1], pair[1]: pair[0]}
    for top in tops:
        whole = selectors.latest(top, own.as_of)
        if whole is None or whole.as_of != own.as_of:
            continue
        yield whole, None, twins.get(_line(whole))
        rest = selectors.unassigned(top, own.as_of)
        for numbers in [*selectors.children(top, own.as_of), *([rest] if rest else [])]:
            yield numbers, _line(whole), twins.get(_line(numbers))
