"""Small cells: which numbers about persons a reader outside the responsible guidance station does not get.

A number from 1 to SMALL_CELL − 1 is kept back, and with it so much more that no sum gives it away again: in every
equation total = Σ parts that has a hidden cell, at least two cells are hidden, and the hidden parts under a shown
total add up to at least SMALL_CELL. Equations are the children of a unit with its 直属/待分派 line, and the parts of a
number inside one unit. Zero is shown: it is nobody's.
"""

from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING

from django.conf import settings

from orgs.doors import postings_with
from orgs.kinds import Level
from orgs.models import Organization
from reports import metrics

if TYPE_CHECKING:
    from reports.selectors import Numbers

Cell = tuple[Hashable, str]
Equation = tuple[Cell, tuple[Cell, ...]]
_OWN, _UNASSIGNED = "own", "unassigned"


def is_responsible(user, unit) -> bool:
    """Whether the unit's persons are this reader's own work: the officer there, or the branch's secretary."""
    if not isinstance(unit, Organization):
        return False
    for posting in postings_with(user, "members.view_member"):
        place = posting.organization
        if place is None:
            continue
        if place.level == Level.GUIDANCE_STATION and place.pk == unit.guidance_station_id:
            return True
        if place.level == Level.GRASSROOTS and unit.path.startswith(place.path):
            return True
    return False


def personal_keys(counts: Iterable[str]) -> list[str]:
    """The keys of `counts` that are about persons."""
    keys = []
    for key in counts:
        code, _, rest = key.partition("#")[0].partition("@")
        if code in metrics.METRICS and metrics.is_personal(code, rest or metrics.DEFAULT_DENOMINATOR):
            keys.append(key)
    return keys


def released(values: Mapping[Hashable, int | None], total: int | None = None) -> dict[Hashable, int | None]:
    """The cells of one number over sibling units, small ones and what would give them away replaced by None.

    `total` is the parent's number where it is shown; by default the sum.
    """
    cells: dict[Cell, int] = {(unit, ""): value for unit, value in values.items() if value is not None}
    whole: Cell = (_OWN, "")
    equation = (whole, tuple(cells))
    hidden = _hide({**cells, whole: sum(cells.values()) if total is None else total}, [equation])
    return {unit: None if (unit, "") in hidden else value for unit, value in values.items()}


Cache = dict[tuple, set[Cell]]  # the hidden cells of tables already worked out, for one answer


def release_family(user, own: "Numbers", children: list["Numbers"], unassigned: "Numbers | None") -> tuple:
    """(own, children, unassigned) with the cells kept back that this reader may not see."""
    if is_responsible(user, own.unit):
        return own, children, unassigned
    hidden = _hidden_in_table(own, children, unassigned, {})
    shown = [
        child if is_responsible(user, child.unit) else child.without(_keys_of(hidden, child.unit.pk))
        for child in children
    ]
    rest = unassigned.without(_keys_of(hidden, _UNASSIGNED)) if unassigned is not None else None
    return own.without(_keys_of(hidden, _OWN)), shown, rest


def release_one(user, numbers: "Numbers", cache: Cache) -> "Numbers":
    """One line by itself, as it stands in the tables of pages: hidden there, hidden here."""
    from reports import selectors

    if is_responsible(user, numbers.unit):
        return numbers
    if not numbers.is_unassigned:
        return numbers.without(_keys_of(_hidden_around(numbers, cache), _OWN))
    own = selectors.latest(numbers.unit, numbers.as_of)
    return numbers.without(_keys_of(_hidden_around(own, cache), _UNASSIGNED) if own else personal_keys(numbers.counts))


def _hidden_around(own: "Numbers", cache: Cache) -> set[Cell]:
    """The hidden cells of the table of a unit with its children and its 直属/待分派 line."""
    from reports import selectors

    name = (type(own.unit), own.unit.pk, own.as_of)
    if name not in cache:
        children = selectors.children(own.unit, own.as_of)
        cache[name] = _hidden_in_table(own, children, selectors.unassigned(own.unit, own.as_of), cache)
    return cache[name]


def _hidden_in_table(
    own: "Numbers", children: list["Numbers"], unassigned: "Numbers | None", cache: Cache
) -> set[Cell]:
    """A cell hidden in the parent's table is hidden on the unit's own page too: else one click would show it."""
    from reports import selectors

    lines: dict[Hashable, Numbers] = {_OWN: own, **{child.unit.pk: child for child in children}}
    if unassigned is not None:
        lines[_UNASSIGNED] = unassigned
    parent = own.unit.parent
    above = selectors.latest(parent, own.as_of) if parent is not None else None
    given = _keys_of(_hidden_around(above, cache), own.unit.pk) if above is not None else set()
    return _hidden_cells(lines, {(_OWN, key) for key in given})


def release_alone(user, numbers: "Numbers", also: Iterable[str] = ()) -> "Numbers":
    """One unit's numbers on one day without its family, for a line over time.

    `also`: keys that the unit's newest numbers keep back; what is hidden today was not public yesterday either.
    """
    if is_responsible(user, numbers.unit):
        return numbers
    hidden = _hidden_cells({_OWN: numbers}, {(_OWN, key) for key in also})
    return numbers.without(_keys_of(hidden, _OWN))


def _keys_of(hidden: set[Cell], name: Hashable) -> set[str]:
    return {key for line, key in hidden if line == name}


def _hidden_cells(lines: Mapping[Hashable, "Numbers"], given: set[Cell]) -> set[Cell]:
    cells: dict[Cell, int] = {}
    for name, line in lines.items():
        for key in personal_keys(line.counts):
            if (number := line.counts[key]) is not None:
                cells[(name, key)] = number
    keys = {key for _, key in cells}
    parts = [name for name in lines if name != _OWN]
    equations: list[Equation] = [
        ((_OWN, key), tuple((name, key) for name in parts if (name, key) in cells)) for key in keys
    ]
    for name in lines:
        for whole, of in _inside(keys):
            if (name, whole) in cells:
                equations.append(((name, whole), tuple((name, key) for key in of if (name, key) in cells)))
    return _hide(cells, equations, given)


def _inside(keys: set[str]) -> list[tuple[str, tuple[str, ...]]]:
    """The equations inside one unit: which key is the sum of which others."""
    found = [
        ("members_distinct", ("members_full", "members_probationary")),
        ("registrations", tuple(f"registrations_{state}" for state in metrics.REGISTRATION_STATES)),
    ]
    for range in metrics.RANGES:
        whole = metrics.count_key("covered", "with_members", range)
        split = ("covered_own", "covered_joint", "covered_market")
        found.append((whole, tuple(metrics.count_key(code, "with_members", range) for code in split)))
    found += [(key, (f"{key}#sole_traders", f"{key}#enterprises")) for key in keys if "#" not in key]
    return found


def _hide(cells: Mapping[Cell, int], equations: list[Equation], given: Iterable[Cell] = ()) -> set[Cell]:
    hidden = {cell for cell, number in cells.items() if 0 < number < settings.SMALL_CELL} | (set(given) & set(cells))
    changed = True
    while changed:
        changed = False
        for whole, parts in equations:
            while (cell := _needed(cells, hidden, whole, parts)) is not None:
                hidden.add(cell)
                changed = True
    return hidden


def _needed(cells: Mapping[Cell, int], hidden: set[Cell], whole: Cell, parts: tuple[Cell, ...]) -> Cell | None:
    """The next cell this equation needs hidden, smallest first; None where it gives nothing away."""
    secret = [part for part in parts if part in hidden]
    if not parts or (not secret and whole not in hidden):
        return None
    if whole in hidden:
        enough = bool(secret)
    else:
        enough = len(secret) >= 2 and sum(cells[part] for part in secret) >= settings.SMALL_CELL
    if enough:
        return None
    open_parts = [part for part in parts if part not in hidden and cells[part]]
    if open_parts:
        return min(open_parts, key=lambda part: (cells[part], str(part)))
    return whole if whole in cells and whole not in hidden and secret else None
