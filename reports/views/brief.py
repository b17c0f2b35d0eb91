"""一页看懂: the leader's five minutes."""

from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.generic import View

from reports import brief, metrics, words
from reports.behind import PERMISSION
from reports.views.dashboard import UnitMixin, breadcrumbs


class BriefPage(UnitMixin, View):
    """Three good things and three bad ones of a unit, each with its day, places, person and next step."""

    def get(self, request: HttpRequest, **kwargs) -> HttpResponse:
        unit, problem, day = self.unit(), "", None
        try:
            day = words.day_of(request.GET.get("as_of", ""))
        except metrics.UnknownMetric as refusal:
            problem = f"{refusal}现在显示最新一天。"
        basis = replace(brief.BASIS, as_of=day)
        found = brief.brief(request.user, unit, day, PERMISSION)
        sides = [
            ("做得好的", found.good, "good", "这一天没有达到下面规则的好变化。"),
            ("要抓紧的", found.bad, "bad", "这一天没有达到下面规则的坏变化，也没有需要列出的缺口。"),
        ] if found else []  # fmt: skip
        context = {
            "heading": f"一页看懂：{unit}",
            "breadcrumbs": breadcrumbs(request.user, unit, basis),
            "unit": unit,
            "problem": problem,
            "found": found,
            "computed_at": timezone.localtime(found.own.computed_at) if found else None,
            "sides": [{"title": title, "points": points, "kind": kind, "empty": empty}
                      for title, points, kind, empty in sides],
            "rule": brief.RULE,
            "dashboard_url": words.unit_page(unit, basis),
        }  # fmt: skip
        return render(request, "reports/brief.html", context)
