"""对照: the units below one committee side by side, where it lets them read each other's numbers; and that decision."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.generic import View

from orgs.kinds import Level
from orgs.models import Organization
from orgs.scoped import DoorMixin, ScopedMixin
from reports import boards, siblings, words
from reports.comparison_forms import ChoiceForm
from reports.comparison_services import ComparisonRefused, comparison_choose
from reports.models import ComparisonChoice
from reports.views.dashboard import UnitMixin, breadcrumbs


class Siblings(UnitMixin, View):
    def get(self, request: HttpRequest, **kwargs) -> HttpResponse:
        unit, (basis, problem) = self.unit(), self.basis()
        choice = siblings.open_choice(unit)
        if choice is None:
            raise Http404
        title = siblings.title(unit)
        context = {
            "heading": title,
            "breadcrumbs": [*breadcrumbs(request.user, unit, basis), {"label": title, "url": None}],
            "unit": unit,
            "problem": problem,
            "basis": basis,
            "choice": choice,
            "among": boards.level_below(unit.parent),
            "found": siblings.side_by_side(unit, basis),
            "dashboard_url": words.unit_page(unit, basis),
        }
        return render(request, "reports/siblings.html", context)


class Choices(DoorMixin, View):
    """Each committee for which one decides: what holds, who decided it, when and why."""

    permission = siblings.DECIDE

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = [
            {"url": reverse("reports:comparison_choose", args=[unit.code]), "cells": self._cells(unit, choice)}
            for unit, choice in siblings.choices(request.user)
        ]
        context = {
            "heading": "下级对照",
            "subtitle": "打开后，同一级的单位互相看得到汇总数；没有名单，涉及人数的小数不显示，不排名",
            "table": {
                "caption": "下级对照",
                "columns": [{"label": label} for label in ("单位", "谁和谁对照", "现在", "决定", "理由")],
                "rows": rows,
            },
            "total_text": f"共 {len(rows)} 个单位",
            "empty_reason": "下级对照由市级和区级党组织的领导决定，您的岗位在其他单位。",
        }
        return render(request, "generic/list.html", context)

    @staticmethod
    def _cells(unit: Organization, choice: ComparisonChoice | None) -> list[dict]:
        is_open = choice is not None and choice.is_open
        return [
            {"text": str(unit)},
            {"text": boards.level_below(unit)},
            {"text": "打开" if is_open else "关闭", "badge": "ok" if is_open else "plain"},
            {"text": decided(choice) if choice else "没有决定过"},
            {"text": choice.reason if choice else "—"},
        ]


def decided(choice: ComparisonChoice) -> str:
    return f"{choice.decided_by} {timezone.localtime(choice.decided_at):%Y-%m-%d %H:%M}"


class Choose(ScopedMixin, View):
    model = Organization
    permission = siblings.DECIDE

    def unit(self) -> Organization:
        levels = (Level.CITY, Level.DISTRICT)
        rows = self.get_queryset().filter(level__in=levels, closed_on=None)
        return get_object_or_404(rows, code=self.kwargs["code"])

    def get(self, request: HttpRequest, code: str) -> HttpResponse:
        unit = self.unit()
        choice = siblings.choice_of(unit)
        return self._page(unit, ChoiceForm(initial={"is_open": "0" if choice and choice.is_open else "1"}))

    def post(self, request: HttpRequest, code: str) -> HttpResponse:
        unit, form = self.unit(), ChoiceForm(request.POST)
        if form.is_valid():
            try:
                choice = comparison_choose(unit=unit, by=request.user, **form.cleaned_data)
            except ComparisonRefused as refusal:
                form.add_error("is_open", str(refusal))
            else:
                below = boards.level_below(unit)
                done = f"已打开：{below}互相看得到汇总数。" if choice.is_open else f"已关闭：{below}互相看不到了。"
                messages.success(request, done)
                return redirect("reports:comparison_choices")
        return self._page(unit, form, 422)

    def _page(self, unit: Organization, form: ChoiceForm, status: int = 200) -> HttpResponse:
        back = reverse("reports:comparison_choices")
        choice = siblings.choice_of(unit)
        now = (
            f"现在{'打开' if choice.is_open else '关闭'}（{decided(choice)}）。"
            if choice
            else "现在关闭，还没有决定过。"
        )
        context = {
            "heading": f"{unit}：{boards.level_below(unit)}对照", "form": form, "submit_label": "确定", "cancel_url": back,
            "breadcrumbs": [{"label": "下级对照", "url": back}, {"label": words.short(unit)}],
            "intro": f"{now}打开后，{boards.level_below(unit)}的人员可看到彼此“下级单位一览”里的汇总数：没有名单，"
            "涉及人数的小数一律不显示，不排名。按区划看的同级单位也一样。",
        }  # fmt: skip
        return render(self.request, "generic/form.html", context, status=status)
