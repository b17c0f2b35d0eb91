"""What the charts and tables of a dashboard show. Every function answers plain data that a page or JSON can carry.

Each chart carries its own table, made of the same values, so that picture and table cannot differ.
"""

import json
from datetime import date, timedelta

from django.conf import settings
from django.urls import reverse

from orgs.kinds import Level
from orgs.models import Division, Organization
from reports import metrics, selectors, words
from reports.releases import is_responsible
from reports.selectors import Numbers, Released, Unit
from reports.tiles import fraction
from reports.words import Basis

# What units may be compared by. Never registrations, check-ins, members or with_members (design §1).
RATES = ("organization_coverage_strict", "organization_coverage", "work_coverage", "own_establishment")
RANKED = (
    *RATES, "due_built_rate", "market_coverage", "due_not_built", "due_not_built_blank", "markets_due_not_built",
    "organizations", "market_organizations", "terms_overdue", "service_points",
)  # fmt: skip
RANKED_GRASSROOTS = ("covered", "covered_own", "covered_joint", "markets_covered")
TREND_DAYS = {"90": 90, "400": 400}


def level_below(unit: Unit) -> str:
    if isinstance(unit, Division):
        return {1: "各区", 2: "各街道"}.get(unit.level, "下级")
    return {1: "各区", 2: "各指导站"}.get(unit.level, "所辖党组织")


def is_city(unit: Unit) -> bool:
    return unit.level == 1


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
    asked = basis if compares_coverage(unit) else Basis(metrics.DEFAULT_DENOMINATOR, basis.range, basis.as_of)
    return asked.fitting(metrics.METRICS[code])


def _line(numbers: Numbers, code: str, basis: Basis, unit: Unit) -> dict:
    """One unit in a comparison: value to draw (share in percent), its words, its fraction and where it leads."""
    metric, fit = metrics.METRICS[code], fit_for(basis, code, unit)
    value = numbers.value(code, fit.denominator, fit.range)
    percent = metric.kind == metrics.RATE
    above, below = fraction(metric, numbers, fit) if percent else (None, None)
    return {
        "name": numbers.name if numbers.is_unassigned else words.short(numbers.unit),
        "value": None if value is None else float(value * 100) if percent else int(value),
        "text": words.shown(numbers, code, fit),
        "detail": f"{above:,} / {below:,}" if above is not None and below is not None else "",
        "url": None if numbers.is_unassigned else words.unit_page(numbers.unit, basis),
        "rest": numbers.is_unassigned,
    }


def comparison(released: Released, code: str, basis: Basis) -> list[dict]:
    """The units below, the highest first, those without a value last; then the 直属/待分派 line."""
    unit = released.own.unit
    lines = [_line(child, code, basis, unit) for child in released.children]
    lines.sort(key=lambda line: (line["value"] is None, -(line["value"] or 0)))
    if released.unassigned is not None:
        lines.append(_line(released.unassigned, code, basis, unit))
    return lines


def _comparison_table(lines: list[dict], name: str, percent: bool) -> dict:
    def cells(line):
        first = {"text": line["name"], "url": line["url"]}
        return [first, line["text"], line["detail"] or "—"] if percent else [first, line["text"]]

    return {"columns": ["单位", name, "分子 / 分母"] if percent else ["单位", name], "rows": [cells(x) for x in lines]}


def rank(released: Released, code: str, basis: Basis) -> dict:
    """Bars of the units below with the unit's own value as a dashed line."""
    metric, lines = metrics.METRICS[code], comparison(released, code, basis)
    own = _line(released.own, code, basis, released.own.unit)
    percent = metric.kind == metrics.RATE
    reference = None
    if percent and own["value"] is not None:
        reference = {"value": own["value"], "text": f"{words.short(released.own.unit)} {own['text']}"}
    return {
        "name": metric.name,
        "percent": percent,
        "rows": lines,
        "reference": reference,
        "table": _comparison_table(
            [*lines, {**own, "url": None, "name": f"合计：{own['name']}"}], metric.name, percent
        ),
        "empty": ""
        if any(line["value"] is not None for line in lines)
        else "这个口径下，下级单位还没有可以比较的数字。",
    }


def district_name(unit: Unit) -> str:
    """The name by which the map knows a district."""
    division = unit.district if isinstance(unit, Organization) else unit
    return division.name if division is not None else str(unit)


def district_map(released: Released, code: str, basis: Basis) -> dict:
    """Every district of the city, those that have no polygon too: `outside` stand beside the map."""
    metric = metrics.METRICS[code]
    rows = []
    for child in released.children:
        rows.append({**_line(child, code, basis, released.own.unit), "name": district_name(child.unit)})
    percent = metric.kind == metrics.RATE
    drawn = drawn_districts()
    return {
        "name": metric.name,
        "percent": percent,
        "geo_url": reverse("reports:districts"),
        "rows": rows,
        "outside": [row for row in rows if row["name"] not in drawn],
        "table": _comparison_table(rows, metric.name, percent),
        "empty": "" if rows else "还没有各区的数字。",
    }


_drawn: dict[float, frozenset[str]] = {}


def drawn_districts() -> frozenset[str]:
    """Names of the districts that have a polygon in the map file, read again when the file is replaced."""
    path = settings.DISTRICTS_GEOJSON
    changed = path.stat().st_mtime
    if changed not in _drawn:
        _drawn.clear()
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
        _drawn[changed] = frozenset(feature["properties"]["name"] for feature in features)
    return _drawn[changed]


def trend(user, own: Numbers, basis: Basis, days: int) -> dict:
    """The coverage of a unit over time: strict, wide and work coverage; an organization's own page shows counts."""
    unit = own.unit
    grassroots = isinstance(unit, Organization) and unit.level == Level.GRASSROOTS
    codes = (
        ("covered", "covered_own")
        if grassroots
        else ("organization_coverage_strict", "organization_coverage", "work_coverage")
    )
    fit = Basis("operating", basis.range, basis.as_of) if grassroots else basis
    keys = {metrics.count_key(code, fit.denominator, fit.range): code for code in codes}
    days_found = selectors.trend(unit, keys, days, basis.as_of or own.as_of)
    if fit.denominator == "with_members" and not is_responsible(user, unit):
        days_found = _without_small(unit, days_found, fit, keys)
    labels = [f"{row['as_of']:%m-%d}" if days <= 90 else f"{row['as_of']:%Y-%m-%d}" for row in days_found]
    series = [
        {"name": metrics.METRICS[code].name, "values": [_plain(row[key], not grassroots) for row in days_found]}
        for key, code in keys.items()
    ]
    kind = metrics.COUNT if grassroots else metrics.RATE
    return {
        "percent": not grassroots,
        "labels": labels,
        "series": series,
        "table": {
            "columns": ["日期", *(line["name"] for line in series)],
            "rows": [
                [f"{row['as_of']:%Y-%m-%d}", *(words.figure(row[key], kind) for key in keys)]
                for row in reversed(days_found)
            ],
        },
        "empty": ""
        if any(value is not None for line in series for value in line["values"])
        else "这段时间还没有可以画出的数字。",
    }


def _plain(value, percent: bool) -> float | int | None:
    return None if value is None else round(float(value * 100), 2) if percent else int(value)


def _without_small(unit: Unit, rows: list[dict], fit: Basis, keys: dict[str, str]) -> list[dict]:
    """A day on which the denominator is a small cell shows no share."""
    key = metrics.count_key("with_members", range=fit.range)
    below = {row["as_of"]: row[key] for row in selectors.trend(unit, [key], 400, rows[-1]["as_of"])} if rows else {}
    return [
        row if (below.get(row["as_of"]) or 0) >= settings.SMALL_CELL else {**row, **dict.fromkeys(keys)} for row in rows
    ]


def funnel(own: Numbers) -> dict:
    """自主报到 from the first step to the last; every state stands in the table."""

    def value(*states: str) -> int | None:
        parts = [own.value(f"registrations_{state}") for state in states]
        return None if None in parts else sum(int(part) for part in parts if part is not None)

    total = own.value("registrations")
    decided = ("verified", "not_verified", "duplicate", "unreachable")
    steps = (
        ("自主报到", None if total is None else int(total), "本人开始的报到，不论结果"),
        ("已联系或办结", value("contacted", *decided), "指导站已经联系过"),
        ("已办结", value(*decided), "已核实、未核实、重复、无法联系"),
        ("已核实", value("verified"), "由指导站核实"),
    )
    states = [
        [name, words.shown(own, f"registrations_{state}", Basis())]
        for state, name in metrics.REGISTRATION_STATES.items()
    ]
    rows = [
        {"name": name, "value": number, "detail": detail, "text": _step(number, total)}
        for name, number, detail in steps
    ]
    return {
        "rows": rows,
        "table": {
            "columns": ["状态", "人次"],
            "rows": [["自主报到（合计）", words.shown(own, "registrations", Basis())], *states],
        },
        "empty": ""
        if total
        else "还没有自主报到。打印报到码贴到市场和指导站，就会开始有报到。"
        if total == 0
        else "人数过少，不显示。",
    }


def _step(number: int | None, total) -> str:
    if number is None:
        return words.SMALL
    return f"{number:,}（{number / total * 100:.0f}%）" if total else f"{number:,}"


def gaps(released: Released, basis: Basis) -> dict:
    """应建未建 of the units below, most first: sheltered by a joint or market organization, or blank."""
    fit = basis.fitting(metrics.METRICS["due_not_built"])
    lines = [*released.children, *([released.unassigned] if released.unassigned else [])]
    counted = [
        (
            line,
            int(line.value("due_not_built_sheltered", range=fit.range) or 0),
            int(line.value("due_not_built_blank", range=fit.range) or 0),
        )
        for line in lines
    ]
    counted = sorted((row for row in counted if row[1] + row[2]), key=lambda row: -(row[1] + row[2]))[:15]
    names = [line.name if line.is_unassigned else words.short(line.unit) for line, _, _ in counted]
    urls = [words.rows_page(line.unit, "due_not_built", fit, unassigned=line.is_unassigned) for line, _, _ in counted]
    return {
        "labels": names,
        "urls": urls,
        "totals": [sheltered + blank for _, sheltered, blank in counted],
        "series": [
            {"name": "已有联合或市场覆盖", "values": [row[1] for row in counted]},
            {"name": "空白", "values": [row[2] for row in counted]},
        ],
        "table": {
            "columns": ["单位", "应建未建", "已有联合或市场覆盖", "空白"],
            "rows": [
                [{"text": name, "url": url}, f"{row[1] + row[2]:,}", f"{row[1]:,}", f"{row[2]:,}"]
                for name, url, row in zip(names, urls, counted, strict=True)
            ],
        },
        "empty": "" if counted else "没有应建未建的主体。",
    }


def denominators(own: Numbers, basis: Basis) -> list[dict]:
    """口径对照: the same unit by each of D1–D6; strict and wide stand together; no column filled shows —."""
    rows = []
    for code, name in metrics.DENOMINATORS.items():
        at = Basis(code, basis.range, basis.as_of)
        below = own.value(code, range=basis.range) if basis.range in metrics.METRICS[code].ranges else None
        rows.append(
            {
                "number": words.D_NUMBERS[code],
                "name": name,
                "current": code == basis.denominator,
                "url": words.unit_page(own.unit, at),
                "count": words.figure(below, metrics.COUNT, hidden=own.is_hidden(code, range=basis.range)),
                "shares": [words.shown(own, rate, at) for rate in RATES[:3]],
                "definition": metrics.METRICS[code].definition,
            }
        )
    return rows


CHILD_COLUMNS = (
    "organizations", "operating", "organization_coverage_strict", "organization_coverage", "work_coverage",
    "due_not_built", "market_coverage", "terms_overdue",
)  # fmt: skip
GRASSROOTS_COLUMNS = ("organizations", "covered", "covered_own", "covered_joint", "markets_covered", "terms_overdue")


CHILDREN_ADD_UP = (
    "个数和户数：下级之和 + 直属/待分派 = 合计；覆盖率按各自的分母另算，不能相加（去重）。"
    "直属/待分派是不归任何下级的那一部分，按它自己的行统计。"
)
CHILDREN_OVERLAP = "一户主体由几个党组织覆盖时，在每个党组织各算一次，合计只算一次（去重）；所以下级之和可以大于合计。"


def children_table(released: Released, basis: Basis) -> dict | None:
    """The units below in the order of the tree, the 直属/待分派 line and the unit itself."""
    unit = released.own.unit
    if not released.children:
        return None
    codes = CHILD_COLUMNS if compares_coverage(unit) else GRASSROOTS_COLUMNS
    lines = [*released.children, *([released.unassigned] if released.unassigned else [])]

    def cell(line: Numbers, code: str) -> dict:
        fit = fit_for(basis, code, unit)
        text = words.shown(line, code, fit)
        linked = text not in (words.UNKNOWN, words.SMALL, "0")
        page = words.rows_page(line.unit, code, fit, unassigned=line.is_unassigned) if linked else None
        return {"text": text, "url": page, "column": metrics.METRICS[code].name}

    def row(line: Numbers, name: str, url: str | None) -> dict:
        return {"name": name, "url": url, "cells": [cell(line, code) for code in codes]}

    return {
        "columns": [metrics.METRICS[code].name for code in codes],
        "rows": [
            row(line, line.name, None if line.is_unassigned else words.unit_page(line.unit, basis)) for line in lines
        ],
        "own": row(released.own, "合计", None)["cells"],
        "note": CHILDREN_OVERLAP if codes is GRASSROOTS_COLUMNS else CHILDREN_ADD_UP,
    }


def compared_with(user, unit: Unit, as_of: date) -> Numbers | None:
    """The same unit as it was 30 days before, as this reader may see it."""
    before = selectors.for_reader(user, unit, as_of - timedelta(days=30))
    return before.own if before else None
