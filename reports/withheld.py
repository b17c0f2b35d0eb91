"""Which cells about persons are kept back: worked out once a day's numbers for the whole tree, in both lines.

A number from 1 to SMALL_CELL − 1 is kept back, and with it so much more that no sum gives it away again: in every
equation total = Σ parts that has a hidden cell, at least two cells are hidden, the hidden parts under a shown total add up
to at least SMALL_CELL, and each of them can still be three numbers, by each equation and by all of them together
(reports/withheld_known.py). Equations are the children of a unit with its 直属/待分派 line, and the parts of a number inside one
unit. Zero is shown: it is nobody's; but not inside an open number below SMALL_CELL, nor where it would tell another number.

One table alone would not do: what a unit's own page hides its parent's table must not show, and what one line hides
the other must not show under the name of the same place (a guidance station and its street are nearly one set of rows).
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from datetime import date, datetime
from functools import cache as memo

from django.conf import settings
from django.core.cache import cache
from django.db.models import F, Max, Q

from orgs.kinds import Level
from orgs.models import Organization
from reports import caching, metrics, past, withheld_known
from reports.models import Snapshot
from reports.withheld_known import ANY, Between, Counts, Sum, gives_away, is_told, of_lines, told_together

Name = Hashable
Cell = tuple[Name, str]
Equation = tuple[Cell, tuple[Cell, ...]]
Pairs = Mapping[Cell, Iterable[Cell]]
Known = Mapping[Cell, Between]
Lines = Mapping[Name, Mapping[str, int]]  # name of a unit or its 直属/待分派 line → its counts
Hidden = dict[Name, frozenset[str]]
ORGANIZATION, DIVISION = "o", "d"
OWN, UNASSIGNED = "", "unassigned"
REACH = 2  # sums between a number that is told and an open one that would have to be hidden for its sake
KEPT_FOR = 3 * 24 * 3600  # seconds; the name in the cache changes with the numbers
READY = "reports:withheld:ready"
WORKING_FOR, READY_FOR = 1800, 26 * 3600  # seconds: until a worker that died is made up for; beyond the next night
RULE = 4  # and with the rule: raise it where other cells are kept back than before


@memo
def _is_personal_key(key: str) -> bool:
    code, _, rest = key.partition("#")[0].partition("@")
    return code in metrics.METRICS and metrics.is_personal(code, rest or metrics.DEFAULT_DENOMINATOR)


def personal_keys(counts: Iterable[str]) -> list[str]:
    """The keys of `counts` that are about persons."""
    return [key for key in counts if _is_personal_key(key)]


def small_keys(counts: Counts) -> frozenset[str]:
    return frozenset(
        key
        for key in personal_keys(counts)
        if 0 < (counts[key] or 0) < settings.SMALL_CELL or withheld_known.between(counts, key).is_narrow
    )


# --- a day's numbers --------------------------------------------------------------------------------------------------


class Withheld:
    """The hidden keys of the units of one day. Make one for an answer; what it works out is kept for the next."""

    def __init__(self, on: date):
        self.on = on
        found: datetime | None = Snapshot.objects.filter(as_of=on).aggregate(at=Max("computed_at"))["at"]
        self._stamp = f"{RULE}:{on:%Y%m%d}:{found.timestamp() if found else 0}:{settings.SMALL_CELL}"
        self._known: dict[str, Hidden] = {}
        self._moved: dict[int, int] | None = None  # asked for once

    def keys(self, unit, *, unassigned: bool = False) -> frozenset[str]:
        """The keys that a unit (or its 直属/待分派 line) keeps back from whoever is not responsible for it."""
        if isinstance(unit, Organization):
            if unit.level == Level.GRASSROOTS:
                parent = self._parent(unit)
                return self._below(parent).get(unit.pk, frozenset()) if parent else frozenset()
            return self._tree().get((ORGANIZATION, unit.pk, UNASSIGNED if unassigned else OWN), frozenset())
        return self._tree().get((DIVISION, unit.pk, UNASSIGNED if unassigned else OWN), frozenset())

    def _parent(self, unit: Organization) -> Organization | None:
        """Under what it hung on the day."""
        if self._moved is None:
            self._moved = past.parents_on(self.on)
        pk = self._moved.get(unit.pk)
        return Organization.objects.get(pk=pk) if pk else unit.parent

    def work_out(self) -> None:
        """For whoever asks within KEPT_FOR of now: else all days would be forgotten at once, on the third day."""
        self._tree()
        caching.renewed(self._name("tree"), KEPT_FOR)

    def _tree(self) -> Hidden:
        return self.once("tree", lambda: _hidden_in_tree(self.on))

    def _below(self, parent: Organization) -> Hidden:
        """Grassroots bodies right below: what their parent hides, they may not add up to."""
        direct = parent.level in (Level.CITY, Level.DISTRICT)
        whole = self.keys(parent, unassigned=direct)
        return self.once(f"below:{parent.pk}", lambda: _hidden_below(parent, self.on, whole, direct))

    def once(self, name: str, work):
        """What `work` gives, kept for whoever asks next while these numbers stand."""
        if name not in self._known:
            self._known[name] = caching.kept(self._name(name), KEPT_FOR, work)
        return self._known[name]

    def _name(self, name: str) -> str:
        return f"reports:withheld:{self._stamp}:{name}"


def keep_ready() -> int:
    """Work out every day that has numbers, for lines over time: a day takes a second, a kept one nothing."""
    cache.set(READY, RULE, WORKING_FOR)
    days = list(Snapshot.objects.order_by("as_of").values_list("as_of", flat=True).distinct())
    for day in days:
        Withheld(day).work_out()
    cache.set(READY, RULE, READY_FOR)
    return len(days)


def is_ready() -> bool:
    """Whether that was done, or is being done, by this rule: not after an upgrade or where the cache was emptied."""
    return cache.get(READY) == RULE


def _rows(on: date):
    return Snapshot.objects.filter(as_of=on, key="", breakdown__in=(OWN, UNASSIGNED))


def _hidden_in_tree(on: date) -> Hidden:
    """City, districts, guidance stations and streets, in one go."""
    lines: dict[Name, Mapping[str, int]] = {}
    parts: dict[Name, list[Name]] = defaultdict(list)
    twins: list[tuple[Name, Name]] = []
    rows = _rows(on).exclude(organization__level=Level.GRASSROOTS)
    city = rows.filter(division__parent=None, organization=None).values_list("division", flat=True).first()
    moved = past.parents_on(on)
    for row in rows.values(
        "organization", "division", "breakdown", "counts", level=F("organization__level"),
        above=F("organization__parent"), above_here=F("division__parent"), district=F("organization__district"),
        street=F("organization__street"),
    ):  # fmt: skip
        line, pk, parent = (
            (ORGANIZATION, row["organization"], moved.get(row["organization"], row["above"]))
            if row["organization"]
            else (DIVISION, row["division"], row["above_here"])
        )
        name = (line, pk, row["breakdown"])
        lines[name] = row["counts"]
        whole = (line, pk, OWN) if row["breakdown"] else (line, parent, OWN)
        parts[whole].append(name)
        if line == ORGANIZATION:
            place = {Level.CITY: city, Level.DISTRICT: row["district"]}.get(row["level"], row["street"])
            twins.append((name, (DIVISION, place, row["breakdown"])))
    return _hidden_in(lines, {whole: of for whole, of in parts.items() if whole in lines}, twins)


def _hidden_below(parent: Organization, on: date, whole: frozenset[str], direct: bool) -> Hidden:
    own = (
        _rows(on).filter(organization=parent, breakdown=UNASSIGNED if direct else OWN).values_list("counts", flat=True)
    )
    moved = past.parents_on(on)
    came = [pk for pk, above in moved.items() if above == parent.pk]
    below = _rows(on).filter(Q(organization__parent=parent) | Q(organization__in=came))
    below = below.filter(organization__level=Level.GRASSROOTS).exclude(organization__in=moved.keys() - came)
    lines: dict[Name, Mapping[str, int]] = dict(below.values_list("organization", "counts"))
    parts: dict[Name, list[Name]] = {OWN: list(lines)}
    if counts := own.first():
        lines[OWN] = counts
    hidden = _hidden_in(lines, parts, given={(OWN, key) for key in whole}, keep_whole=OWN)
    hidden.pop(OWN, None)
    return hidden


# --- the arithmetic ---------------------------------------------------------------------------------------------------


def released(values: Mapping[Hashable, int | None], total: int | None = None) -> dict[Hashable, int | None]:
    """The cells of one number over sibling units, small ones and what would give them away replaced by None.

    `total` is the parent's number where it is shown; by default the sum.
    """
    cells: dict[Cell, int] = {(unit, ""): value for unit, value in values.items() if value is not None}
    whole: Cell = (("whole",), "")
    equation = (whole, tuple(cells))
    hidden = _hide({**cells, whole: sum(cells.values()) if total is None else total}, [equation])
    return {unit: None if (unit, "") in hidden else value for unit, value in values.items()}


def hidden_alone(counts: Mapping[str, int | None], given: Iterable[str] = ()) -> frozenset[str]:
    """The hidden keys of one line by itself; `given` are hidden already."""
    lines: dict[Name, Mapping[str, int]] = {OWN: {key: number for key, number in counts.items() if number is not None}}
    return _hidden_in(lines, {}, given={(OWN, key) for key in given}).get(OWN, frozenset())


def hidden_cells(
    cells: Mapping[Cell, int],
    equations: list[Equation],
    given: Iterable[Cell] = (),
    pairs: Pairs | None = None,
    known: Known | None = None,
) -> set[Cell]:
    """The cells to keep back where sums are shown beside their parts: small ones and what would give them away.

    `given` are hidden already; `pairs` are hidden together; `known`: what open numbers tell of a cell.
    """
    return _hide(cells, equations, given, pairs, known=known)


def _hidden_in(
    lines: Lines,
    parts: Mapping[Name, list[Name]],
    twins: Iterable[tuple[Name, Name]] = (),
    given: Iterable[Cell] = (),
    keep_whole: Name | None = None,
) -> Hidden:
    cells: dict[Cell, int] = {}
    for name, counts in lines.items():
        for key in personal_keys(counts):
            cells[(name, key)] = counts[key]
    keys = {key for _, key in cells}
    equations: list[Equation] = [
        ((whole, key), tuple((name, key) for name in of if (name, key) in cells))
        for whole, of in parts.items()
        for key in keys
    ]
    inside = _inside(keys)
    for name in lines:
        if name != keep_whole:
            equations += [
                ((name, whole), tuple((name, key) for key in of if (name, key) in cells))
                for whole, of in inside
                if (name, whole) in cells
            ]
    pairs: dict[Cell, list[Cell]] = defaultdict(list)
    for pair in twins:
        for one, other in (pair, pair[::-1]):
            for key in keys:
                pairs[(one, key)].append((other, key))
    for name in lines:
        for one, other in (ONE_EACH, ONE_EACH[::-1]):
            pairs[(name, one)].append((name, other))
    found: dict[Name, set[str]] = defaultdict(set)
    for name, key in _hide(cells, equations, given, pairs, keep_whole, of_lines(lines, personal_keys)):
        found[name].add(key)
    return {name: frozenset(keys) for name, keys in found.items()}


# A verified person has mostly one verified registration: the one number tells the other.
ONE_EACH = ("members_verified", "registrations_verified")


def is_part(key: str) -> bool:
    """Whether this number and others like it add up to one that is told as well."""
    bare = key.partition("#")[0]
    return bare != key or any(bare in parts for _, parts in _inside(set()))


def _inside(keys: set[str]) -> list[tuple[str, tuple[str, ...]]]:
    """The equations inside one unit: which key is the sum of which others."""
    found = [
        ("members_distinct", ("members_full", "members_probationary")),
        ("markets_suggested_joint", ("markets_suggested_joint_built", "markets_suggested_joint_not_built")),
        ("registrations", tuple(f"registrations_{state}" for state in metrics.REGISTRATION_STATES)),
        ("check_ins_30d", tuple(f"check_ins_{purpose}_30d" for purpose in metrics.CHECK_IN_PURPOSES)),
    ]
    for range in metrics.RANGES:
        whole = metrics.count_key("covered", "with_members", range)
        split = ("covered_own", "covered_joint", "covered_market")
        found.append((whole, tuple(metrics.count_key(code, "with_members", range) for code in split)))
    found += [(key, (f"{key}#sole_traders", f"{key}#enterprises")) for key in keys if "#" not in key]
    return found


def _hide(
    cells: Mapping[Cell, int],
    equations: list[Equation],
    given: Iterable[Cell] = (),
    pairs: Pairs | None = None,
    keep_whole: Name | None = None,
    known: Known | None = None,
) -> set[Cell]:
    """`pairs`: cells that are hidden together. `keep_whole`: a line that is not hidden for its parts' sake here."""
    pairs, known = pairs or {}, known or {}
    hidden = {cell for cell, number in cells.items() if 0 < number < settings.SMALL_CELL} | (set(given) & set(cells))
    hidden |= {cell for cell, told in known.items() if told.is_narrow}
    of: dict[Cell, list[Equation]] = defaultdict(list)
    for equation in equations:
        if _holds(cells, *equation):
            for cell in (equation[0], *equation[1]):
                of[cell].append(equation)
    before: Known = {cell: _told(known, cell) if cells[cell] else known.get(cell, ANY) for cell in cells}
    at_least = _told_together(cells, cells, of, before)  # with every number about persons hidden: nothing helps there
    while True:
        _hide_by_each(cells, equations, hidden, pairs, keep_whole, before)
        told = _told_together(cells, hidden, of, before)
        open_ones = {
            cell for cell in cells.keys() - hidden if cell[0] != keep_whole and at_least[cell].low < at_least[cell].high
        }
        beside = (_beside(cells, open_ones, of, cell) for cell in hidden if is_told(at_least[cell], told[cell]))
        fresh = {cell for cell in beside if cell is not None}
        if not fresh:
            return hidden
        hidden |= fresh


def _hide_by_each(
    cells: Mapping[Cell, int],
    equations: list[Equation],
    hidden: set[Cell],
    pairs: Pairs,
    keep_whole: Name | None,
    known: Known,
) -> None:
    """Adds to `hidden` until no equation by itself gives anything away. Of two hidden together both are, or one is zero."""
    changed = True
    while changed:
        twins = {twin for cell in hidden for twin in pairs.get(cell, ()) if cells.get(twin, 0) or not cells[cell]}
        fresh = {twin for twin in twins - hidden if twin in cells}
        hidden |= fresh
        changed = bool(fresh)
        for whole, parts in equations:
            while (cell := _needed(cells, hidden, known, whole, parts)) is not None and cell[0] != keep_whole:
                hidden.add(cell)
                changed = True


def _holds(cells: Mapping[Cell, int], whole: Cell, parts: tuple[Cell, ...]) -> bool:
    """Of distinct persons the parts are more than the whole: such a sum tells nothing exactly."""
    return bool(parts) and cells.get(whole) == sum(cells[part] for part in parts)


def _told(known: Known, cell: Cell) -> Between:
    said = known.get(cell, ANY)
    return said if said.is_narrow else Between(max(said.low, 1), said.high)  # another zero would be shown


def _told_together(
    cells: Mapping[Cell, int], hidden: Iterable[Cell], of: Mapping[Cell, list[Equation]], before: Known
) -> dict[Cell, Between]:
    """What is told of the hidden cells by all equations together."""
    hidden = set(hidden)
    sums = [
        Sum(
            whole if whole in hidden else None,
            sum(cells[part] for part in parts if part not in hidden) - (0 if whole in hidden else cells[whole]),
            tuple(part for part in parts if part in hidden),
        )
        for whole, parts in dict.fromkeys(equation for cell in hidden for equation in of.get(cell, ()))
    ]
    return told_together({cell: before[cell] for cell in hidden}, [one for one in sums if one.hidden])


def _beside(
    cells: Mapping[Cell, int], open_ones: set[Cell], of: Mapping[Cell, list[Equation]], told: Cell
) -> Cell | None:
    """The smallest open number in a sum with this one, zero last; where all are hidden, of what they are in sums with."""
    near = {told}
    for _ in range(REACH):
        near = {one for cell in near for whole, parts in of.get(cell, ()) for one in (whole, *parts)}
        if found := near & open_ones:
            return min(found, key=lambda one: (not cells[one], cells[one], str(one)))
    return None


def _needed(
    cells: Mapping[Cell, int], hidden: set[Cell], known: Known, whole: Cell, parts: tuple[Cell, ...]
) -> Cell | None:
    """The next cell this equation needs hidden, smallest first; None where it gives nothing away."""
    secret = [part for part in parts if part in hidden]
    if not parts or (not secret and whole not in hidden):
        return None
    if _is_enough(cells, hidden, known, whole, parts, secret):
        return None
    open_parts = [part for part in parts if part not in hidden and cells[part]]
    if open_parts:
        return min(open_parts, key=lambda part: (cells[part], str(part)))
    return whole if whole in cells and whole not in hidden and secret else None


def _is_enough(
    cells: Mapping[Cell, int], hidden: set[Cell], known: Known, whole: Cell, parts: tuple[Cell, ...], secret: list[Cell]
) -> bool:
    if whole in hidden and not secret:
        return False
    if whole not in hidden and (len(secret) < 2 or sum(cells[part] for part in secret) < settings.SMALL_CELL):
        return False
    shown = sum(cells[part] for part in parts if part not in hidden)
    total = known[whole] if whole in hidden else Between(cells[whole], cells[whole])
    return not gives_away((known[part] for part in secret), Between(total.low - shown, total.high - shown))
