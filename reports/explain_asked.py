"""What an address asks to be explained: two numbers of one metric, as this person may see them."""

from dataclasses import dataclass, replace

from django.http import QueryDict

from orgs.models import Division, Organization
from reports import metrics, selectors, tiles, words
from reports.behind import PERMISSION, unit_asked
from reports.explain_persons import are_month_ends, can_be_told, explain_persons, is_whole
from reports.explaining import Explained, Side, explain, kept_since, sides_of
from reports.releases import is_responsible
from reports.selectors import Numbers, Unit
from reports.words import Basis

NO_NUMBERS = "有一边在这一天还没有统计数字，请换一个日期。"
HIDDEN = "有一边的数字因人数过少不显示，所以差异也不说明。"
TOO_OLD = "超过 400 天的日子只保留数字，不能逐行说明。"
ONLY_DAYS = "涉及人数的数字，在负责的指导站以外只说明党组织线上同一单位、同一口径两个日期之间的变化（按事件的人数）。"
ONLY_WHOLE = (
    "涉及人数的数字，在负责的指导站以外只说明合计的变化，不分正式和预备、办理状态、组建方式、企业和个体工商户。"
)
ONLY_MONTH_ENDS = (
    "涉及人数的数字，在负责的指导站以外只说明已过去的两个月末之间的变化（按事件的人数），请把两边的日期都选成月末。"
)
SAME = "两边是同一个数字，没有差异。请换一个日期、单位或口径。"


@dataclass(frozen=True)
class Asked:
    """`a` is compared with, `b` is looked at. `counted_*`: the counts that the rows are of (of a share its part)."""

    metric: metrics.Metric
    part: str
    a: Side
    b: Side
    counted_a: Side
    counted_b: Side
    shown_a: Numbers | None
    shown_b: Numbers | None
    explained: Explained | None
    why_not: str
    open: bool  # whether the rows may be listed

    def text(self, which: str) -> str:
        side, numbers = (self.a, self.shown_a) if which == "a" else (self.b, self.shown_b)
        return words.shown(numbers, self.metric.code, basis_of_side(side))


def basis_of_side(side: Side) -> Basis:
    return Basis(side.denominator, side.range, side.on)


def other_unit(query: QueryDict, user, unit: Unit) -> Unit | None:
    """The unit of the other side, by default the same; None where this reader may not see it."""
    for name, model in (("with_organization", Organization), ("with_division", Division)):
        if code := query.get(name):
            return model.objects.visible_to(user, PERMISSION).filter(code=code).first()
    return unit


def asked(metric: metrics.Metric, query: QueryDict, user) -> Asked | None:
    """None where a unit is outside this person's scope; raises metrics.UnknownMetric with a sentence."""
    unit = unit_asked(query, user)
    other = other_unit(query, user, unit) if unit is not None else None
    if unit is None or other is None:
        return None
    basis = words.basis_of(query).fitting(metric)
    beside = QueryDict(mutable=True)
    beside.update({name: query.get(f"with_{name}") or getattr(basis, name) for name in ("denominator", "range")})
    than = words.basis_of(beside).fitting(metric)
    shown_b = _shown(user, unit, basis)
    day = words.day_of(query.get("than", "")) or basis.as_of
    shown_a = _shown(user, other, replace(than, as_of=day))
    b = Side(unit, metric.code, basis.denominator, basis.range, _day(shown_b, basis))
    a = Side(other, metric.code, than.denominator, than.range, _day(shown_a, replace(than, as_of=day)))
    part = "below" if query.get("of") == "below" and metric.kind == metrics.RATE else ""
    counted_a, counted_b = sides_of(metric, a, part), sides_of(metric, b, part)
    is_open = (
        not _is_personal(counted_a)
        and not _is_personal(counted_b)
        or (is_responsible(user, unit) and is_responsible(user, other))
    )
    explained, why_not = _explained(counted_a, counted_b, shown_a, shown_b, is_open)
    lists = is_open and not counted_b.metric.person and bool(explained)
    return Asked(metric, part, a, b, counted_a, counted_b, shown_a, shown_b, explained, why_not, lists)


def _shown(user, unit: Unit, basis: Basis) -> Numbers | None:
    family = selectors.for_reader(user, unit, basis.as_of)
    return family.own if family else None


def _day(shown: Numbers | None, basis: Basis):
    from django.utils import timezone

    return shown.as_of if shown else basis.as_of or timezone.localdate()


def _is_personal(side: Side) -> bool:
    return any(metrics.is_personal(code, side.denominator) for code in side.code.split("+"))


def number_of(numbers: Numbers, counted: Side) -> int | None:
    """The count that a side's rows are of; None where it is not counted there or kept back."""
    parts = [numbers.value(code, counted.denominator, counted.range) for code in counted.code.split("+")]
    return None if None in parts else sum(int(part) for part in parts if part is not None)


def _explained(
    a: Side, b: Side, shown_a: Numbers | None, shown_b: Numbers | None, is_open: bool
) -> tuple[Explained | None, str]:
    if shown_a is None or shown_b is None:
        return None, NO_NUMBERS
    if a == b:
        return None, SAME
    number_a, number_b = number_of(shown_a, a), number_of(shown_b, b)
    if number_a is None or number_b is None:
        hidden = any(
            numbers.is_hidden(code, side.denominator, side.range)
            for numbers, side in ((shown_a, a), (shown_b, b))
            for code in side.code.split("+")
        )
        return None, HIDDEN if hidden else NO_NUMBERS
    if min(a.on, b.on) < kept_since():
        return None, TOO_OLD
    if is_open:
        return explain(a, b, number_a, number_b), ""
    if not can_be_told(a, b):
        return None, ONLY_DAYS
    if not is_whole(a):
        return None, ONLY_WHOLE
    if not are_month_ends(a, b):
        return None, ONLY_MONTH_ENDS
    return explain_persons(a, b, number_a, number_b), ""


def fractions(found: Asked) -> list[tuple[str, str]]:
    """Of a share its parts on both sides, in words."""
    if found.metric.kind != metrics.RATE:
        return []
    texts = []
    for side, numbers in ((found.a, found.shown_a), (found.b, found.shown_b)):
        above, below = tiles.fraction(found.metric, numbers, basis_of_side(side)) if numbers else (None, None)
        texts.append((words.figure(above, metrics.COUNT), words.figure(below, metrics.COUNT)))
    return texts


def equation(found: Asked) -> str:
    """B = A + in − out in one line, with what cannot be put back; a group with a hidden part has no sum."""
    if (told := found.explained) is None:
        return ""
    parts = [f"对照 {told.a:,}"]
    for came, sign, name in ((False, "−", "只在对照里"), (True, "+", "只在本数里")):
        hidden = any(reason.count is None for reason in told.reasons if reason.came == came)
        parts.append(f"{sign} {name} {words.SMALL if hidden else format(told.total(came), ',')}")
    for lost, sign, name in ((told.lost_a, "−", "对照里不能还原的"), (told.lost_b, "+", "本数里不能还原的")):
        if lost:
            # more rows than the number said: the sign turns
            parts.append(f"{sign if lost > 0 else '−' if sign == '+' else '+'} {name} {abs(lost):,}")
    return f"{' '.join(parts)} = 本数 {told.b:,}（{found.counted_b.metric.unit}）"
