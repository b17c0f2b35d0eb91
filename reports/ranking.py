"""How units are compared: by which metrics, in which 口径, in which order, and the place that one of them has.

What may rank is what may judge (reports/judging.py): a metric made of registrations, check-ins or members never, and
never a share over D4, whose denominator people make by declaring a membership (ADR 0012).
"""

from dataclasses import replace
from decimal import Decimal

from orgs.kinds import Level
from orgs.models import Division
from reports import judging, metrics, words
from reports.selectors import Numbers, Released, Unit
from reports.tiles import fraction
from reports.words import Basis

# What may be chosen to compare units, in the order offered; tests hold it against judging.
RATES = ("organization_coverage_strict", "organization_coverage", "work_coverage", "own_establishment")
RANKED = (
    *RATES, "due_built_rate", "market_coverage", "due_not_built", "due_not_built_blank", "markets_due_not_built",
    "organizations", "market_organizations", "terms_overdue", "service_points",
)  # fmt: skip
RANKED_GRASSROOTS = ("covered", "covered_own", "covered_joint", "markets_covered")
PAIR = RATES[:2]  # always shown together
WHY_NOT_D4 = "D4 的分母由党员身份的申报而来，不作排名：这里按 D2 实体运营比较，各单位的 D4 见“下级单位一览”。"


def compares_coverage(unit: Unit) -> bool:
    """Whether the units below have coverage of their own: grassroots organizations have no denominators."""
    return isinstance(unit, Division) or unit.level < Level.GUIDANCE_STATION


def ranked_codes(unit: Unit) -> tuple[str, ...]:
    """The metrics that may be chosen to compare the units below this one."""
    return RANKED if compares_coverage(unit) else RANKED_GRASSROOTS


def chosen(unit: Unit, code: str | None) -> str:
    """The metric asked for where it may be compared; otherwise the first that may."""
    codes = ranked_codes(unit)
    return code if code in codes else codes[0]


def fit_for(basis: Basis, code: str, unit: Unit) -> Basis:
    """The 口径 in which the units below are compared: grassroots organizations have no denominators."""
    asked = basis if compares_coverage(unit) else replace(basis, denominator=metrics.DEFAULT_DENOMINATOR)
    return asked.fitting(metrics.METRICS[code])


def ranked_in(basis: Basis, code: str, unit: Unit) -> Basis:
    """The 口径 in which they are ranked: the one asked for where one may be judged by it, else 实体运营."""
    fit = fit_for(basis, code, unit)
    may = judging.may_judge(metrics.count_key(code, fit.denominator, fit.range))
    return fit if may else replace(fit, denominator=metrics.DEFAULT_DENOMINATOR)


def line_of(numbers: Numbers, code: str, basis: Basis, unit: Unit) -> dict:
    """One unit in a comparison: value to draw (share in percent), its words, its fraction and where it leads."""
    metric, fit = metrics.METRICS[code], ranked_in(basis, code, unit)
    value = numbers.value(code, fit.denominator, fit.range)
    percent = metric.kind == metrics.RATE
    above, below = fraction(metric, numbers, fit) if percent else (None, None)
    found = {
        "name": numbers.name if numbers.is_unassigned else words.short(numbers.unit),
        "value": None if value is None else float(value * 100) if percent else int(value),
        "text": words.shown(numbers, code, fit),
        "detail": f"{above:,} / {below:,}" if above is not None and below is not None else "",
        "url": words.unit_page(numbers.unit, basis) if numbers.has_page else None,
        "rest": numbers.is_unassigned,
    }
    return found | _pair(numbers, fit) if code in PAIR else found


def text_of(line: dict, code: str) -> str:
    """The words of the value that is drawn: of a pair those of this one."""
    return line["texts"][PAIR.index(code)] if "texts" in line else line["text"]


def plain(value: int | Decimal | None, kind: str) -> float | int | None:
    """A number to draw: a share in percent, to two places."""
    if value is None:
        return None
    return round(float(value * 100), 2) if kind == metrics.RATE else int(value)


def _pair(numbers: Numbers, fit: Basis) -> dict:
    """Strict and wide organization coverage, always shown together."""
    strict, wide = (numbers.value(code, fit.denominator, fit.range) for code in PAIR)
    texts = [words.shown(numbers, code, fit) for code in PAIR]
    return {
        "strict": plain(strict, metrics.RATE),
        "wide": plain(wide, metrics.RATE),
        "text": texts[0] if texts[0] == texts[1] else " / ".join(texts),
        "texts": texts,
        "detail": "",
    }


def comparison(released: Released, code: str, basis: Basis) -> list[dict]:
    """The units below, the highest first, those without a value last; then the 直属/待分派 line."""
    unit = released.own.unit
    lines = [line_of(child, code, basis, unit) for child in released.children]
    lines.sort(key=lambda one: (one["value"] is None, -(one["value"] or 0)))
    if released.unassigned is not None:
        lines.append(line_of(released.unassigned, code, basis, unit))
    return lines


def table_of(lines: list[dict], name: str, percent: bool) -> dict:
    if lines and "texts" in lines[0]:
        rows = [[{"text": line["name"], "url": line["url"]}, *line["texts"]] for line in lines]
        return {"columns": ["单位", "单独+联合", "含市场覆盖"], "rows": rows}

    def cells(line):
        first = {"text": line["name"], "url": line["url"]}
        return [first, line["text"], line["detail"] or "—"] if percent else [first, line["text"]]

    return {"columns": ["单位", name, "分子 / 分母"] if percent else ["单位", name], "rows": [cells(x) for x in lines]}


def rank(released: Released, code: str, basis: Basis) -> dict:
    """Bars of the units below with the unit's own value as a dashed line."""
    metric, lines = metrics.METRICS[code], comparison(released, code, basis)
    own = line_of(released.own, code, basis, released.own.unit)
    percent = metric.kind == metrics.RATE
    reference = None
    if percent and own["value"] is not None:
        own_text = words.shown(released.own, code, ranked_in(basis, code, released.own.unit))
        reference = {"value": own["value"], "text": f"{words.short(released.own.unit)} {own_text}"}
    return {
        "name": metric.name,
        "percent": percent,
        "pair": code in PAIR,
        "rows": lines,
        "reference": reference,
        "table": table_of([*lines, {**own, "url": None, "name": f"合计：{own['name']}"}], metric.name, percent),
        "empty": ""
        if any(line["value"] is not None for line in lines)
        else "这个口径下，下级单位还没有可以比较的数字。",
    }
