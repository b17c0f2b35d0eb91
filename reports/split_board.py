"""分布: the businesses of a unit by type, scale, industry, street, and by how they are covered. Parts add up to the unit."""

from dataclasses import replace
from typing import Any

from reports import breakdowns, metrics, tiles, withheld_parts, words
from reports.breakdowns import MODE, MODES
from reports.ranking import PAIR
from reports.selectors import Numbers, Unit
from reports.splitting import Part
from reports.words import Basis

COUNTS = ("due_not_built",)
NOTHING = "这一天没有留下分类数字：分类数字每天保留两个月，再早只留月底。"
NO_BUSINESSES = "这个口径里没有经营主体。"


def choices(unit: Unit) -> list[tuple[str, str]]:
    """What the unit's businesses can be split by: code and name."""
    found = [(one.code, one.name) for one in breakdowns.of_unit(unit)]
    return [*found, (MODE, "组建方式")] if found else []


def board(user, own: Numbers, dimension: str, basis: Basis) -> dict[str, Any]:
    """Bars and their table, as the page's charts read them."""
    if dimension == MODE:
        return _modes(own, basis)
    parts = withheld_parts.parts_for(user, own, dimension)
    rows = [_row(own, part, basis) for part in parts if _is_inside(part, basis)]
    name = breakdowns.DIMENSIONS[dimension].name
    below = metrics.METRICS[basis.denominator].name
    columns = [name, f"{below}（户）", *(metrics.METRICS[code].name for code in PAIR), "工作覆盖率", "应建未建"]
    total = [_text(own, code, basis) for code in _codes(basis)]
    return {
        "name": "组织覆盖率",
        "percent": True,
        "pair": True,
        "rows": rows,
        "reference": None,
        "table": {"columns": columns, "rows": [row["cells"] for row in rows] + [["合计", *total]]},
        "empty": "" if rows else NO_BUSINESSES if parts else NOTHING,
    }


def _codes(basis: Basis) -> tuple[str, ...]:
    return (basis.denominator, *PAIR, "work_coverage", *COUNTS)


def _text(numbers: Numbers, code: str, basis: Basis) -> str:
    fit = replace(basis, denominator=metrics.DEFAULT_DENOMINATOR) if code == basis.denominator else basis
    return words.shown(numbers, code, fit)


def _is_inside(part: Part, basis: Basis) -> bool:
    """Whether the part has anything in this 口径, or something that is not told."""
    return part.numbers.value(basis.denominator, range=basis.range) != 0


def _row(own: Numbers, part: Part, basis: Basis) -> dict[str, Any]:
    asked = breakdowns.query_of((part.dimension, part.value))
    strict, wide = (part.numbers.value(code, basis.denominator, basis.range) for code in PAIR)
    texts = [_text(part.numbers, code, basis) for code in PAIR]

    def cell(code: str) -> Any:
        text = _text(part.numbers, code, basis)
        page = words.rows_page(own.unit, code, basis, unassigned=own.is_unassigned, part=asked)
        return {"text": text, "url": page} if page and text not in (words.UNKNOWN, words.SMALL, "0") else text

    above, below = tiles.fraction(metrics.METRICS[PAIR[1]], part.numbers, basis)
    return {
        "name": part.name,
        "value": None if wide is None else float(wide * 100),
        "strict": None if strict is None else float(strict * 100),
        "wide": None if wide is None else float(wide * 100),
        "text": texts[0] if texts[0] == texts[1] else " / ".join(texts),
        "texts": texts,
        "detail": f"{above:,} / {below:,}" if above is not None and below is not None else "",
        "url": words.rows_page(own.unit, PAIR[1], basis, unassigned=own.is_unassigned, part=asked),
        "rest": not part.value,
        "cells": [part.name, *(cell(code) for code in _codes(basis))],
    }


def _modes(own: Numbers, basis: Basis) -> dict[str, Any]:
    """Each business once, by the best that it has; what is not covered at all is the rest."""
    rows = []
    for code, name in MODES.values():
        number = _of_mode(own, code, basis)
        counted = code in metrics.METRICS and basis.denominator in (
            *metrics.METRICS[code].denominators, metrics.DEFAULT_DENOMINATOR,
        )  # fmt: skip
        url = words.rows_page(own.unit, code, basis) if counted and number else None
        text = words.figure(number, metrics.COUNT, hidden=number is None)
        rows.append({"name": name, "value": number, "text": text, "detail": "", "url": url, "rest": code in _REST})
    below = own.value(basis.denominator, range=basis.range)
    total = words.figure(below, metrics.COUNT, hidden=own.is_hidden(basis.denominator, range=basis.range))
    table = [[{"text": row["name"], "url": row["url"]} if row["url"] else row["name"], row["text"]] for row in rows]
    return {
        "name": "户数",
        "percent": False,
        "pair": False,
        "rows": rows,
        "reference": None,
        "table": {"columns": ["组建方式", "户数"], "rows": [*table, ["合计", total]]},
        "empty": "" if below else NO_BUSINESSES if below == 0 else "人数过少，不显示。",
    }


_REST = {"work_covered_only": ("work_covered", "covered"), "work_uncovered": ("", "work_covered")}


def _of_mode(own: Numbers, code: str, basis: Basis) -> int | None:
    """Of what has no count in every 口径 the difference of two that have."""
    if code not in _REST:
        return _count(own, code, basis)
    more, less = _REST[code]
    above = _count(own, more, basis) if more else own.value(basis.denominator, range=basis.range)
    below = _count(own, less, basis)
    return None if above is None or below is None else int(above) - below


def _count(own: Numbers, code: str, basis: Basis) -> int | None:
    found = own.value(code, basis.denominator, basis.range)
    return None if found is None else int(found)
