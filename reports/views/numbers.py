"""数据下载: any numbers of a unit as a long table, on the page and as a file."""

from itertools import islice

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.generic import View

from orgs.models import Organization
from orgs.scoped import DoorMixin
from reports import metrics, selectors, tidy, words
from reports.behind import PERMISSION
from reports.selectors import Unit
from reports.tidy_asked import EVERY, Unreadable, asked_of
from reports.tidy_files import FORMATS, answer
from reports.views.dashboard import breadcrumbs

SHOWN = 50
FIRST = ("organization_coverage_strict", "organization_coverage", "work_coverage", "operating", "due_not_built")


class NumbersPage(DoorMixin, View):
    """`/numbers/?organization=…&metric=…&below=1&from=…&to=…`; with `format` the answer is the file."""

    permission = PERMISSION

    def get(self, request: HttpRequest) -> HttpResponseBase:
        query = request.GET.copy()
        if not query.get("metric"):
            query["metric"] = ",".join(FIRST)
        format = query.get("format", "")
        try:
            asked = asked_of(query, request.user)
            if format in FORMATS:
                return answer(request, request.user, asked, format)
            if format:
                raise Unreadable(f"文件只有 {'、'.join(FORMATS.values())} 几种。")
            found = list(islice(tidy.lines(request.user, asked), SHOWN + 1))
        except (Unreadable, metrics.UnknownMetric, tidy.TooMuch) as problem:
            return self._refused(str(problem))
        return render(request, "reports/numbers.html", self._context(query, asked, found))

    def _refused(self, problem: str):
        own = asked_of(type(self.request.GET)(), self.request.user)
        context = self._form(self.request.GET, own.units[0]) | {"problem": problem}
        return render(self.request, "reports/numbers.html", context, status=400)

    def _context(self, query, asked: tidy.Asked, found: list[tidy.Line]) -> dict:
        unit = asked.units[0]
        query.pop("format", None)
        files = [{"label": label, "url": f"?{query.urlencode()}&format={code}"} for code, label in FORMATS.items()]
        table = {
            "caption": "统计数字",
            "columns": [
                {"label": label, "numeric": label in ("数值", "分子", "分母")}
                for label in ("单位", "指标", "口径", "截至", "数值", "分子", "分母")
            ],
            "rows": [{"cells": [{"text": text} for text in self._cells(line)]} for line in found[:SHOWN]],
        }
        several = f"等 {len(asked.units)} 个单位" if len(asked.units) > 1 else ""
        return self._form(query, unit) | {
            "subtitle": f"{unit}{several}{'，连同下级和直属/待分派' if asked.below else ''}",
            "files": files,
            "table": table,
            "more": len(found) > SHOWN,
            "shown": SHOWN,
        }

    @staticmethod
    def _cells(line: tidy.Line) -> list[str]:
        kind = line.metric.kind
        basis = words.Basis(line.denominator, line.range)
        in_basis = len(line.metric.denominators or ()) > 1 or len(line.metric.ranges) > 1

        def part(number: int | None) -> str:
            return words.figure(number, metrics.COUNT) if kind == metrics.RATE else ""

        return [
            f"{line.unit} · {selectors.UNASSIGNED_NAME}" if line.is_unassigned else str(line.unit),
            line.metric.name,
            basis.label if in_basis else "",
            f"{line.as_of:%Y-%m-%d}",
            words.figure(line.value, kind, hidden=line.hidden),
            part(line.numerator),
            part(line.denominator_value),
        ]

    def _form(self, query, unit: Unit) -> dict:
        chosen = {part for text in query.getlist("metric") for part in text.split(",")}
        return {
            "heading": "数据下载",
            "unit_parameter": "organization" if isinstance(unit, Organization) else "division",
            "units": self._units(unit),
            "below": query.get("below") == "1",
            "groups": [
                (title, [(m.code, m.name, m.code in chosen) for m in metrics.METRICS.values() if m.group == group])
                for group, title in metrics.GROUPS.items()
            ],
            "every": EVERY in chosen,
            "denominators": [
                (code, f"{metrics.D_NUMBERS[code]} {name}", query.get("denominator", words.OPENS_ON) == code)
                for code, name in metrics.DENOMINATORS.items()
            ],
            "ranges": [(code, name, query.get("range", "all") == code) for code, name in metrics.RANGES.items()],
            "since": query.get("from", ""),
            "until": query.get("to", ""),
            "as_of": query.get("as_of", ""),
        }

    def _units(self, unit: Unit) -> list[tuple[str, str, bool]]:
        """The unit, those above it that the person may open, and those right below."""
        user = self.request.user
        above = [crumb for crumb in breadcrumbs(user, unit, words.Basis()) if crumb["url"]]
        codes = [crumb["url"].partition("?")[0].rstrip("/").rpartition("/")[2] for crumb in above]
        found = [(code, crumb["label"], False) for code, crumb in zip(codes, above, strict=True)]
        below = [(child.code, f"　{words.short(child)}", False) for child in selectors.child_units(unit)]
        return [*found, (unit.code, str(unit), True), *below]
