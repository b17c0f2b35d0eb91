"""分布 of a unit: a fragment of its dashboard, a page by itself, and the data of its chart."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.generic import View

from reports import days, split_board, tidy_links, words
from reports.breakdowns import MODE
from reports.views.dashboard import UnitMixin, breadcrumbs, height_of, kind_of
from reports.words import Basis


class SplitMixin(UnitMixin):
    def asked(self) -> tuple:
        """(unit, 口径, a sentence where it cannot be read, what to split by); raises Http404."""
        unit, (basis, problem) = self.unit(), self.basis()
        known = [code for code, _ in split_board.choices(unit)]
        if not known:
            raise Http404  # a grassroots organization has no businesses of its own place
        by = self.request.GET.get("by") or "industry"
        if by not in known:
            raise Http404
        return unit, basis, problem, by


class Split(SplitMixin, View):
    """Chosen by links that htmx follows in place; opened by itself, or without scripts, it is a whole page."""

    def get(self, request: HttpRequest, **kwargs) -> HttpResponse:
        unit, basis, problem, by = self.asked()
        name = dict(split_board.choices(unit))[by]
        released = days.released(request.user, unit, basis)
        context = {
            "problem": problem,
            "choices": [
                {"label": f"按{label}", "url": self._url(unit, basis, code, "split"), "current": code == by}
                for code, label in split_board.choices(unit)
            ],
            "chart": released and self._chart(unit, basis, by, name, released.own),
        }
        if request.headers.get("HX-Request"):
            return render(request, "reports/_split.html", context)
        crumbs = breadcrumbs(request.user, unit, basis)
        crumbs[-1]["url"] = words.unit_page(unit, basis)
        heading = f"{unit}：按{name}分布"
        page = {"heading": heading, "breadcrumbs": [*crumbs, {"label": "分布"}], "subtitle": f"口径：{basis.label}"}
        return render(request, "reports/split.html", context | page)

    def _url(self, unit, basis: Basis, by: str, name: str) -> str:
        query = basis.query(by=by)
        return reverse(f"reports:{name}", args=[kind_of(unit), unit.code]) + (query or f"?{urlencode({'by': by})}")

    def _chart(self, unit, basis: Basis, by: str, name: str, own) -> dict:
        number = len(split_board.board(self.request.user, own, by, basis)["rows"])
        return {
            "id": "chart-split",
            "kind": "rank",
            "label": f"按{name}分布 · {basis.label}",
            "size": f"rows-{height_of(max(number, 1))}",
            "url": self._url(unit, basis, by, "split_chart"),
            "note": "每户只计一次；各部分相加等于合计，没有填写的单列一行。",
            "downloads": [] if by == MODE else tidy_links.of_split(unit, basis, by),
        }


class SplitChart(SplitMixin, View):
    """The data of the chart as JSON, with its table."""

    def get(self, request: HttpRequest, **kwargs) -> JsonResponse:
        unit, basis, problem, by = self.asked()
        if problem:
            return JsonResponse({"empty": problem}, status=400)
        released = days.released(request.user, unit, basis)
        if released is None:
            return JsonResponse({"empty": "这个单位还没有统计数字。"})
        return JsonResponse(split_board.board(request.user, released.own, by, basis))
