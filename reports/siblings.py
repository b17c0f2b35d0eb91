"""A unit among its siblings: its place by what may rank, and where the city wants it, their numbers side by side.

A place is told to whoever may see the unit, also where the siblings' numbers are not theirs to see: it says where one
stands and nothing of who stands elsewhere. It is worked out in a 口径 without numbers of persons (reports/ranking.py).
"""

from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from reports import boards, metrics, ranking, selectors, words
from reports.selectors import Numbers, Unit
from reports.words import Basis

STANDS_BY = (ranking.RATES[0], ranking.RATES[2], "due_built_rate", "market_coverage")


@dataclass(frozen=True)
class Standing:
    """第 `place` 名，共 `of` 个; units that are alike share a place."""

    code: str
    name: str
    basis: str
    place: int
    of: int


def standings(own: Numbers, basis: Basis, codes: tuple[str, ...] = STANDS_BY) -> list[Standing]:
    """The places of a unit among the units right below the one above it; of grassroots organizations there are none."""
    parent = own.unit.parent
    if parent is None or own.is_unassigned or not ranking.compares_coverage(parent):
        return []
    family = selectors.children(parent, own.as_of)
    found = (_standing(own, family, code, ranking.ranked_in(basis, code, parent)) for code in codes)
    return [one for one in found if one is not None]


def _standing(own: Numbers, family: list[Numbers], code: str, fit: Basis) -> Standing | None:
    metric = metrics.METRICS[code]
    known = {
        line.unit.pk: value for line in family if (value := line.value(code, fit.denominator, fit.range)) is not None
    }
    mine = known.get(own.unit.pk)
    if mine is None:
        return None
    better = sum(value < mine if metric.good == "down" else value > mine for value in known.values())
    basis = fit.label if metric.denominators else ""
    return Standing(code, metric.name, basis, better + 1, len(known))


def above(own: Numbers) -> str:
    """Among whom a unit stands."""
    return f"{words.short(own.unit.parent)}的下级" if own.unit.parent else ""


# --- 各区对照 ---------------------------------------------------------------------------------------------------------


def are_compared(unit: Unit) -> bool:
    """Whether the city lets its districts read each other's released numbers, and this is one of them."""
    return settings.DISTRICTS_COMPARED and unit.parent is not None and boards.is_city(unit.parent)


@dataclass(frozen=True)
class SideBySide:
    as_of: date
    columns: list[str]
    rows: list[dict]  # {name, own, cells: [text]}


def side_by_side(unit: Unit, basis: Basis) -> SideBySide | None:
    """The districts in the order of the tree, as nobody in particular reads them: small cells kept back, no address."""
    family = selectors.for_reader(AnonymousUser(), unit.parent, basis.as_of) if unit.parent else None
    table = boards.children_table(family, basis) if family else None
    if family is None or table is None:
        return None
    rows = [
        {"name": row["name"], "own": line.unit.pk == unit.pk, "cells": [cell["text"] for cell in row["cells"]]}
        for line, row in zip(family.children, table["rows"], strict=False)  # the 直属/待分派 line is not a district's
    ]
    return SideBySide(family.own.as_of, table["columns"], rows)
