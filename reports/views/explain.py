"""差异说明: any two numbers of one metric, explained row by row; and all numbers beside last month's and last year's."""

from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.generic import View

from orgs.models import Organization
from orgs.scoped import DoorMixin
from reports import comparing, days, metrics, past, selectors, words
from reports.behind import EXPORT_PERMISSION, PERMISSION
from reports.days import month_end_before
from reports.explain_asked import ONLY_MONTH_ENDS, Asked, asked, basis_of_side, equation, fractions
from reports.explain_export import name_of
from reports.explaining import Reason, Side, rows_of, same_question
from reports.row_columns import columns_of
from reports.views.dashboard import UnitMixin, breadcrumbs
from tables.keyset import page_of

PARTS = (("", "分子"), ("below", "分母"))


class Explain(DoorMixin, View):
    """`/explain/<metric>/?organization=…&as_of=…&than=…&with_organization=…&with_denominator=…&of=below&only=…`"""

    permission = PERMISSION

    def get(self, request: HttpRequest, metric: str) -> HttpResponse:
        known = metrics.METRICS.get(metric)
        if known is None or not (known.has_rows or known.kind == metrics.RATE):
            raise Http404
        try:
            found = asked(known, request.GET, request.user)
            if found is None:
                raise Http404
            context = self._context(found)
        except metrics.UnknownMetric as problem:
            context = {"heading": f"差异说明：{known.name}", "problem": str(problem)}
            return render(request, "reports/explain.html", context, status=400)
        return render(request, "reports/explain.html", context)

    def _context(self, found: Asked) -> dict[str, Any]:
        basis = basis_of_side(found.b)
        crumbs = breadcrumbs(self.request.user, found.b.unit, basis)
        crumbs[-1]["url"] = words.unit_page(found.b.unit, basis)
        only = self.request.GET.get("only", "")
        return {
            "heading": f"差异说明：{found.metric.name}",
            "breadcrumbs": [*crumbs, {"label": "差异说明"}],
            "subtitle": f"两边不同的是：{same_question(found.a, found.b) or '没有'}",
            "found": found,
            "instead": self._month(found) if found.why_not == ONLY_MONTH_ENDS else None,
            "sides": self._sides(found),
            "parts": self._parts(found),
            "groups": self._groups(found),
            "equation": equation(found),
            "lost": past.LOST,
            "form": self._form(found),
            "drill": self._drill(found, only) if only and found.open else None,
            "exports": self._exports(found),
            "unit_word": found.counted_b.metric.unit,
        }

    def _month(self, found: Asked) -> dict:
        """The last month that was over by the day looked at."""
        end = month_end_before(min(found.b.on + timedelta(days=1), timezone.localdate()))
        than = month_end_before(end)
        label = f"看 {than:%Y-%m-%d} 与 {end:%Y-%m-%d}"
        return {"url": self._address(as_of=end.isoformat(), than=than.isoformat()), "label": label}

    @staticmethod
    def _sides(found: Asked) -> list[dict]:
        texts = fractions(found)
        return [
            {
                "name": name,
                "unit": str(side.unit),
                "url": words.unit_page(side.unit, basis_of_side(side)),
                "day": side.on,
                "basis": basis_of_side(side).label if found.metric.denominators else "",
                "text": found.text(which),
                "fraction": f"{texts[index][0]} / {texts[index][1]}" if texts else "",
            }
            for index, (which, name, side) in enumerate((("a", "对照", found.a), ("b", "本数", found.b)))
        ]

    def _parts(self, found: Asked) -> list[dict]:
        if found.metric.kind != metrics.RATE:
            return []
        return [{"label": label, "url": self._address(of=part), "current": part == found.part} for part, label in PARTS]

    def _groups(self, found: Asked) -> list[dict]:
        if found.explained is None:
            return []
        groups = []
        for came, title in ((False, "只在对照里"), (True, "只在本数里")):
            reasons = [reason for reason in found.explained.reasons if reason.came == came]
            hidden = any(reason.count is None for reason in reasons)
            groups.append(
                {
                    "title": title,
                    "sign": "+" if came else "−",
                    "total": None if hidden else found.explained.total(came),
                    "reasons": [self._reason(found, reason) for reason in reasons],
                }
            )
        return groups

    def _reason(self, found: Asked, reason: Reason) -> dict:
        return {
            "text": reason.text,
            "count": reason.count,
            "url": f"{self._address(only=reason.only)}#rows" if found.open else None,
            "current": reason.only == self.request.GET.get("only"),
        }

    def _address(self, **more: str) -> str:
        query = {key: value for key, value in self.request.GET.dict().items() if key not in ("only", "after", "before")}
        return f"?{urlencode({key: value for key, value in (query | more).items() if value})}"

    def _drill(self, found: Asked, only: str) -> dict:
        every = rows_of(found.counted_a, found.counted_b, only)
        mine = every.visible_to(self.request.user)
        spec = columns_of(mine.model)
        page = page_of(mine.prefetch_related(*spec.related), self.request.GET)
        total, away = mine.count(), every.count() - mine.count()
        return {
            "title": next((one.text for one in found.explained.reasons if one.only == only), "")
            if found.explained
            else "",
            "total": total,
            "away": away,
            "page": page,
            "table": {
                "caption": found.metric.name,
                "columns": [{"label": column.label, "numeric": column.numeric} for column in spec.columns],
                "rows": [
                    {"url": spec.url(row), "cells": [{"text": column.text(row)} for column in spec.columns]}
                    for row in page.rows
                ],
            },
        }

    def _exports(self, found: Asked) -> list[dict]:
        name = name_of(found.metric)
        if not found.open or name is None or not self.request.user.has_perm(EXPORT_PERMISSION):
            return []
        query = self.request.GET.dict() | words.unit_query(found.b.unit)
        return [{"label": "导出差异名单", "url": f"{reverse('lists:export', args=[name])}?{urlencode(query)}"}]

    def _form(self, found: Asked) -> dict:
        a, b, metric = found.a, found.b, found.metric
        return {
            "unit": words.unit_query(b.unit),
            "than": a.on,
            "as_of": b.on,
            "units": self._units(b, a),
            "with_name": f"with_{next(iter(words.unit_query(b.unit)))}",
            "denominators": self._choices(metric.denominators, metrics.DENOMINATORS, b.denominator, a.denominator),
            "ranges": self._choices(metric.ranges, metrics.RANGES, b.range, a.range),
            "of": found.part,
        }

    def _units(self, b: Side, a: Side) -> list[dict]:
        """The unit itself, those beside it and those below: what it is most often set against."""
        near: list[Any] = [b.unit]
        if b.unit.parent is not None:
            near += [one for one in selectors.child_units(b.unit.parent) if one != b.unit]
        near += selectors.child_units(b.unit)
        visible = type(b.unit).objects.visible_to(self.request.user, PERMISSION)
        seen = set(visible.filter(pk__in=[one.pk for one in near]).values_list("pk", flat=True))
        return [
            {"code": one.code, "label": words.short(one), "current": one == a.unit} for one in near if one.pk in seen
        ]

    @staticmethod
    def _choices(allowed: tuple[str, ...], names: dict[str, str], now: str, than: str) -> list[dict]:
        if len(allowed) < 2:
            return []
        return [{"code": code, "label": names[code], "now": code == now, "than": code == than} for code in allowed]


class Compare(UnitMixin, View):
    """与上月、去年比较: every metric of a unit on its day, at the end of the month before and a year before."""

    def get(self, request: HttpRequest, **kwargs) -> HttpResponse:
        unit, (basis, problem) = self.unit(), self.basis()
        crumbs = breadcrumbs(request.user, unit, basis)
        crumbs[-1]["url"] = words.unit_page(unit, basis)
        found = comparing.compared(request.user, unit, basis)
        context = {
            "heading": "与上月、去年比较",
            "breadcrumbs": [*crumbs, {"label": "与上月、去年比较"}],
            "problem": problem,
            "unit": unit,
            "basis": basis,
            "found": found,
            "choices": [
                one | {"url": one["url"].replace(words.unit_page(unit), words.compare_page(unit, words.Basis()), 1)}
                for one in days.choices(unit, basis)
            ],
            "denominators": [
                {"code": code, "label": f"{metrics.D_NUMBERS[code]} {name}", "current": code == basis.denominator}
                for code, name in metrics.DENOMINATORS.items()
            ],
            "ranges": [
                {"code": code, "label": name, "current": code == basis.range} for code, name in metrics.RANGES.items()
            ],
            "is_organization": isinstance(unit, Organization),
        }
        return render(request, "reports/compare.html", context)
