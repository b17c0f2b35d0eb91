"""The rows behind a number: list and total are the tile's own, in the same 口径."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.generic import View

from accounts import audit
from orgs.models import Division, Organization
from orgs.scoped import DoorMixin
from reports import metrics, rows, selectors, tiles, words
from reports.row_columns import columns_of, shows_persons
from reports.views.dashboard import PERMISSION, breadcrumbs, own_unit
from reports.words import Basis

PAGE = 50


class Rows(DoorMixin, View):
    """`/rows/<metric>/?organization=…|division=…&denominator=…&range=…&as_of=…`"""

    permission = PERMISSION

    def get(self, request: HttpRequest, metric: str) -> HttpResponse:
        if metric not in metrics.METRICS:
            raise Http404
        self.metric = metrics.METRICS[metric]
        self.unit = self._unit()
        self.unassigned = request.GET.get("part") == selectors.UNASSIGNED
        try:
            self.basis = words.basis_of(request.GET).fitting(self.metric)
            found = behind(self.metric, self.unit, self.basis, request.user, unassigned=self.unassigned)
        except rows.RowsNotOpen as refusal:
            return self._counts(str(refusal))
        except metrics.UnknownMetric as problem:
            self.basis = Basis().fitting(self.metric)
            return self._empty(str(problem))
        return self._list(found)

    def _unit(self):
        query = self.request.GET
        for name, model in (("organization", Organization), ("division", Division)):
            if code := query.get(name):
                unit = model.objects.visible_to(self.request.user, PERMISSION).filter(code=code).first()
                if unit is None:
                    raise Http404
                return unit
        return own_unit(self.request.user)

    def _context(self, **more) -> dict:
        metric, basis = self.metric, self.basis
        heading = f"{metric.name}的分子" if metric.kind == metrics.RATE else metric.name
        crumbs = breadcrumbs(self.request.user, self.unit, basis)
        crumbs[-1]["url"] = words.unit_page(self.unit, basis)
        return {
            "heading": heading,
            "breadcrumbs": [*crumbs, {"label": heading}],
            "subtitle": f"{self.unit}{self._part()} · 口径：{tiles.note(metric, basis)}",
            "definition": metric.definition if metric.denominators or metric.denominator else "",
            **more,
        }

    def _part(self) -> str:
        return f"的{selectors.UNASSIGNED_NAME}" if self.unassigned else ""

    def _list(self, found) -> HttpResponse:
        spec, request = columns_of(found.model), self.request
        page, shown = keyset(found.select_related(*spec.related), request)
        if shown and shows_persons(found.model):
            audit.record("reports.rows.view", by=request.user, subjects=shown, request=request,
                         detail={"metric": self.metric.code, "shown": len(shown)})  # fmt: skip
        total = rows.total(self.metric.code, found) if self.metric.kind == metrics.COUNT else found.count()
        table = {
            "caption": self.metric.name,
            "columns": [{"label": column.label, "numeric": column.numeric} for column in spec.columns],
            "rows": [
                {"url": spec.url(row), "cells": [{"text": column.text(row)} for column in spec.columns]}
                for row in shown
            ],
        }
        unit_word = self.metric.unit if self.metric.kind == metrics.COUNT else "户"
        context = self._context(
            table=table,
            page=page,
            total=total,
            total_text=f"共 {total:,} {unit_word}",
            computed=self._computed(total),
            empty_reason="这个数字是 0，所以没有名单。" if total == 0 else "没有您可以查看的行。",
        )
        return render(request, "reports/rows.html", context)

    def _computed(self, total: int) -> str:
        """What the dashboard says, where the rows have changed since it was computed."""
        read = selectors.unassigned if self.unassigned else selectors.latest
        own = read(self.unit, self.basis.as_of)
        if own is None:
            return ""
        if self.metric.kind == metrics.RATE:
            number, _ = tiles.fraction(self.metric, own, self.basis)
        else:
            number = own.value(self.metric.code, self.basis.denominator, self.basis.range)
        if number is None or number == total:
            return ""
        return f"看板上的数字是 {number:,}（截至 {own.as_of:%Y-%m-%d}）；之后有变动，这里是现在的名单。"

    def _counts(self, reason: str) -> HttpResponse:
        """Not open here: how many there are in each unit below, small cells kept back, down to the guidance station."""
        released = selectors.for_reader(self.request.user, self.unit, self.basis.as_of)
        lines = []
        if released is not None and not self.unassigned:
            lines = [*released.children, *([released.unassigned] if released.unassigned else [])]
        table = {
            "caption": self.metric.name,
            "columns": [{"label": "单位"}, {"label": self.metric.name, "numeric": True}],
            "rows": [
                {
                    "url": None if line.is_unassigned else words.rows_page(line.unit, self.metric.code, self.basis),
                    "cells": [{"text": line.name}, {"text": words.shown(line, self.metric.code, self.basis)}],
                }
                for line in lines
            ],
        }
        whole = (released.unassigned if self.unassigned else released.own) if released else None
        own = words.shown(whole, self.metric.code, self.basis)
        unit_word = "" if self.metric.kind == metrics.RATE else f" {self.metric.unit}"
        context = self._context(
            table=table,
            not_open=reason,
            total_text=f"合计 {own}{unit_word}",
            empty_reason="下面没有更细的单位，名单只在负责的指导站可以打开。",
        )
        return render(self.request, "reports/rows.html", context)

    def _empty(self, reason: str) -> HttpResponse:
        context = self._context(table={"columns": [], "rows": []}, empty_reason=reason)
        return render(self.request, "reports/rows.html", context, status=400)


def behind(metric: metrics.Metric, unit, basis: Basis, user, *, unassigned: bool = False):
    """The rows of a number; of a share, those of its numerator: its parts exclude each other."""
    asked = {"user": user, "range": basis.range, "as_of": basis.as_of, "unassigned": unassigned}
    if metric.kind == metrics.COUNT:
        return rows.rows(metric.code, unit, denominator=basis.denominator, **asked)
    inside = metrics.DEFAULT_DENOMINATOR if metric.denominator else basis.denominator
    found = None
    for part in metric.numerator.split("+"):
        one = rows.rows(part, unit, denominator=inside, **asked)
        found = one if found is None else found | one
    return found


def keyset(queryset, request: HttpRequest) -> tuple[dict, list]:
    """One page, newest first, and its neighbours' addresses; `after` and `before` are ids."""

    def number(name: str) -> int | None:
        text = request.GET.get(name, "")
        return int(text) if text.isdecimal() and len(text) < 19 else None

    after, before = number("after"), number("before")
    if before is not None:
        found = list(queryset.filter(pk__gt=before).order_by("pk")[: PAGE + 1])
        more_before, more_after = len(found) > PAGE, True
        found = found[:PAGE][::-1]
    else:
        queryset = queryset if after is None else queryset.filter(pk__lt=after)
        found = list(queryset.order_by("-pk")[: PAGE + 1])
        more_before, more_after = after is not None, len(found) > PAGE
        found = found[:PAGE]

    def address(**to) -> str:
        query = request.GET.copy()
        for name in ("after", "before"):
            query.pop(name, None)
        query.update(to)
        return f"?{query.urlencode()}"

    page = {}
    if found and more_before:
        page = {"previous_url": address(before=found[0].pk), "first_url": address()}
    if found and more_after:
        page["next_url"] = address(after=found[-1].pk)
    return page, found
