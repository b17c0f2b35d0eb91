"""The rows behind a number: list and total are the tile's own, in the same 口径."""

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.views.generic import View

from accounts import audit, wall
from orgs.kinds import Level
from orgs.models import Division
from orgs.scoped import DoorMixin
from reports import breakdowns, metrics, past, rows, selectors, splitting, tiles, withheld_parts, words
from reports.behind import EXPORT_PERMISSION, PERMISSION, RowsBehind, behind, can_be_taken, is_unassigned, unit_asked
from reports.row_columns import columns_of, persons_in, shows_persons
from reports.views.dashboard import breadcrumbs
from reports.words import Basis
from tables.keyset import page_of

NOT_COUNTED = "这个数字只统计到指导站，不按单个基层党组织统计，所以这里没有名单。请到上级指导站的看板打开。"


class Rows(DoorMixin, View):
    """`/rows/<metric>/?organization=…|division=…&denominator=…&range=…&as_of=…&part=unassigned`"""

    permission = PERMISSION
    kwargs: dict[str, Any]

    @cached_property
    def metric(self) -> metrics.Metric:
        if found := metrics.METRICS.get(self.kwargs["metric"]):
            return found
        raise Http404

    of_part: breakdowns.Part | None = None  # of a breakdown

    @property
    def unassigned(self) -> bool:
        return is_unassigned(self.request.GET)

    def ask(self):
        """The rows; raises Http404, metrics.UnknownMetric or rows.RowsNotOpen."""
        self.unit = unit_asked(self.request.GET, self.request.user)
        if self.unit is None:
            raise Http404
        self.basis = Basis().fitting(self.metric)
        self.basis = words.basis_of(self.request.GET).fitting(self.metric)
        self.of_part = breakdowns.part_of(self.request.GET)
        return behind(
            self.metric, self.unit, self.basis, self.request.user, unassigned=self.unassigned, part=self.of_part
        )

    def get(self, request: HttpRequest, metric: str) -> HttpResponse:
        try:
            found = self.ask()
        except rows.RowsNotOpen as refusal:
            return self._counts(str(refusal))
        except metrics.UnknownMetric as problem:
            return self._empty(str(problem))
        return self._list(found) if self._is_counted() else self._empty(NOT_COUNTED, status=200)

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
            "day_note": self._day_note(),
            **more,
        }

    def _day_note(self) -> str:
        """Which day's rows these are, where it is not today."""
        if (asked := self.basis.as_of) is None:
            return ""
        counted = selectors.day_counted(self.unit, asked)
        if counted is None:
            return f"{asked:%Y-%m-%d} 以前还没有统计数字。"
        missing = f"{asked:%Y-%m-%d} 没有统计，用的是此前最近一天。" if counted != asked else ""
        then = "名单按当天的情况还原，各列显示的是现在的登记内容。" if past.is_past(counted) else ""
        return f"数据日期 {counted:%Y-%m-%d}。{missing}{then}"

    def _part(self) -> str:
        part = f" · {breakdowns.label(self.of_part)}" if self.of_part else ""
        return (f"的{selectors.UNASSIGNED_NAME}" if self.unassigned else "") + part

    def _is_counted(self) -> bool:
        """Most numbers are counted down to the guidance station: of a grassroots body they are —, not a list of none."""
        if isinstance(self.unit, Division) or self.unit.level != Level.GRASSROOTS or self.metric.kind == metrics.RATE:
            return True
        own = selectors.latest(self.unit, self.basis.as_of)
        key = metrics.count_key(self.metric.code, self.basis.denominator, self.basis.range)
        return own is None or key in own.counts

    def _list(self, found) -> HttpResponse:
        spec, request = columns_of(found.model), self.request
        page = page_of(found.prefetch_related(*spec.related), request.GET)
        shown = page.rows
        if shown and shows_persons(found.model):
            audit.record("reports.rows.view", by=request.user, subjects=persons_in(shown), request=request,
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
        context = self._context(
            table=table,
            page=page,
            total=total,
            total_text=f"共 {total:,} {self._word()}",
            computed=self._computed(total),
            exports=self._exports(total),
            empty_reason="这个数字是 0，所以没有名单。" if total == 0 else "没有您可以查看的行。",
        )
        return render(request, "reports/rows.html", context)

    def _exports(self, total: int) -> list[dict]:
        if not total or not can_be_taken(self.metric) or not self.request.user.has_perm(EXPORT_PERMISSION):
            return []
        query = self.request.GET.dict() | words.unit_query(self.unit)
        url = reverse("lists:export", args=[RowsBehind(self.metric).name])
        return [{"label": "导出", "url": f"{url}?{urlencode(query)}"}]

    def _computed(self, total: int) -> str:
        """What the dashboard says, where it differs: rows outside the reader's scope, or changes since."""
        read = selectors.unassigned if self.unassigned else selectors.latest
        own = self._of_part(read(self.unit, self.basis.as_of))
        if own is None:
            return ""
        if self.metric.kind == metrics.RATE:
            number, _ = tiles.fraction(self.metric, own, self.basis)
        else:
            number = own.value(self.metric.code, self.basis.denominator, self.basis.range)
        if number is None or number == total:
            return ""
        if (away := self._everywhere() - total) > 0:
            return f"另有 {away:,} {self._word()}不在您的管辖范围内，计入看板，名单里不列出。"
        if past.is_past(own.as_of) and self.basis.as_of:
            return f"看板上的数字是 {number:,}（数据日期 {own.as_of:%Y-%m-%d}），还原出来的名单是 {total:,}。{past.NOT_PUT_BACK}"
        return f"看板上的数字是 {number:,}（截至 {own.as_of:%Y-%m-%d}）；之后有变动，这里是现在的名单。"

    def _of_part(self, own: selectors.Numbers | None) -> selectors.Numbers | None:
        """The numbers of the part that is asked for, of the whole where none is."""
        if own is None or self.of_part is None:
            return own
        dimension, value = self.of_part
        return next((part.numbers for part in splitting.parts(own, dimension) if part.value == value), None)

    def _everywhere(self) -> int:
        """How many rows there are, whoever may see them: a branch may cover what stands under others."""
        asked: dict[str, Any] = {"unassigned": self.unassigned, "part": self.of_part}
        with wall.everywhere():
            return behind(self.metric, self.unit, self.basis, None, **asked).count()

    def _word(self) -> str:
        return self.metric.unit if self.metric.kind == metrics.COUNT else "户"

    def _counts(self, reason: str) -> HttpResponse:
        """Not open here: how many there are in each unit below, small cells kept back, down to the guidance station."""
        released = selectors.for_reader(self.request.user, self.unit, self.basis.as_of)
        lines = []
        if released is not None and not self.unassigned and not self.of_part:
            lines = [*released.children, *([released.unassigned] if released.unassigned else [])]
        table = {
            "caption": self.metric.name,
            "columns": [
                {"label": "单位"},
                *({"label": name, "numeric": True} for name, _ in self._counted()),
            ],
            "rows": [
                {
                    "url": words.rows_page(line.unit, self.metric.code, self.basis) if line.has_page else None,
                    "cells": [{"text": line.name}, *({"text": text(line)} for _, text in self._counted())],
                }
                for line in lines
            ],
        }
        whole = (released.unassigned if self.unassigned else released.own) if released else None
        if whole is not None and self.of_part:
            whole = withheld_parts.part_for(self.request.user, whole, self.of_part)
        own = self._counted()[0][1](whole)
        unit_word = f" {self._word()}" if own[:1].isdigit() else ""
        context = self._context(
            table=table,
            not_open=reason,
            total_text=f"合计 {own}{unit_word}",
            empty_reason="下面没有更细的单位，名单只在负责的指导站可以打开。",
        )
        return render(self.request, "reports/rows.html", context)

    def _counted(self) -> list[tuple[str, Callable[[selectors.Numbers | None], str]]]:
        """Columns of counts: the number itself; of a share its numerator, its denominator and the share."""
        share = (self.metric.name, lambda line: words.shown(line, self.metric.code, self.basis))
        if self.metric.kind == metrics.COUNT:
            return [share]

        def part(line: selectors.Numbers | None, index: int) -> str:
            if line is None:
                return words.UNKNOWN
            number = tiles.fraction(self.metric, line, self.basis)[index]
            hidden = number is None and line.is_hidden(self.metric.code, self.basis.denominator, self.basis.range)
            return words.figure(number, metrics.COUNT, hidden=hidden)

        below = metrics.METRICS[self.metric.denominator or self.basis.denominator].name
        return [("分子", lambda line: part(line, 0)), (f"分母（{below}）", lambda line: part(line, 1)), share]

    def _empty(self, reason: str, status: int = 400) -> HttpResponse:
        context = self._context(table={"columns": [], "rows": []}, empty_reason=reason)
        return render(self.request, "reports/rows.html", context, status=status)
