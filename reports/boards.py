"""What the charts and tables of a dashboard show. Every function answers plain data that a page or JSON can carry.

Each chart carries its own table, made of the same values, so that picture and table cannot differ.
"""

import json
from dataclasses import replace
from datetime import date

from django.conf import settings
from django.urls import reverse

from orgs.kinds import Level
from orgs.models import Division, Organization
from reports import days, metrics, ranking, selectors, words
from reports.ranking import RATES, compares_coverage, fit_for
from reports.releases import release_one
from reports.selectors import Numbers, Released, Unit
from reports.withheld import Withheld, personal_keys
from reports.words import Basis

TREND_DAYS = {"90": 90, "400": 400}


def level_below(unit: Unit) -> str:
    if isinstance(unit, Division):
        return {1: "各区", 2: "各街道"}.get(unit.level, "下级")
    return {1: "各区", 2: "各指导站"}.get(unit.level, "所辖党组织")


def is_city(unit: Unit) -> bool:
    return unit.level == 1


def district_name(unit: Unit) -> str:
    """The name by which the map knows a district."""
    division = unit.district if isinstance(unit, Organization) else unit
    return division.name if division is not None else str(unit)


def district_map(released: Released, code: str, basis: Basis) -> dict:
    """Every district of the city, those that have no polygon too: `outside` stand beside the map."""
    metric = metrics.METRICS[code]
    rows = []
    for child in released.children:
        line = ranking.line_of(child, code, basis, released.own.unit)
        rows.append({**line, "name": district_name(child.unit), "label": ranking.text_of(line, code)})
    percent = metric.kind == metrics.RATE
    drawn = drawn_districts()
    return {
        "name": metric.name,
        "percent": percent,
        "geo_url": reverse("reports:districts"),
        "rows": rows,
        "outside": [row for row in rows if row["name"] not in drawn],
        "table": ranking.table_of(rows, metric.name, percent),
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


def trend(user, own: Numbers, basis: Basis, length: int) -> dict:
    """The coverage of a unit over time: strict, wide and work coverage; an organization's own page shows counts."""
    unit = own.unit
    grassroots = isinstance(unit, Organization) and unit.level == Level.GRASSROOTS
    codes = ("covered", "covered_own") if grassroots else RATES[:3]
    fit = replace(basis, denominator=metrics.DEFAULT_DENOMINATOR) if grassroots else basis
    kind = metrics.COUNT if grassroots else metrics.RATE
    lines = [
        _on_day(user, own, row) for row in selectors.trend(unit, _parts(codes, fit), length, basis.as_of or own.as_of)
    ]
    found = [(line.as_of, [line.value(code, fit.denominator, fit.range) for code in codes]) for line in lines]
    texts = [[words.shown(line, code, fit) for code in codes] for line in lines]
    format = "%m-%d" if length <= 90 else "%Y-%m-%d"
    return {
        "percent": not grassroots,
        "labels": [day.strftime(format) for day, _ in found],
        "series": [
            {
                "name": metrics.METRICS[code].name,
                "values": [ranking.plain(values[index], kind) for _, values in found],
                "texts": [row[index] for row in texts],
            }
            for index, code in enumerate(codes)
        ],
        "table": {
            "columns": ["日期", *(metrics.METRICS[code].name for code in codes)],
            "rows": [[f"{line.as_of:%Y-%m-%d}", *row] for line, row in zip(lines[::-1], texts[::-1], strict=True)],
        },
        "empty": _why_no_line(found),
    }


def _parts(codes: tuple[str, ...], fit: Basis) -> list[str]:
    """The keys of the counts that these metrics are made of; the whole split of 覆盖, so that small cells are seen."""
    split = ("covered", "covered_own", "covered_joint", "covered_market", "work_covered")
    keys = [metrics.count_key(code, fit.denominator, fit.range) for code in split]
    below = {fit.denominator, *(metrics.METRICS[code].denominator for code in codes)} - {""}
    return keys + [metrics.count_key(code, range=fit.range) for code in below]


def _on_day(user, own: Numbers, row: dict) -> Numbers:
    counts = {key: count for key, count in row.items() if key != "as_of"}
    # A count that was read has passed the test that its column is filled.
    filled = dict.fromkeys(metrics.FILLED.values(), 1)
    past = Numbers(own.unit, row["as_of"], own.computed_at, counts | filled)
    return release_one(user, past, Withheld(past.as_of)) if personal_keys(counts) else past


def _why_no_line(found: list) -> str:
    if not any(value is not None for _, values in found for value in values):
        return "这段时间没有可以画出的数字：还没有统计，或人数过少不显示。"
    if len(found) == 1:
        return f"统计从 {found[0][0]:%Y-%m-%d} 开始，积累到两天就能画出走势。当天的数字在“看表格”里。"
    return ""


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
    urls = [
        None if line.is_away else words.rows_page(line.unit, "due_not_built", fit, unassigned=line.is_unassigned)
        for line, _, _ in counted
    ]
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
        at = replace(basis, denominator=code)
        below = own.value(code, range=basis.range) if basis.range in metrics.METRICS[code].ranges else None
        rows.append(
            {
                "number": metrics.D_NUMBERS[code],
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
        linked = text not in (words.UNKNOWN, words.SMALL, "0") and not line.is_away
        page = words.rows_page(line.unit, code, fit, unassigned=line.is_unassigned) if linked else None
        return {"text": text, "url": page, "column": metrics.METRICS[code].name}

    def row(line: Numbers, name: str, url: str | None) -> dict:
        return {"name": name, "url": url, "cells": [cell(line, code) for code in codes]}

    return {
        "columns": [metrics.METRICS[code].name for code in codes],
        "rows": [
            row(line, line.name, None)
            if line.is_unassigned
            else row(line, words.short(line.unit), words.unit_page(line.unit, basis) if line.has_page else None)
            for line in lines
        ],
        "own": row(released.own, "合计", None)["cells"],
        "note": CHILDREN_OVERLAP if codes is GRASSROOTS_COLUMNS else CHILDREN_ADD_UP,
    }


def compared_with(user, unit: Unit, as_of: date, against: str = "month") -> Numbers | None:
    """The same unit at the end of the month before, or a year before, as this reader may see it."""
    before = selectors.for_reader(user, unit, days.day_against(as_of, against))
    return before.own if before else None
