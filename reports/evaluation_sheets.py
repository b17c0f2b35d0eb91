"""Working out an evaluation sheet: values, points, totals and places of the units compared. Nothing is typed.

A sheet is plain data, so that it can be kept whole and hashed. Points of a line: none up to its floor, all from its
full mark, evenly between. What there is nothing to divide by for is left out and the rest counts for it (缺项折算);
where a number is missing the unit has no total and no place, and the sheet says why. Ties share a place.
"""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.utils import timezone

from orgs.models import Organization
from reports import goal_words, judging, metrics, selectors, tiles
from reports.models import Evaluation, EvaluationLine, MonthClosing
from reports.selectors import Numbers
from reports.words import Basis

CENT = Decimal("0.01")
SCORED, ABSENT, MISSING = "scored", "absent", "missing"
STATES = {ABSENT: "没有可比的对象，缺项折算", MISSING: "没有数字"}

Sheet = dict[str, Any]


class NoNumbers(ValueError):
    """There is nothing to compare on this day; the text is for the person who asked."""


def _cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


# --- the numbers of the units -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Compared:
    """The numbers of the units right below, on one day; `revision` of the closed month they are of."""

    as_of: date
    units: list[Numbers]
    revision: int | None = None


def compared(evaluation: Evaluation) -> Compared:
    """Raises NoNumbers."""
    found = _of_month(evaluation) if evaluation.month else _of_day(evaluation)
    if not found.units:
        raise NoNumbers("这一天没有下级单位的统计数字，请换一个日期。")
    return found


def _of_day(evaluation: Evaluation) -> Compared:
    own = selectors.latest(evaluation.organization, evaluation.as_of)
    if own is None:
        raise NoNumbers("这一天及以前没有统计数字，请换一个日期。")
    return Compared(own.as_of, selectors.children(evaluation.organization, own.as_of))


def _of_month(evaluation: Evaluation) -> Compared:
    assert evaluation.month is not None
    closing = MonthClosing.objects.filter(month=evaluation.month).order_by("-revision").first()
    if closing is None:
        raise NoNumbers("这个月还没有关账，请等关账后再评，或改用截至日期。")
    units = []
    for unit in selectors.child_units(evaluation.organization, closing.as_of):
        counts = selectors.closing_counts(closing, unit)
        if counts is not None:
            units.append(Numbers(unit, closing.as_of, closing.closed_at, dict(counts)))
    return Compared(closing.as_of, units, closing.revision)


# --- points -----------------------------------------------------------------------------------------------------------


def points(line: EvaluationLine, value: Decimal) -> Decimal:
    share = (value - line.floor) / (line.full - line.floor)
    return _cents(line.weight * min(max(share, Decimal(0)), Decimal(1)))


def _formula(line: EvaluationLine, value: Decimal, got: Decimal) -> str:
    """How the points came about, with the numbers, to be worked out again by hand."""
    shown, floor, full = (goal_words.exact(line.metric, one) for one in (value, line.floor, line.full))
    sign = judging.sign(line.metric)
    if (value - line.full) * sign >= 0:
        return f"{shown} 达到满分线 {full}，得 {plain(line.weight)} 分"
    if (value - line.floor) * sign <= 0:
        return f"{shown} 没有越过零分线 {floor}，得 0 分"
    high, low = (full, floor) if sign > 0 else (floor, full)
    above = f"{shown} − {low}" if sign > 0 else f"{high} − {shown}"
    return f"（{above}）÷（{high} − {low}）× {plain(line.weight)} = {plain(got)} 分"


def plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _score(line: EvaluationLine, numbers: Numbers) -> dict[str, Any]:
    code, denominator, range = metrics.parse_key(line.metric)
    metric = metrics.METRICS[code]
    value = numbers.value(code, denominator, range)
    above: int | None
    below: int | None
    if metric.kind == metrics.RATE:
        above, below = tiles.fraction(metric, numbers, Basis(denominator, range))
    else:
        above, below = (int(value) if value is not None else None), None
    if value is None:
        state = ABSENT if metric.kind == metrics.RATE and below == 0 else MISSING
        return {"state": state, "value": None, "numerator": above, "denominator": below, "points": None,
                "formula": STATES[state]}  # fmt: skip
    got = points(line, Decimal(value))
    return {
        "state": SCORED, "value": str(value), "numerator": above, "denominator": below, "points": str(got),
        "formula": _formula(line, Decimal(value), got),
    }  # fmt: skip


def _unit(lines: list[EvaluationLine], numbers: Numbers) -> dict[str, Any]:
    assert isinstance(numbers.unit, Organization)  # the units compared stand in the guidance line
    scores = [_score(line, numbers) for line in lines]
    pairs = list(zip(lines, scores, strict=True))
    missing = [judging.label(line.metric) for line, score in pairs if score["state"] == MISSING]
    counted = [(line.weight, Decimal(score["points"])) for line, score in pairs if score["state"] == SCORED]
    weight, got = sum(one for one, _ in counted), sum((one for _, one in counted), Decimal(0))
    total, why = None, ""
    if missing:
        why = f"不排名：{'、'.join(missing)}没有数字"
    elif not weight:
        why = "不排名：没有一项可评"
    else:
        total = _cents(got / Decimal(weight) * 100)
        if weight != 100:
            why = f"缺项折算：{plain(got)} ÷ {plain(Decimal(weight))} × 100"
    return {
        "id": numbers.unit.pk, "code": numbers.unit.code, "name": str(numbers.unit), "scores": scores,
        "total": str(total) if total is not None else None, "why": why, "place": None,
    }  # fmt: skip


def _placed(units: list[dict]) -> list[dict]:
    """The highest first; equal totals share a place; those without a total come last and have none."""
    order = sorted(units, key=lambda unit: (unit["total"] is None, -Decimal(unit["total"] or 0)))
    for index, unit in enumerate(order):
        if unit["total"] is None:
            continue
        tied = index and order[index - 1]["total"] == unit["total"]
        unit["place"] = order[index - 1]["place"] if tied else index + 1
    return order


def _described(line: EvaluationLine) -> dict[str, Any]:
    metric = metrics.METRICS[metrics.parse_key(line.metric)[0]]
    return {
        "metric": line.metric, "label": judging.label(line.metric), "definition": metric.definition,
        "unit": metric.unit, "good": metric.good, "weight": str(line.weight), "floor": str(line.floor),
        "full": str(line.full),
    }  # fmt: skip


def sheet_of(evaluation: Evaluation) -> Sheet:
    """The whole sheet. Raises NoNumbers. Reads only what may judge: never a small cell, so nothing is kept back."""
    lines = list(evaluation.lines.all())
    if refused := [reason for line in lines if (reason := judging.why_not(line.metric))]:
        raise NoNumbers(refused[0])
    found = compared(evaluation)
    return {
        "title": evaluation.title, "note": evaluation.note,
        "unit": {"code": evaluation.organization.code, "name": str(evaluation.organization)},
        "as_of": found.as_of.isoformat(),
        "month": f"{evaluation.month:%Y-%m}" if evaluation.month else None, "revision": found.revision,
        "lines": [_described(line) for line in lines],
        "units": _placed([_unit(lines, numbers) for numbers in found.units]),
    }  # fmt: skip


# --- taking a sheet out -----------------------------------------------------------------------------------------------

HEADER = (
    "评价", "截至", "名次", "单位", "总分", "说明", "指标", "权重（%）", "零分线", "满分线", "数值", "分子", "分母", "得分",
    "怎样得分", "状态", "摘要（SHA-256）",
)  # fmt: skip


def file_rows(sheet: Sheet, state: str, digest: str) -> list[list[Any]]:
    """One row for each unit and line: what the page says, to be worked out again anywhere. Shares are 0–1."""

    def number(text: str | None) -> Decimal | None:
        return Decimal(text) if text is not None else None

    return [
        [
            sheet["title"], sheet["as_of"], unit["place"], unit["name"], number(unit["total"]), unit["why"],
            line["label"], number(line["weight"]), number(line["floor"]), number(line["full"]), number(score["value"]),
            score["numerator"], score["denominator"], number(score["points"]), score["formula"], state, digest,
        ]
        for unit in sheet["units"]
        for line, score in zip(sheet["lines"], unit["scores"], strict=True)
    ]  # fmt: skip


def released_now(sheet: Sheet, by) -> tuple[Sheet, Any]:
    """The sheet with who releases it and when, as it will be kept."""
    at = timezone.now()
    return sheet | {"released_at": at.isoformat(), "released_by": str(by)}, at
