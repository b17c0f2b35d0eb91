"""The rows behind a number: list and total are the tile's own, in the same 口径."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.http import content_disposition_header
from django.views.generic import View

from accounts import audit
from orgs.models import Division, Organization
from orgs.scoped import DoorMixin
from reports import metrics, rows, selectors, tiles, words
from reports.exports import TooManyRows, rows_export
from reports.forms import ExportForm
from reports.row_columns import columns_of, shows_persons
from reports.views.dashboard import PERMISSION, breadcrumbs, own_unit
from reports.words import Basis
from tables.exports import TYPES
from tables.keyset import page_of

EXPORT_PERMISSION = "markets.export_business"


class RowsMixin(DoorMixin):
    """Reads which number, of which unit, in which 口径 the address asks for."""

    permission = PERMISSION
    kwargs: dict[str, Any]

    @cached_property
    def metric(self) -> metrics.Metric:
        if found := metrics.METRICS.get(self.kwargs["metric"]):
            return found
        raise Http404

    @property
    def unassigned(self) -> bool:
        return self.request.GET.get("part") == selectors.UNASSIGNED

    def ask(self):
        """The rows; raises Http404, metrics.UnknownMetric or rows.RowsNotOpen."""
        self.unit = self._unit()
        self.basis = Basis().fitting(self.metric)
        self.basis = words.basis_of(self.request.GET).fitting(self.metric)
        return behind(self.metric, self.unit, self.basis, self.request.user, unassigned=self.unassigned)

    def _unit(self):
        query = self.request.GET
        for name, model in (("organization", Organization), ("division", Division)):
            if code := query.get(name):
                unit = model.objects.visible_to(self.request.user, PERMISSION).filter(code=code).first()
                if unit is None:
                    raise Http404
                return unit
        return own_unit(self.request.user)


class Rows(RowsMixin, View):
    """`/rows/<metric>/?organization=…|division=…&denominator=…&range=…&as_of=…&part=unassigned`"""

    def get(self, request: HttpRequest, metric: str) -> HttpResponse:
        try:
            found = self.ask()
        except rows.RowsNotOpen as refusal:
            return self._counts(str(refusal))
        except metrics.UnknownMetric as problem:
            return self._empty(str(problem))
        return self._list(found)

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
        page = page_of(found.select_related(*spec.related), request.GET)
        shown = page.rows
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
        context = self._context(
            table=table,
            page=page,
            total=total,
            total_text=f"共 {total:,} {self._word()}",
            computed=self._computed(total),
            exports=self._exports(found.model, total),
            empty_reason="这个数字是 0，所以没有名单。" if total == 0 else "没有您可以查看的行。",
        )
        return render(request, "reports/rows.html", context)

    def _exports(self, model, total: int) -> list[dict]:
        if not total or shows_persons(model) or not self.request.user.has_perm(EXPORT_PERMISSION):
            return []
        url = reverse("reports:rows_export", args=[self.metric.code])
        return [{"label": "导出", "url": f"{url}?{self.request.GET.urlencode()}"}]

    def _computed(self, total: int) -> str:
        """What the dashboard says, where it differs: rows outside the reader's scope, or changes since."""
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
        if (away := self._everywhere() - total) > 0:
            return f"另有 {away:,} {self._word()}不在您的管辖范围内，计入看板，名单里不列出。"
        return f"看板上的数字是 {number:,}（截至 {own.as_of:%Y-%m-%d}）；之后有变动，这里是现在的名单。"

    def _everywhere(self) -> int:
        """How many rows there are, whoever may see them: a branch may cover what stands under others."""
        return behind(self.metric, self.unit, self.basis, None, unassigned=self.unassigned).count()

    def _word(self) -> str:
        return self.metric.unit if self.metric.kind == metrics.COUNT else "户"

    def _counts(self, reason: str) -> HttpResponse:
        """Not open here: how many there are in each unit below, small cells kept back, down to the guidance station."""
        released = selectors.for_reader(self.request.user, self.unit, self.basis.as_of)
        lines = []
        if released is not None and not self.unassigned:
            lines = [*released.children, *([released.unassigned] if released.unassigned else [])]
        table = {
            "caption": self.metric.name,
            "columns": [
                {"label": "单位"},
                *({"label": name, "numeric": True} for name, _ in self._counted()),
            ],
            "rows": [
                {
                    "url": None if line.is_unassigned else words.rows_page(line.unit, self.metric.code, self.basis),
                    "cells": [{"text": line.name}, *({"text": text(line)} for _, text in self._counted())],
                }
                for line in lines
            ],
        }
        whole = (released.unassigned if self.unassigned else released.own) if released else None
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

    def _empty(self, reason: str) -> HttpResponse:
        context = self._context(table={"columns": [], "rows": []}, empty_reason=reason)
        return render(self.request, "reports/rows.html", context, status=400)


def behind(metric: metrics.Metric, unit, basis: Basis, user, *, unassigned: bool = False):
    """The rows of a number; of a share, those of its numerator: its parts exclude each other.

    `user` None: without asking who reads, for counting only.
    """
    asked: dict[str, Any] = {"range": basis.range, "as_of": basis.as_of, "unassigned": unassigned}
    read: Callable[..., QuerySet] = partial(rows.rows, user=user) if user is not None else rows.all_rows
    if metric.kind == metrics.COUNT:
        return read(metric.code, unit, denominator=basis.denominator, **asked)
    inside = metrics.DEFAULT_DENOMINATOR if metric.denominator else basis.denominator
    found = None
    for part in metric.numerator.split("+"):
        one = read(part, unit, denominator=inside, **asked)
        found = one if found is None else found | one
    return found


class RowsExport(RowsMixin, View):
    """The rows as a file, for a stated purpose. Lists of persons are not exported from here."""

    permission = EXPORT_PERMISSION

    def get(self, request: HttpRequest, metric: str) -> HttpResponse:
        self._found()
        return self._page(ExportForm())

    def post(self, request: HttpRequest, metric: str) -> HttpResponseBase:
        found, form = self._found(), ExportForm(request.POST)
        if not form.is_valid():
            return self._page(form, status=422)
        purpose, format = form.cleaned_data["purpose"], form.cleaned_data["format"]
        try:
            pieces = rows_export(
                by=request.user, metric=self.metric, unit=self.unit, queryset=found, purpose=purpose, format=format,
                request=request,
            )  # fmt: skip
        except TooManyRows as refusal:
            form.add_error(None, str(refusal))
            return self._page(form, status=422)
        response = StreamingHttpResponse(pieces, content_type=TYPES[format])
        name = f"{self.metric.name}-{self.unit}-{timezone.localdate():%Y%m%d}.{format}"
        response["Content-Disposition"] = content_disposition_header(True, name) or ""
        return response

    def _found(self):
        try:
            found = self.ask()
        except (metrics.UnknownMetric, rows.RowsNotOpen) as refusal:
            raise Http404 from refusal
        if shows_persons(found.model):
            raise Http404
        return found

    def _page(self, form, status: int = 200) -> HttpResponse:
        back = f"{reverse('reports:rows', args=[self.metric.code])}?{self.request.GET.urlencode()}"
        context = {
            "heading": f"导出：{self.metric.name}",
            "subtitle": f"{self.unit} · 口径：{tiles.note(self.metric, self.basis)}",
            "form": form,
            "submit_label": "导出",
            "cancel_url": back,
            "intro": "按名单现在的口径导出全部行。导出人、用途、列和行数会留下记录。",
        }
        return render(self.request, "generic/form.html", context, status=status)
