"""Numbers as a long table: one line for one unit, metric, 口径 and day. What pages offer as csv, xlsx and JSON, and what
the API answers, are these very lines, with the small cells kept back that the pages keep back from the same reader.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q, QuerySet

from orgs.models import Organization
from reports import metrics, selectors
from reports.breakdowns import DIMENSIONS, NOT_FILLED
from reports.models import Snapshot
from reports.releases import release_one
from reports.selectors import UNASSIGNED, Numbers, Unit
from reports.splitting import Part
from reports.tiles import fraction
from reports.withheld import Withheld
from reports.withheld_parts import parts_for
from reports.words import Basis

MOST_LINES = 1_000_000
MOST_UNITS = 1_000
MOST_PARTS = 100  # of a unit in one dimension: streets of a city are the most
MOST_DAYS_OF_PERSONS = 100  # what a day keeps back is worked out over the whole tree, a fraction of a second each
OWN, CHILDREN = "own", "children"


class TooMuch(ValueError):
    """More than one answer may hold; the message says how to ask for less."""


@dataclass(frozen=True)
class Column:
    key: str
    label: str
    help: str


COLUMNS = (
    Column("unit_code", "单位代码", "党组织或区划的代码"),
    Column("unit_name", "单位名称", "在系统里的名称"),
    Column("line", "行", "本单位，或它的直属/待分派（own、unassigned）"),
    Column("metric", "指标代码", "见统计口径页"),
    Column("metric_name", "指标", "指标的名称"),
    Column("denominator", "分母口径", "D1–D6 之一；不分口径的指标为 operating"),
    Column("range", "范围", "all、sole_traders、enterprises"),
    Column("as_of", "截至", "统计日"),
    Column("value", "数值", "个数、户数、人数；率为 0–1 的小数，四位；空：没有可除的数、没有填，或不显示"),
    Column("measure", "计量单位", "个、户、人……；率为 %"),
    Column("numerator", "分子", "率的分子；计数为空"),
    Column("denominator_value", "分母", "率的分母；计数为空"),
    Column("hidden", "不显示", "涉及人数的小数值（少于设定数），或会泄露它的数"),
    Column("breakdown", "分类", "按什么分（type、scale、industry、street）；空：不分"),
    Column("key", "类别代码", "主体类型、规模、行业门类的代码，街道的编号；- 为未填"),
    Column("key_name", "类别", "类别的名称"),
)


@dataclass(frozen=True)
class Asked:
    """What a reader asks for. Without a first day: the newest numbers of each unit, or the newest not after `until`."""

    units: tuple[Unit, ...]
    keys: tuple[tuple[str, str, str], ...]  # metric, denominator, range
    below: bool = False  # the units right below and the 直属/待分派 line too
    by: str = ""  # a dimension: the parts of each unit in place of the whole
    since: date | None = None
    until: date | None = None

    @property
    def is_personal(self) -> bool:
        return any(_is_personal(code, denominator) for code, denominator, _ in self.keys)


@dataclass(frozen=True)
class Line:
    unit: Unit
    is_unassigned: bool
    metric: metrics.Metric
    denominator: str
    range: str
    as_of: date
    value: int | Decimal | None
    numerator: int | None
    denominator_value: int | None
    hidden: bool
    part: Part | None = None

    def plain(self) -> dict:
        """By the keys of COLUMNS, for machines."""
        return {
            "unit_code": self.unit.code,
            "unit_name": str(self.unit),
            "line": UNASSIGNED if self.is_unassigned else OWN,
            "metric": self.metric.code,
            "metric_name": self.metric.name,
            "denominator": self.denominator,
            "range": self.range,
            "as_of": self.as_of.isoformat(),
            "value": float(self.value) if isinstance(self.value, Decimal) else self.value,
            "measure": self.metric.unit,
            "numerator": self.numerator,
            "denominator_value": self.denominator_value,
            "hidden": self.hidden,
            "breakdown": self.part.dimension if self.part else "",
            "key": (self.part.value or NOT_FILLED) if self.part else "",
            "key_name": self.part.name if self.part else "",
        }

    def spoken(self) -> list:
        """In the order of COLUMNS, for spreadsheets: the same values, the words in Chinese."""
        said = self.plain() | {
            "line": selectors.UNASSIGNED_NAME if self.is_unassigned else "本单位",
            "denominator": metrics.DENOMINATORS[self.denominator],
            "range": metrics.RANGES[self.range],
            "breakdown": DIMENSIONS[self.part.dimension].name if self.part else "",
        }
        return [said[column.key] for column in COLUMNS]


def _is_personal(code: str, denominator: str) -> bool:
    """Whether a value may hold a small cell: of a share, any of its parts."""
    metric = metrics.METRICS[code]
    parts = metric.numerator.split("+") if metric.kind == metrics.RATE else [code]
    return any(metrics.is_personal(part, metric.denominator or denominator) for part in parts)


# --- which lines ------------------------------------------------------------------------------------------------------


def lines(user, asked: Asked) -> Iterator[Line]:
    """The lines that this person may have, by day, unit and metric. Raises TooMuch before the first one."""
    plan = days_of(asked)
    _check_size(asked, plan)
    return (line for day in sorted(plan) for line in _lines_on(user, asked, day, plan[day]))


def days_of(asked: Asked) -> dict[date, list[Unit]]:
    """The days that have numbers, each with the units to read on it."""
    if len(asked.units) > MOST_UNITS:
        raise TooMuch(f"一次最多取 {MOST_UNITS:,} 个单位。请分几次取。")
    found: dict[date, list[Unit]] = defaultdict(list)
    for unit in asked.units:
        if asked.since is None:
            own = selectors.latest(unit, asked.until)
            days: Iterable[date] = [own.as_of] if own else []
        else:
            rows = rows_of([unit]).filter(breakdown="", as_of__gte=asked.since)
            days = (rows.filter(as_of__lte=asked.until) if asked.until else rows).values_list("as_of", flat=True)
        for day in days:
            found[day].append(unit)
    return found


def _check_size(asked: Asked, plan: dict[date, list[Unit]]) -> None:
    if asked.is_personal and len(plan) > MOST_DAYS_OF_PERSONS:
        raise TooMuch(
            f"涉及人数的指标（含「有党员」口径）一次最多取 {MOST_DAYS_OF_PERSONS} 天，这里有 {len(plan)} 天。"
            "请把日期分成几段，或换成不涉及人数的指标和口径。"
        )
    width = {unit.pk: 2 + len(selectors.child_units(unit)) if asked.below else 1 for unit in asked.units}
    expected = sum(width[unit.pk] for units in plan.values() for unit in units) * len(asked.keys)
    expected *= MOST_PARTS if asked.by else 1
    if expected > MOST_LINES:
        raise TooMuch(f"这次要取 {expected:,} 行，超过 {MOST_LINES:,} 行。请减少单位、指标或天数，分几次取。")


def _lines_on(user, asked: Asked, day: date, units: Sequence[Unit]) -> Iterator[Line]:
    withheld = Withheld(day) if asked.is_personal else None
    for numbers in _numbers_on(asked, day, units):
        if asked.by:
            for part in parts_for(user, numbers, asked.by):
                yield from (_line(part.numbers, *key, part=part) for key in asked.keys)
            continue
        released = release_one(user, numbers, withheld) if withheld else numbers
        for key in asked.keys:
            yield _line(released, *key)


def _line(numbers: Numbers, code: str, denominator: str, range: str, part: Part | None = None) -> Line:
    metric = metrics.METRICS[code]
    above = below = None
    if metric.kind == metrics.RATE:
        above, below = fraction(metric, numbers, Basis(denominator, range))
    return Line(
        numbers.unit, numbers.is_unassigned, metric, denominator, range, numbers.as_of,
        value=numbers.value(code, denominator, range), numerator=above, denominator_value=below,
        hidden=numbers.is_hidden(code, denominator, range), part=part,
    )  # fmt: skip


def _numbers_on(asked: Asked, day: date, units: Sequence[Unit]) -> Iterator[Numbers]:
    """Each unit once; with `below`, behind it the units right below and its 直属/待分派 line, as pages show them."""
    order: dict[tuple[str, int, str], Unit] = {}
    for unit in units:
        order.setdefault((unit._meta.model_name or "", unit.pk, ""), unit)
        if asked.below:
            for child in selectors.child_units(unit, day):
                order.setdefault((child._meta.model_name or "", child.pk, ""), child)
            order.setdefault((unit._meta.model_name or "", unit.pk, UNASSIGNED), unit)
    rows = rows_of(order.values()).filter(as_of=day, breakdown__in=("", UNASSIGNED))
    found = {_name(row): row for row in rows}
    for name, unit in order.items():
        if name in found:
            yield selectors.numbers(found[name], unit)


def _name(row: Snapshot) -> tuple[str, int, str]:
    if row.organization_id:
        return "organization", row.organization_id, row.breakdown
    return "division", row.division_id or 0, row.breakdown


def rows_of(units: Iterable[Unit]) -> QuerySet[Snapshot]:
    organizations: set[int] = set()
    divisions: set[int] = set()
    for unit in units:
        (organizations if isinstance(unit, Organization) else divisions).add(unit.pk)
    return Snapshot.objects.filter(Q(organization__in=organizations) | Q(division__in=divisions), key="")
