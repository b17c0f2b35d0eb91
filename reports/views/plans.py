"""行动计划: setting one up, its page with all goals in it, and ending it."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.generic import View

from orgs.scoped import ScopedMixin
from reports import goal_progress, goal_services, goal_words
from reports.goal_forms import GoalForm, PlanForm, ReasonForm, told
from reports.models import Goal, Plan
from reports.views.goals import FETCHED, crumbs


class PlanMixin(ScopedMixin):
    model = Plan
    permission = "reports.view_plan"
    kwargs: dict[str, Any]

    def plan(self) -> Plan:
        return get_object_or_404(self.get_queryset().select_related("organization"), pk=self.kwargs["pk"])


class PlanPage(PlanMixin, View):
    """One plan with its goals, in the order of the tree."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        plan = self.plan()
        goals = Goal.objects.filter(plan=plan, closed_on__isnull=True).order_by("organization__path", "metric")
        lines = goal_progress.progress_many(list(goals.select_related(*FETCHED).prefetch_related("milestones")))
        counts = [(word, sum(line.light == light for line in lines), light) for light, word in goal_words.LIGHTS]
        may_change = goal_services.may_change(request.user, plan)
        context = {
            "heading": plan.title,
            "plan": plan,
            "subtitle": f"{plan.organization} · {plan.starts_on:%Y-%m-%d} 至 {plan.ends_on:%Y-%m-%d}"
            + (f" · {plan.document}" if plan.document else ""),
            "breadcrumbs": crumbs({"label": plan.title}),
            "lights": [
                {"text": f"{word} {count}", "kind": goal_progress.BADGES[light]}
                for word, count, light in counts
                if count
            ],
            "table": goal_words.table_of(lines, plan.title),
            "total_text": f"共 {len(lines):,} 个目标",
            "may_change": may_change,
            "empty_reason": "这个计划还没有目标。",
            "empty_url": reverse("reports:goal_new", args=[plan.pk]) if may_change else "",
            "empty_label": "定第一个目标",
        }
        return render(request, "reports/plan.html", context)


class PlanNew(ScopedMixin, View):
    model = Plan
    permission = "reports.add_plan"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(PlanForm(user=request.user))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = PlanForm(request.POST, user=request.user)
        if form.is_valid():
            try:
                plan = goal_services.plan_save(plan=form.save(commit=False), by=request.user)
            except ValidationError as problem:
                told(form, problem)
            else:
                messages.success(request, "行动计划已建立，接着定目标。")
                return redirect("reports:plan", plan.pk)
        return self._page(form, 422)

    def _page(self, form: PlanForm, status: int = 200) -> HttpResponse:
        context = {
            "heading": "新建行动计划", "form": form, "cancel_url": reverse("reports:goals"),
            "breadcrumbs": crumbs({"label": "新建行动计划"}),
            "intro": "计划由一个单位制定，里面的目标可以定给本单位和下级；只有制定单位能修改。",
        }  # fmt: skip
        return render(self.request, "generic/form.html", context, status=status)


class PlanEdit(PlanMixin, View):
    permission = "reports.change_plan"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        plan = self.plan()
        return self._page(plan, PlanForm(user=request.user, instance=plan))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        plan = self.plan()
        form = PlanForm(request.POST, user=request.user, instance=plan)
        if form.is_valid():
            try:
                goal_services.plan_save(plan=form.save(commit=False), by=request.user)
            except (ValidationError, goal_services.GoalRefused) as problem:
                told(form, problem)
            else:
                messages.success(request, "行动计划已保存。")
                return redirect("reports:plan", plan.pk)
        return self._page(plan, form, 422)

    def _page(self, plan: Plan, form: PlanForm, status: int = 200) -> HttpResponse:
        back = reverse("reports:plan", args=[plan.pk])
        context = {
            "heading": "修改行动计划", "form": form, "cancel_url": back,
            "breadcrumbs": crumbs({"label": "行动计划", "url": back}, {"label": "修改"}),
        }  # fmt: skip
        return render(self.request, "generic/form.html", context, status=status)


class PlanClose(PlanMixin, View):
    permission = "reports.change_plan"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._page(self.plan(), ReasonForm())

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        plan, form = self.plan(), ReasonForm(request.POST)
        if form.is_valid():
            try:
                goal_services.plan_close(plan=plan, by=request.user, reason=form.cleaned_data["reason"])
            except goal_services.GoalRefused as problem:
                told(form, problem)
            else:
                messages.success(request, "行动计划已结束，仍可查看。")
                return redirect("reports:plan", plan.pk)
        return self._page(plan, form, 422)

    def _page(self, plan: Plan, form: ReasonForm, status: int = 200) -> HttpResponse:
        count = plan.goals.filter(closed_on__isnull=True).count()
        context = {
            "heading": "结束行动计划", "form": form, "object_label": plan.title, "confirm_label": "结束这个计划",
            "question": "结束后计划和目标不能再改，仍可查看。",
            "consequences": [f"其中 {count} 个进行中的目标一并结束，看板上的标记取消"],
            "cancel_url": reverse("reports:plan", args=[plan.pk]), "breadcrumbs": crumbs({"label": "结束行动计划"}),
        }  # fmt: skip
        return render(self.request, "generic/confirm.html", context, status=status)


class GoalNew(PlanMixin, View):
    """A goal for a unit of the plan."""

    permission = "reports.add_goal"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        plan = self.plan()
        return self._page(plan, GoalForm(goal=Goal(plan=plan)))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        plan = self.plan()
        form = GoalForm(request.POST, goal=Goal(plan=plan))
        if form.is_valid():
            try:
                goal = goal_services.goal_save(
                    goal=form.fill(), milestones=form.cleaned_data["milestones"], by=request.user
                )
            except (ValidationError, goal_services.GoalRefused) as problem:
                told(form, problem)
            else:
                messages.success(request, "目标已定下。要给下级也定，点「分解到下级」。")
                return redirect("reports:goal", goal.pk)
        return self._page(plan, form, 422)

    def _page(self, plan: Plan, form: GoalForm, status: int = 200) -> HttpResponse:
        back = reverse("reports:plan", args=[plan.pk])
        context = {
            "heading": "定目标", "form": form, "cancel_url": back,
            "breadcrumbs": crumbs({"label": plan.title, "url": back}, {"label": "定目标"}),
            "intro": "只能选可以评价单位的指标；报到、签到、党员数和占比、有党员口径都不在内。",
        }  # fmt: skip
        return render(self.request, "generic/form.html", context, status=status)
