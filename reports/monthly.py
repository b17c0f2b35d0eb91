"""What a monthly report says about a unit: plain JSON, of the month as it was closed, or marked 未关账.

A report is read by whoever gets the paper, so its reader is nobody in particular: small cells are kept back as outside
every responsible guidance station, also in a guidance station's own report. That is what the unit's leaders see of
a city or a district; and a paper that is handed up or copied tells nothing that its next reader may not see.
"""

import calendar
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from orgs.models import Division, Organization
from reports import boards, late, metrics, monthly_words, ranking, releases, selectors
from reports.days import month_end_before
from reports.models import MonthClosing
from reports.printing import PrintRefused
from reports.selectors import Numbers, Released, Unit
from reports.withheld import Withheld
from reports.words import Basis
from tables.statements import fetch

PUBLIC = AnonymousUser()
TREND_DAYS = 400


@dataclass(frozen=True)
class Month:
    """A month of a unit: its numbers as everybody may see them, and the closing they come from."""

    first: date
    released: Released
    closing: MonthClosing | None

    @property
    def source(self) -> str:
        if self.closing:
            return f"closing:{self.first:%Y-%m}:{self.closing.revision}:{self.closing.digest}"
        own = self.released.own
        return f"snapshot:{own.as_of}:{own.computed_at.isoformat()}"


def month_before(first: date, months: int = 1) -> date:
    index = first.year * 12 + first.month - 1 - months
    return date(index // 12, index % 12 + 1, 1)


def last_day(first: date) -> date:
    return first.replace(day=calendar.monthrange(first.year, first.month)[1])


def month_of(unit: Unit, first: date) -> Month | None:
    """The unit's numbers of a month: of its newest closing, else the last ones counted in it; None where there are none."""
    closing = MonthClosing.objects.filter(month=first).defer("numbers").order_by("-revision").first()
    released = _closed(closing, unit) if closing else _counted(unit, first)
    return Month(first, released, closing) if released else None


def _counted(unit: Unit, first: date) -> Released | None:
    day = selectors.day_counted(unit, last_day(first))
    return selectors.for_reader(PUBLIC, unit, day) if day and day >= first else None


def _closed(closing: MonthClosing, unit: Unit) -> Released | None:
    """From the closing itself; what is kept back, and the 直属/待分派 line, from the day it closed."""
    children = selectors.child_units(unit, closing.as_of)
    found = _numbers_closed(closing, [unit, *children])
    if unit not in found:
        return None
    rest = selectors.unassigned(unit, closing.as_of)
    if rest is not None and rest.as_of != closing.as_of:
        rest = None
    family = [found[child] for child in children if child in found]
    return Released(*releases.release_family(PUBLIC, found[unit], family, rest))


def own_as_closed(closing: MonthClosing, units: Collection[Unit]) -> dict[Unit, Numbers]:
    """The own numbers of units, of either line, as everybody may see them; without those that had none."""
    withheld = Withheld(closing.as_of)
    lines = ([unit for unit in units if isinstance(unit, line)] for line in (Organization, Division))
    return {
        unit: releases.release_one(PUBLIC, numbers, withheld)
        for line in lines
        if line
        for unit, numbers in _numbers_closed(closing, line).items()
    }


def _numbers_closed(closing: MonthClosing, units: Sequence[Unit]) -> dict[Unit, Numbers]:
    """All units of one line."""
    counts = _closed_counts(closing, units[0], [unit.code for unit in units])
    return {
        unit: Numbers(unit, closing.as_of, closing.closed_at, counts[unit.code])
        for unit in units
        if unit.code in counts
    }


def closed_units(closing: MonthClosing, units: Sequence[Unit]) -> list[Unit]:
    """Those of these units, all of one line, of which the closing has numbers."""
    return list(_numbers_closed(closing, units)) if units else []


def _closed_counts(closing: MonthClosing, unit: Unit, codes: list[str]) -> dict[str, dict]:
    """Only these units' counts: the closing holds the whole city's."""
    part = "organizations" if isinstance(unit, Organization) else "divisions"
    rows = fetch(
        "SELECT one.key, one.value::text FROM reports_monthclosing, jsonb_each(numbers -> %s) AS one"
        " WHERE id = %s AND one.key = ANY(%s)",
        [part, closing.pk, codes],
    )
    return {code: monthly_words.counts_of(text) for code, text in rows}


def _own_of(unit: Unit, first: date) -> Numbers | None:
    found = month_of(unit, first)
    return found.released.own if found else None


# --- the report -------------------------------------------------------------------------------------------------------


def title_of(unit: Unit) -> str:
    return f"{unit}党建工作统计月报"


def month_for(unit: Unit, first: date) -> Month:
    """Raises PrintRefused with a sentence where there is nothing to print."""
    if first > timezone.localdate():
        raise PrintRefused(f"{first:%Y年%m月}还没有到，请选择本月或更早的月份。")
    month = month_of(unit, first)
    if month is None:
        raise PrintRefused(f"「{unit}」{first:%Y年%m月}没有统计数字，不能出月报。请换一个月份。")
    return month


def content_of(unit: Unit, month: Month, address: str = "") -> dict:
    """What the report says; `address`: where the product is reached, for the QR code."""
    own = month.released.own
    last, year = (_own_of(unit, month_before(month.first, back)) for back in (1, 12))
    basis = _coverage_basis(own)
    groups = [monthly_words.group(group, title, own, last, year) for group, title in metrics.GROUPS.items()]
    rank = _rank(month.released)
    content = {
        "month": f"{month.first:%Y-%m}",
        "address": address,
        "line": "按党组织统计" if isinstance(unit, Organization) else "按区划统计",
        "computed_at": own.computed_at.isoformat(),
        "closed": _closing(month.closing),
        "compared": {"last": _day(last), "year": _day(year)},
        "groups": groups,
        "children": _children(month.released),
        "rank": rank,
        "trend": _trend(own, basis),
        "gaps": _gaps(month.released),
        "definitions": monthly_words.definitions(groups),
    }
    return content | {"summary": [*monthly_words.summary(content), *late.notes(PUBLIC, unit, own.as_of)]}


def _day(numbers: Numbers | None) -> str | None:
    return numbers.as_of.isoformat() if numbers else None


def _closing(closing: MonthClosing | None) -> dict | None:
    if closing is None:
        return None
    return {
        "revision": closing.revision, "digest": closing.digest, "reason": closing.reason,
        "closed_at": closing.closed_at.isoformat(),
    }  # fmt: skip


def _coverage_basis(own: Numbers) -> Basis:
    """D4, as pages open; 实体运营 where small cells leave D4 without a value."""
    opens = Basis()
    known = own.value(ranking.PAIR[0], opens.denominator) is not None
    return opens if known else Basis(metrics.DEFAULT_DENOMINATOR)


def _children(released: Released) -> dict | None:
    """The units below in the order of the tree, the 直属/待分派 line and the unit itself; never by persons."""
    unit = released.own.unit
    if not released.children:
        return None
    codes = boards.CHILD_COLUMNS if ranking.compares_coverage(unit) else boards.GRASSROOTS_COLUMNS
    fits = [ranking.fit_for(Basis(), code, unit) for code in codes]
    keys = list(zip(codes, fits, strict=True))

    def row(numbers: Numbers, name: str) -> dict:
        return {
            "name": name,
            "cells": [monthly_words.value(numbers, code, fit.denominator, fit.range) for code, fit in keys],
        }

    rows = [row(child, monthly_words.short_name(child)) for child in released.children]
    if released.unassigned is not None:
        rows.append(row(released.unassigned, selectors.UNASSIGNED_NAME))
    return {
        "title": f"{boards.level_below(unit)}一览",
        "columns": [monthly_words.column(code, fit) for code, fit in keys],
        "rows": [*rows, row(released.own, "合计")],
        "note": boards.CHILDREN_OVERLAP if codes is boards.GRASSROOTS_COLUMNS else boards.CHILDREN_ADD_UP,
    }


def _rank(released: Released) -> dict | None:
    """The units below by a metric and in a 口径 that may rank them."""
    unit = released.own.unit
    if not released.children:
        return None
    code = ranking.chosen(unit, None)
    found, fit = ranking.rank(released, code, Basis()), ranking.ranked_in(Basis(), code, unit)
    rows = [
        {
            "name": row["name"], "value": row["value"], "text": row["text"], "strict": row.get("strict"),
            "wide": row.get("wide"), "rest": row["rest"],
        }
        for row in found["rows"]
    ]  # fmt: skip
    return {
        "name": found["name"], "basis": monthly_words.basis_label(code, fit), "percent": found["percent"],
        "pair": found["pair"], "rows": rows, "reference": found["reference"], "empty": found["empty"],
    }  # fmt: skip


def _trend(own: Numbers, basis: Basis) -> dict:
    """The coverages at the end of each month, over thirteen months."""
    found = boards.trend(PUBLIC, own, basis, TREND_DAYS)
    ends: dict[str, int] = {}
    for index, label in enumerate(found["labels"]):
        ends[label[:7]] = index
    kept = list(ends.values())[-13:]
    return {
        "basis": basis.label,
        "percent": found["percent"],
        "labels": [found["labels"][index] for index in kept],
        "series": [
            {"name": one["name"], "values": [one["values"][index] for index in kept]} for one in found["series"]
        ],
        "empty": found["empty"],
    }


def _gaps(released: Released) -> dict:
    found = boards.gaps(released, Basis())
    return {
        "rows": [
            {"name": name, "total": total, "sheltered": sheltered, "blank": blank}
            for name, total, sheltered, blank in zip(
                found["labels"], found["totals"], *(one["values"] for one in found["series"]), strict=True
            )
        ],
        "empty": found["empty"],
    }


def month_over(day: date) -> date:
    """The month that a report made on this day is about: the one before, which is over."""
    return month_end_before(day).replace(day=1)
