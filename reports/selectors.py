"""Reading what was computed: the numbers of a unit on a day, of its children, and over time."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import Max, Q
from django.utils import timezone

from orgs.kinds import Level
from orgs.models import Division, Organization
from reports import metrics, past, releases
from reports.models import LastCount, MonthClosing, Snapshot

Unit = Organization | Division
SEE = "reports.view_snapshot"
UNASSIGNED = "unassigned"
UNASSIGNED_NAME = "直属/待分派"
SUGGESTED = "suggested"
SUGGESTIONS = ("none", "joint", "own")  # how a market's suggestion is kept: 0, 1, 2


@dataclass(frozen=True)
class Numbers:
    """The numbers of one unit on one day. `hidden`: keys of small cells that this reader does not get (counts None)."""

    unit: Unit
    as_of: date
    computed_at: datetime
    counts: dict[str, int | None]
    is_unassigned: bool = False
    is_away: bool = False  # moved since, out of this reader's sight: nothing leads there
    hidden: frozenset[str] = field(default_factory=frozenset)

    @property
    def has_page(self) -> bool:
        return not self.is_unassigned and not self.is_away

    @property
    def name(self) -> str:
        return UNASSIGNED_NAME if self.is_unassigned else str(self.unit)

    def value(self, code: str, denominator: str | None = None, range: str = "all") -> int | Decimal | None:
        """A count, or a share (0–1, 4 places); None is shown as —. Raises metrics.UnknownMetric."""
        return metrics.value(self.counts, code, denominator or metrics.DEFAULT_DENOMINATOR, range)

    def is_hidden(self, code: str, denominator: str | None = None, range: str = "all") -> bool:
        """Whether a part of this value is a small cell that is kept back (show 少于5, not —)."""
        metric = metrics.METRICS[code]
        below = metric.denominator or denominator or metrics.DEFAULT_DENOMINATOR
        parts = metric.numerator.split("+") if metric.kind == metrics.RATE else [code]
        keys = {metrics.count_key(part, denominator or metrics.DEFAULT_DENOMINATOR, range) for part in parts}
        if metric.kind == metrics.RATE:
            keys.add(metrics.count_key(below, range=range))
        return bool(keys & self.hidden)

    def without(self, keys: Iterable[str]) -> "Numbers":
        """The same numbers with these cells kept back."""
        gone = frozenset(keys)
        counts = {key: None if key in gone else count for key, count in self.counts.items()}
        return replace(self, counts=counts, hidden=self.hidden | gone)


def _of_unit(unit: Unit):
    key = "organization" if isinstance(unit, Organization) else "division"
    return Snapshot.objects.filter(**{key: unit.pk})


def numbers(snapshot: Snapshot, unit: Unit) -> Numbers:
    return Numbers(
        unit, snapshot.as_of, snapshot.computed_at, snapshot.counts, is_unassigned=snapshot.breakdown == UNASSIGNED
    )


def counted_at(own: Numbers) -> datetime:
    """Until when these numbers are known to hold: a refresh leaves alone what it finds unchanged."""
    last = LastCount.objects.filter(as_of=own.as_of).first()
    return max(own.computed_at, last.joined_at) if last else own.computed_at


def _newest(unit: Unit, as_of: date | None, breakdown: str) -> Snapshot | None:
    rows = _of_unit(unit).filter(breakdown=breakdown, key="")
    if as_of is not None:
        rows = rows.filter(as_of__lte=as_of)
    return rows.order_by("-as_of").first()


def latest(unit: Unit, as_of: date | None = None) -> Numbers | None:
    """The newest numbers of a unit, or the newest not after `as_of`; None where there are none."""
    snapshot = _newest(unit, as_of, "")
    return numbers(snapshot, unit) if snapshot else None


def day_counted(unit: Unit, as_of: date | None) -> date | None:
    """The day whose numbers are shown for `as_of`: the last one counted not after it."""
    return _of_unit(unit).filter(breakdown="", key="", as_of__lte=as_of).aggregate(day=Max("as_of"))["day"]


def unassigned(unit: Unit, as_of: date | None = None) -> Numbers | None:
    """The 直属/待分派 line: computed by its own rows, on the day of the unit's own numbers."""
    own = latest(unit, as_of)
    if own is None:
        return None
    snapshot = _of_unit(unit).filter(breakdown=UNASSIGNED, key="", as_of=own.as_of).first()
    return numbers(snapshot, unit) if snapshot else None


def child_units(unit: Unit, on: date | None = None) -> list[Unit]:
    """The units whose numbers, with the 直属/待分派 line, make up this one's; `on`: as they hung on that day.

    Grassroots organizations directly under the city or a district are in that line, not in this list.
    """
    if isinstance(unit, Division):
        return list(unit.children.exclude(level=Division.Level.COMMUNITY).order_by("sort", "code"))
    below = unit.children.select_related("district").order_by("path")
    if moved := past.parents_on(on):
        came = [pk for pk, parent in moved.items() if parent == unit.pk]
        every = Organization.objects.filter(Q(parent=unit) | Q(pk__in=came)).exclude(pk__in=moved.keys() - came)
        below = every.select_related("district", "parent").order_by("path")
    if unit.level in (Level.CITY, Level.DISTRICT):
        below = below.exclude(level=Level.GRASSROOTS)
    return list(below)


def parent_on(unit: Unit, on: date) -> Unit | None:
    """The unit above, on that day."""
    if isinstance(unit, Organization) and (pk := past.parents_on(on).get(unit.pk)):
        return Organization.objects.get(pk=pk)
    return unit.parent


def children(unit: Unit, as_of: date | None = None) -> list[Numbers]:
    """The numbers of the units right below, on the day of this unit's own numbers; in the order of the tree."""
    own = latest(unit, as_of)
    if own is None:
        return []
    units = {child.pk: child for child in child_units(unit, own.as_of)}
    key = "organization" if isinstance(unit, Organization) else "division"
    rows = Snapshot.objects.filter(**{f"{key}__in": list(units)}, as_of=own.as_of, breakdown="", key="")
    found = {getattr(row, f"{key}_id"): row for row in rows}
    return [numbers(found[pk], child) for pk, child in units.items() if pk in found]


def suggested(unit: Unit, as_of: date | None = None) -> dict[str, str]:
    """What each open market of the unit should build, by its code: own, joint or none."""
    own = latest(unit, as_of)
    if own is None:
        return {}
    row = _of_unit(unit).filter(breakdown=SUGGESTED, as_of=own.as_of).first()
    return {code: SUGGESTIONS[number] for code, number in sorted(row.counts.items())} if row else {}


def trend(unit: Unit, codes: Iterable[str], days: int = 30, as_of: date | None = None) -> list[dict]:
    """One row a day that has numbers, oldest first: {"as_of": day, key: value …}; a key is `metric[@below][#range]`."""
    keys = {key: metrics.parse_key(key) for key in codes}
    until = as_of or timezone.localdate()
    rows = _of_unit(unit).filter(breakdown="", key="", as_of__gt=until - timedelta(days=days), as_of__lte=until)
    return [
        {"as_of": day} | {key: metrics.value(counts, *parts) for key, parts in keys.items()}
        for day, counts in rows.order_by("as_of").values_list("as_of", "counts")
    ]


def series(unit: Unit, key: str, days: int = 400, as_of: date | None = None) -> list[tuple[date, int | Decimal | None]]:
    """One metric over time, oldest first."""
    return [(row["as_of"], row[key]) for row in trend(unit, [key], days, as_of)]


def entered_late(unit: Unit, as_of: date) -> list[str]:
    """Codes of organizations that count only from their entry, because their month was closed before they came."""
    rows = Organization.objects.filter(approved_on__lte=as_of, entered_at__date__lte=as_of, level=Level.GRASSROOTS)
    if isinstance(unit, Organization):
        rows = rows.within(unit)
    elif unit.level != Division.Level.CITY:
        rows = rows.filter(**{"district" if unit.level == Division.Level.DISTRICT else "street": unit.pk})
    first = dict(MonthClosing.objects.filter(revision=1).values_list("month", "closed_at"))
    return [
        row.code
        for row in rows.order_by("code").only("code", "approved_on", "entered_at")
        if (closed_at := first.get(row.approved_on.replace(day=1))) and closed_at < row.entered_at
    ]


def closing_counts(closing: MonthClosing, unit: Unit) -> dict[str, int] | None:
    """The counts of a unit as they were closed; None where it did not exist."""
    part = "organizations" if isinstance(unit, Organization) else "divisions"
    return closing.numbers[part].get(unit.code)


def for_reader(user, unit: Unit, as_of: date | None = None) -> "Released | None":
    """A unit with its children and its 直属/待分派 line as this person may see them: small cells kept back.

    This is what pages, exports and the API show. `manage.py coverage` does not hide.
    """
    own = latest(unit, as_of)
    if own is None:
        return None
    family = _in_sight(user, unit, children(unit, as_of))
    return Released(*releases.release_family(user, own, family, unassigned(unit, as_of)))


def _in_sight(user, unit: Unit, family: list[Numbers]) -> list[Numbers]:
    """Of what was moved since, whether this reader may still open it."""
    moved = [line.unit.pk for line in family if line.unit.parent_id != unit.pk]
    seen = (
        set(Organization.objects.visible_to(user, SEE).filter(pk__in=moved).values_list("pk", flat=True))
        if moved
        else ()
    )
    away = {pk for pk in moved if pk not in seen}
    return [replace(line, is_away=True) if line.unit.pk in away else line for line in family]


@dataclass(frozen=True)
class Released:
    own: Numbers
    children: list[Numbers]
    unassigned: Numbers | None
