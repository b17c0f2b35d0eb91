"""A unit among its siblings: its place by what may rank, and where those above want it, their numbers side by side.

A place is told to whoever may see the unit, also where the siblings' numbers are not theirs to see: it says where one
stands and nothing of who stands elsewhere. It is worked out in a 口径 without numbers of persons (reports/ranking.py).
"""

from dataclasses import dataclass
from datetime import date

from django.contrib.auth.models import AnonymousUser

from orgs.kinds import Level
from orgs.models import Organization
from reports import boards, metrics, ranking, selectors, words
from reports.models import ComparisonChoice
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
    parent = selectors.parent_on(own.unit, own.as_of)
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
    parent = selectors.parent_on(own.unit, own.as_of)
    return f"{words.short(parent)}的下级" if parent else ""


# --- 对照 -------------------------------------------------------------------------------------------------------------

DECIDE = "reports.decide_comparisonchoice"


def choice_of(parent: Unit) -> ComparisonChoice | None:
    """What holds for the units right below `parent`; a division has none of its own, the committee there decides."""
    rows = ComparisonChoice.objects.select_related("organization", "decided_by").order_by("-pk")
    if isinstance(parent, Organization):
        return rows.filter(organization=parent).first()
    place = {"organization__district": parent.pk} if parent.level == Level.DISTRICT else {}
    return rows.filter(organization__level=parent.level, organization__closed_on=None, **place).first()


def open_choice(unit: Unit) -> ComparisonChoice | None:
    """By which decision a district, or a guidance station (a street), reads its siblings' released numbers."""
    parent = unit.parent
    if parent is None or parent.level not in (Level.CITY, Level.DISTRICT) or unit.level != parent.level + 1:
        return None
    choice = choice_of(parent)
    return choice if choice is not None and choice.is_open else None


def title(unit: Unit) -> str:
    """各区对照, 各指导站对照, 各街道对照."""
    return f"{boards.level_below(unit.parent)}对照" if unit.parent else ""


def choices(user) -> list[tuple[Organization, ComparisonChoice | None]]:
    """Each committee for which this person decides, with what holds there."""
    units = Organization.objects.visible_to(user, DECIDE).filter(level__in=(Level.CITY, Level.DISTRICT), closed_on=None)
    newest = ComparisonChoice.objects.filter(organization__in=units).select_related("decided_by")
    found = {one.organization_id: one for one in newest.order_by("organization_id", "-pk").distinct("organization_id")}
    return [(unit, found.get(unit.pk)) for unit in units.order_by("path")]


@dataclass(frozen=True)
class SideBySide:
    as_of: date
    columns: list[str]
    rows: list[dict]  # {name, own, cells: [text]}


def side_by_side(unit: Unit, basis: Basis) -> SideBySide | None:
    """The siblings in the order of the tree, as nobody in particular reads them: small cells kept back, no address."""
    family = selectors.for_reader(AnonymousUser(), unit.parent, basis.as_of) if unit.parent else None
    table = boards.children_table(family, basis) if family else None
    if family is None or table is None:
        return None
    rows = [
        {"name": row["name"], "own": line.unit.pk == unit.pk, "cells": [cell["text"] for cell in row["cells"]]}
        for line, row in zip(family.children, table["rows"], strict=False)  # the 直属/待分派 line is nobody's
    ]
    return SideBySide(family.own.as_of, table["columns"], rows)
