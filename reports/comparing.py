"""All numbers of a unit beside those of last month and of last year, as one reader may see them."""

from dataclasses import dataclass, replace
from datetime import date

from orgs.kinds import Level
from orgs.models import Organization
from reports import days, metrics, words
from reports.selectors import Numbers, Unit
from reports.tiles import change
from reports.words import Basis


@dataclass(frozen=True)
class Compared:
    """`groups`: [{title, rows}]; a row has the metric's name, its text and one cell for each day it is set against."""

    day: date
    computed_at: object
    against: list[dict]  # {label, day}: day None where nothing was counted yet
    groups: list[dict]


def compared(user, unit: Unit, basis: Basis) -> Compared | None:
    now = days.released(user, unit, basis)
    if now is None:
        return None
    own = now.own
    befores: list[tuple[str, Numbers | None]] = []
    for code, (label, _) in days.AGAINST.items():
        then = days.released(user, unit, replace(basis, as_of=days.day_against(own.as_of, code), closed=False))
        befores.append((label, then.own if then else None))
    grassroots = isinstance(unit, Organization) and unit.level == Level.GRASSROOTS
    asked = replace(basis, denominator=metrics.DEFAULT_DENOMINATOR) if grassroots else basis
    groups = []
    for group, title in metrics.GROUPS.items():
        rows = [
            _row(metric, own, befores, asked)
            for metric in metrics.METRICS.values()
            if metric.group == group and (metric.grassroots or not grassroots)
        ]
        if rows:
            groups.append({"title": title, "rows": rows})
    against = [{"label": label, "day": then.as_of if then else None} for label, then in befores]
    return Compared(own.as_of, own.computed_at, against, groups)


def _row(metric: metrics.Metric, own: Numbers, befores: list[tuple[str, Numbers | None]], basis: Basis) -> dict:
    fit = basis.fitting(metric)
    text = words.shown(own, metric.code, fit)
    return {
        "name": metric.name,
        "code": metric.code,
        "basis": fit.label if metric.denominators else "",
        "text": text,
        "url": words.rows_page(own.unit, metric.code, fit) if text not in (words.UNKNOWN, words.SMALL, "0") else None,
        "cells": [
            {"label": label, "text": words.shown(then, metric.code, fit), **change(metric, own, then, fit)}
            for label, then in befores
        ],
    }
