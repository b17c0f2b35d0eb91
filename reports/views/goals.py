"""Goals: the list of the own unit and the units below, one goal against its line, and what is done with it."""

from decimal import Decimal
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.generic import View

from orgs.kinds import Level
from orgs.models import Organization
from orgs.scoped import ScopedMixin
from reports import goal_history, goal_progress, goal_services, goal_words, judging, metrics, words
from reports.models import Goal, Plan
from reports.words import Basis

FETCHED = ("plan__organization", "organization__parent", "organization__district")
SHOWN = 100


def crumbs(*more: dict) -> list[dict]:
    return [{"label": "目标进度", "url": reverse("reports:goals")}, *more]


class GoalFilter(forms.Form):
    plan = forms.ModelChoiceField(label="行动计划", queryset=Plan.objects.none(), required=False, empty_label="全部")
    unit = forms.ModelChoiceField(
        label="单位及下级", queryset=Organization.objects.none(), required=False, empty_label="全部"
    )
    metric = forms.ChoiceField(label="指标", required=False)
    light = forms.ChoiceField(label="进度", choices=[("", "全部"), *goal_words.LIGHTS], required=False)
    ended = forms.BooleanField(label="只看已结束的", required=False)

    def __init__(self, *args, user, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        goals = Goal.objects.visible_to(user)
        plans, units, metric = self.fields["plan"], self.fields["unit"], self.fields["metric"]
        assert isinstance(plans, forms.ModelChoiceField) and isinstance(units, forms.ModelChoiceField)
        assert isinstance(metric, forms.ChoiceField)
        plans.queryset = Plan.objects.filter(pk__in=goals.values("plan"))
        visible = Organization.objects.visible_to(user, "reports.view_goal")
        units.queryset = visible.filter(level__lt=Level.GRASSROOTS).order_by("path")
        keys = goals.order_by("metric").values_list("metric", flat=True).distinct()
        metric.choices = [("", "全部"), *((key, judging.label(key)) for key in keys)]


class GoalList(ScopedMixin, View):
    """目标进度: every running goal of the own unit and the units below, those most behind first."""

    model = Goal
    permission = "reports.view_goal"

    def get(self, request: HttpRequest) -> HttpResponse:
        form = GoalFilter(request.GET, user=request.user)
        asked = form.cleaned_data if form.is_valid() else {}
        lines = goal_words.worst_first(goal_progress.progress_many(list(self._goals(asked))))
        counts = {light: sum(line.light == light for line in lines) for light, _ in goal_words.LIGHTS}
        if asked.get("light"):
            lines = [line for line in lines if line.light == asked["light"]]
        start = self._start(len(lines))
        first, settled = self._parted(lines[start : start + SHOWN], asked.get("light"))
        as_of = max((line.as_of for line in lines if line.as_of), default=None)
        context = {
            "heading": "目标进度",
            "subtitle": f"数据截至 {as_of:%Y-%m-%d}" if as_of else "",
            "breadcrumbs": [{"label": "目标进度"}],
            "filter": {"form": form},
            "lights": [
                {
                    "url": self._address(light=light),
                    "text": f"{word} {counts[light]}",
                    "kind": goal_progress.BADGES[light],
                }
                for light, word in goal_words.LIGHTS
                if counts[light]
            ],
            "table": goal_words.table_of(first, "目标进度"),
            "settled": goal_words.table_of(settled, "按进度或已达成的目标"),
            "total_text": f"共 {len(lines):,} 个目标",
            "page": self._pages(start, len(lines)),
            "empty_reason": "没有符合条件的目标。目标在行动计划里制定：先建计划，再逐个指标定目标，可以一次分解到下级。",
            "plans": Plan.objects.visible_to(request.user)[:20],
            "may_add": request.user.has_perm("reports.add_plan"),
        }
        return render(request, "reports/goals.html", context)

    def _goals(self, asked: dict):
        rows = self.get_queryset().select_related(*FETCHED).prefetch_related("milestones")
        running = {"closed_on__isnull": True, "plan__closed_on__isnull": True}
        rows = rows.exclude(**running) if asked.get("ended") else rows.filter(**running)
        if asked.get("plan"):
            rows = rows.filter(plan=asked["plan"])
        if asked.get("unit"):
            rows = rows.filter(organization__in=Organization.objects.within(asked["unit"]))
        return rows.filter(metric=asked["metric"]) if asked.get("metric") else rows

    def _parted(self, lines: list, light: str | None) -> tuple[list, list]:
        """What somebody has to look at, and what runs by itself: folded, unless there is nothing else or it was asked for."""
        ahead = [line for line in lines if line.light == goal_progress.GREEN]
        if light or len(ahead) == len(lines):
            return lines, []
        return [line for line in lines if line.light != goal_progress.GREEN], ahead

    def _start(self, total: int) -> int:
        text = self.request.GET.get("start", "")
        start = int(text) if text.isdecimal() and len(text) < 6 else 0
        return start - start % SHOWN if start < total else 0

    def _address(self, **more) -> str:
        query = {name: value for name, value in self.request.GET.items() if value and name != "start"}
        return f"?{urlencode(query | {k: v for k, v in more.items() if v})}"

    def _pages(self, start: int, total: int) -> dict:
        return {
            "next_url": self._address(start=start + SHOWN) if start + SHOWN < total else "",
            "previous_url": self._address(start=start - SHOWN) if start else "",
            "first_url": self._address() if start else "",
        }


class GoalMixin(ScopedMixin):
    """Finds the goal that the address names; outside the person's scope it answers like a missing one."""

    model = Goal
    permission = "reports.view_goal"
    kwargs: dict[str, Any]

    def goal(self) -> Goal:
        rows = self.get_queryset().select_related(*FETCHED).prefetch_related("milestones")
        return get_object_or_404(rows, pk=self.kwargs["pk"])


class GoalPage(GoalMixin, View):
    """One goal: what was counted against the straight line, when it will be reached, and the goals of the units below."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        goal = self.goal()
        line = goal_progress.progress_many([goal])[0]
        below = self.get_queryset().filter(
            plan=goal.plan, metric=goal.metric, closed_on__isnull=True, organization__parent=goal.organization
        )
        lines = goal_progress.progress_many(
            list(below.select_related(*FETCHED).prefetch_related("milestones").order_by("organization__path"))
        )
        label = judging.label(goal.metric)
        plan = Plan.objects.visible_to(request.user).filter(pk=goal.plan_id).first()
        context = {
            "heading": label,
            "breadcrumbs": crumbs({"label": f"{words.short(goal.organization)} · {label}"}),
            "goal": goal,
            "plan": plan,
            "line": line,
            "facts": self._facts(goal, line),
            "numbers": self._numbers(goal, line),
            "milestones": self._milestones(goal),
            "changes": goal_history.changes_of(goal),
            "below": goal_words.table_of(lines, "下级的目标") if lines else None,
            "chart": {
                "id": "chart-goal", "kind": "goal", "size": "trend", "label": f"{label}：实际与直线",
                "url": reverse("reports:goal_chart", args=[goal.pk]),
                "note": "直线从基数到目标；有阶段目标时经过各阶段目标。没有统计的日子不画点。",
            },
            "may_change": goal.is_open and goal_services.may_change(request.user, goal.plan),
            "may_distribute": not goal_services.is_over(goal) and bool(goal_services.units_below(goal)),
        }  # fmt: skip
        return render(request, "reports/goal.html", context)

    def _numbers(self, goal: Goal, line: goal_progress.Progress) -> list[tuple[str, str, str]]:
        key, share = goal.metric, line.done_share
        rows_url = None
        if line.actual is not None:
            code, denominator, range = metrics.parse_key(key)
            rows_url = words.rows_page(goal.organization, code, Basis(denominator, range, line.as_of))
        return [
            ("实际", goal_words.figure(key, line.actual), rows_url or ""),
            ("按直线应达", goal_words.figure(key, line.expected), ""),
            ("差距", goal_words.gap(key, line.actual, line.expected), ""),
            ("已走完", f"{max(share, Decimal(0)) * 100:.0f}%" if share is not None else "—", ""),
            ("预计达成", goal_words.forecast(line), ""),
        ]

    def _facts(self, goal: Goal, line: goal_progress.Progress) -> list[tuple[str, str]]:
        base = goal_words.figure(goal.metric, goal.base_value)
        source = "手工填写" if goal.base_is_typed else "系统统计"
        metric, plan = judging.metric_of(goal.metric), goal.plan
        facts = [
            ("单位", str(goal.organization)),
            ("行动计划", f"{plan.title}（{plan.organization}，{plan.starts_on:%Y-%m-%d} 至 {plan.ends_on:%Y-%m-%d}）"),
            ("指标", f"{judging.label(goal.metric)}，{'越低越好' if judging.sign(goal.metric) < 0 else '越高越好'}"),
            ("含义", metric.definition if metric else "这个指标已停用"),
            ("基数", f"{base}（{goal.base_on:%Y-%m-%d}，{source}）"),
            ("目标", f"{goal_words.exact(goal.metric, goal.target)}（{goal.due_on:%Y-%m-%d} 前）"),
        ]  # fmt: skip
        if line.pace_note:
            facts.append(("预计的依据", line.pace_note))
        if line.expected is not None and line.as_of and line.as_of <= goal.due_on and not goal_progress.is_kept(goal):
            facts.append(("红黄绿", goal_words.limits()))
        if closed := goal.closed_on or goal.plan.closed_on:
            facts.append(("已结束", f"{closed:%Y-%m-%d}：{goal.close_reason or goal.plan.close_reason}"))
        return facts

    def _milestones(self, goal: Goal) -> list[dict]:
        today, found = timezone.localdate(), []
        for one in goal.milestones.all():
            at = goal_progress.value_on(goal.organization, goal.metric, one.due_on) if one.due_on <= today else None
            met = at is not None and (at[1] - one.value) * judging.sign(goal.metric) >= 0
            state = ("ok", "达到") if met else ("bad", "未达到") if at else ("plain", "未到期")
            found.append({
                "day": one.due_on, "value": goal_words.exact(goal.metric, one.value), "kind": state[0],
                "word": state[1], "actual": goal_words.figure(goal.metric, at[1] if at else None),
            })  # fmt: skip
        return found


class GoalChart(GoalMixin, View):
    def get(self, request: HttpRequest, pk: int) -> JsonResponse:
        return JsonResponse(goal_words.chart_of(self.goal(), timezone.localdate()))
