"""The monthly report in words: values with their changes, the sentences at its head, the definitions at its end."""

import json
from decimal import Decimal

from reports import metrics, words
from reports.selectors import Numbers
from reports.tiles import fraction
from reports.words import Basis

SHOWN_IN = ("with_members", metrics.DEFAULT_DENOMINATOR)  # D4, as pages open, and D2 beside it
LEVEL = "持平"


def counts_of(text: str) -> dict[str, int | None]:
    return json.loads(text)


def short_name(numbers: Numbers) -> str:
    return words.short(numbers.unit)


def basis_label(code: str, fit: Basis) -> str:
    """The 口径 of a share, or of a count that has several: 组织覆盖 is of D2, the share above it of D4; else nothing."""
    metric = metrics.METRICS[code]
    if metric.denominators:
        return fit.label
    return metrics.METRICS[metric.denominator].name if metric.denominator else ""


def column(code: str, fit: Basis) -> dict:
    return {
        "key": metrics.count_key(code, fit.denominator, fit.range),
        "name": metrics.METRICS[code].name,
        "basis": basis_label(code, fit),
        "percent": metrics.METRICS[code].kind == metrics.RATE,
    }


def value(numbers: Numbers | None, code: str, denominator: str, range: str = "all") -> dict:
    """One number: for machines (a share as text, so that its four places stay) and in words."""
    if numbers is None:
        return {"value": None, "text": words.UNKNOWN, "hidden": False}
    found = numbers.value(code, denominator, range)
    hidden = numbers.is_hidden(code, denominator, range)
    return {
        "value": str(found) if isinstance(found, Decimal) else found,
        "text": words.figure(found, metrics.METRICS[code].kind, hidden=hidden),
        "hidden": hidden,
    }


def keys_of(metric: metrics.Metric) -> tuple[str, ...]:
    """The 口径 a report shows a metric in: shares that may be read in several by D4 and D2."""
    if metric.kind == metrics.RATE and metric.denominators:
        return SHOWN_IN
    return (metrics.DEFAULT_DENOMINATOR,)


def group(code: str, title: str, own: Numbers, last: Numbers | None, year: Numbers | None) -> dict:
    """A table of the report: every metric of the group, shares first."""
    found = [metric for metric in metrics.METRICS.values() if metric.group == code]
    found.sort(key=lambda metric: metric.kind != metrics.RATE)
    return {
        "title": title,
        "lines": [
            _line(metric, denominator, own, last, year) for metric in found for denominator in keys_of(metric)
        ],
    }  # fmt: skip


def _line(metric: metrics.Metric, denominator: str, own: Numbers, last: Numbers | None, year: Numbers | None) -> dict:
    now = value(own, metric.code, denominator)
    line = column(metric.code, Basis(denominator)) | now | {"code": metric.code, "measure": metric.unit}
    if metric.kind == metrics.RATE:
        above, below = fraction(metric, own, Basis(denominator))
        line |= {"numerator": above, "denominator": below}
    for name, then in (("last", last), ("year", year)):
        before = value(then, metric.code, denominator)
        line |= {name: before["value"], f"{name}_text": before["text"], f"{name}_change": _change(metric, now, before)}
    return line


def _change(metric: metrics.Metric, now: dict, then: dict) -> str:
    if now["value"] is None or then["value"] is None:
        return words.UNKNOWN
    if metric.kind == metrics.RATE:
        text = words.difference(Decimal(now["value"]), Decimal(then["value"]), metric.kind)
        return LEVEL if text.startswith(("+0.0 ", "−0.0 ")) else text
    return LEVEL if now["value"] == then["value"] else words.difference(now["value"], then["value"], metric.kind)


def definitions(groups: list[dict]) -> list[dict]:
    """口径: exactly the metrics that the report uses, with the denominators of its shares, from the one registry."""
    used = [line["code"] for one in groups for line in one["lines"]]
    found = []
    for code in dict.fromkeys(used):
        metric = metrics.METRICS[code]
        found.append(
            {
                "code": code, "name": metric.name, "definition": metric.definition, "measure": metric.unit,
                "adds_up": "可加" if metric.additive else "率" if metric.kind == metrics.RATE else "去重",
                "person": metrics.is_personal(code),
            }
        )  # fmt: skip
    return found


# --- the sentences ----------------------------------------------------------------------------------------------------


class _Lines:
    """The lines of a report by their keys."""

    def __init__(self, groups: list[dict]) -> None:
        self.by_key = {line["key"]: line for group in groups for line in group["lines"]}

    def text(self, key: str) -> str:
        """1,412 户 · 82.6% · 不显示."""
        line = self.by_key[key]
        if line["value"] is None:
            return line["text"] if line["hidden"] else "没有数字"
        return line["text"] if line["percent"] else f"{line['text']} {line['measure']}"

    def change(self, key: str) -> str:
        line = self.by_key[key]
        parts = [
            f"{word}{'' if text == LEVEL else ' '}{text}"
            for text, word in ((line["last_change"], "较上月"), (line["year_change"], "较上年同期"))
            if text != words.UNKNOWN
        ]
        return f"（{'，'.join(parts)}）" if parts else ""

    def said(self, key: str) -> str:
        return f"{self.text(key)}{self.change(key)}"


def summary(content: dict) -> list[str]:
    """The month in sentences, of the very lines in the tables below them."""
    lines = _Lines(content["groups"])
    d4, d2 = (f"@{SHOWN_IN[0]}", "")
    return [
        f"组织覆盖率（单独+联合）：按有党员的主体（D4）为 {lines.said(f'organization_coverage_strict{d4}')}，"
        f"按实体运营的主体（D2）为 {lines.said(f'organization_coverage_strict{d2}')}；"
        f"含市场覆盖：D4 为 {lines.text(f'organization_coverage{d4}')}，D2 为 {lines.text(f'organization_coverage{d2}')}。"
        f"工作覆盖率（D2）{lines.said('work_coverage')}。",
        f"实体运营的主体 {lines.said('operating')}，其中应建 {lines.text('due')}，应建已建率 "
        f"{lines.said('due_built_rate')}；应建未建 {lines.said('due_not_built')}，"
        f"其中没有任何组织覆盖的 {lines.text('due_not_built_blank')}。",
        f"党组织 {lines.said('organizations')}；届满未换届 {lines.said('terms_overdue')}，"
        f"180 天内届满 {lines.text('terms_due_180')}。",
        f"专业市场 {lines.text('markets')}，市场覆盖率 {lines.said('market_coverage')}；"
        f"应建未建的市场 {lines.text('markets_due_not_built')}。",
        f"服务点 {lines.said('service_points')}，在任指导员、联络员 {lines.text('instructors')}。",
        *_compared(content["rank"]),
    ]


def _compared(rank: dict | None) -> list[str]:
    rows = [row for row in (rank or {}).get("rows", []) if row["value"] is not None and not row["rest"]]
    if rank is None or len(rows) < 2 or rows[0]["value"] == rows[-1]["value"]:
        return []
    basis = f"（{rank['basis']}）" if rank["basis"] else ""
    return [
        f"下级单位按{rank['name']}{basis}比较：最高的是{rows[0]['name']}（{rows[0]['text']}），"
        f"最低的是{rows[-1]['name']}（{rows[-1]['text']}）。"
    ]
