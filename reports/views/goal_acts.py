"""Changing goals: setting one, editing, ending, and breaking one down to the units below."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.generic import View

from reports import goal_services, goal_words, judging
from reports.goal_forms import DistributeForm, GoalForm, ReasonForm, told
from reports.models import Goal
from reports.views.goals import GoalMixin, crumbs


class GoalActMixin(GoalMixin):
    """What changes a goal: for whoever holds the right where the plan was set, while the goal runs."""

    permission = "reports.change_goal"

    def goal(self) -> Goal:
        goal = super().goal()
        goal_services.must_hold(self.request.user, self.permission, goal.plan)
        return goal


class GoalEdit(GoalActMixin, View):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        goal = self.goal()
        return self._page(goal, GoalForm(goal=goal))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        goal = self.goal()
        form = GoalForm(request.POST, goal=goal)
        if form.is_valid():
            try:
                goal_services.goal_save(goal=form.fill(), milestones=form.cleaned_data["milestones"], by=request.user)
            except (ValidationError, goal_services.GoalRefused) as problem:
                told(form, problem)
            else:
                messages.success(request, "目标已保存。")
                return redirect("reports:goal", goal.pk)
        return self._page(goal, form, 422)

    def _page(self, goal: Goal, form: GoalForm, status: int = 200) -> HttpResponse:
        label = judging.label(goal.metric)
        context = {
            "heading": f"修改目标：{label}", "form": form, "cancel_url": reverse("reports:goal", args=[goal.pk]),
            "breadcrumbs": crumbs({"label": label, "url": reverse("reports:goal", args=[goal.pk])}, {"label": "修改"}),
            "intro": f"{goal.organization}。单位和指标不能改；要换，请结束这个目标另定一个。",
        }  # fmt: skip
        return render(self.request, "generic/form.html", context, status=status)


class GoalClose(GoalActMixin, View):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._page(self.goal(), ReasonForm())

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        goal, form = self.goal(), ReasonForm(request.POST)
        if form.is_valid():
            try:
                goal_services.goal_close(goal=goal, by=request.user, reason=form.cleaned_data["reason"])
            except goal_services.GoalRefused as problem:
                told(form, problem)
            else:
                messages.success(request, "目标已结束，仍可查看。")
                return redirect("reports:goals")
        return self._page(goal, form, 422)

    def _page(self, goal: Goal, form: ReasonForm, status: int = 200) -> HttpResponse:
        context = {
            "heading": "结束目标", "form": form, "object_label": str(goal), "confirm_label": "结束这个目标",
            "question": "结束后不再计算红黄绿，看板上的标记一并取消，目标本身仍可查看。",
            "cancel_url": reverse("reports:goal", args=[goal.pk]), "breadcrumbs": crumbs({"label": "结束目标"}),
        }  # fmt: skip
        return render(self.request, "generic/confirm.html", context, status=status)


class GoalDistribute(GoalActMixin, View):
    """Break a goal down to the units right below: fill in, see what will happen, confirm."""

    permission = "reports.add_goal"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        goal = self.goal()
        units = goal_services.units_below(goal)
        present = {part.unit.pk: part.present for part in goal_services.parts_of(goal, {}) if part.present}
        initial = {f"unit_{pk}": goal_words.typed(goal.metric, row.target) for pk, row in present.items()}
        initial |= {} if present else {"same": goal_words.typed(goal.metric, goal.target)}
        return self._page(goal, DistributeForm(goal=goal, units=units, initial=initial))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        goal = self.goal()
        form = DistributeForm(request.POST, goal=goal, units=goal_services.units_below(goal))
        if not form.is_valid():
            return self._page(goal, form, status=422)
        parts = goal_services.parts_of(goal, form.targets)
        if "confirm" not in request.POST or any(part.problem for part in parts):
            return self._page(goal, form, parts)
        try:
            done = goal_services.goal_distribute(goal=goal, targets=form.targets, by=request.user)
        except (ValidationError, goal_services.GoalRefused) as problem:
            told(form, problem)
            return self._page(goal, form, parts, 422)
        messages.success(request, f"已给 {len(done)} 个下级单位定下目标。")
        return redirect("reports:goal", goal.pk)

    def _page(self, goal: Goal, form: DistributeForm, parts=None, status: int = 200) -> HttpResponse:
        acts = {"create": "新定目标", "change": "改目标", "skip": "不变", "problem": "不能定"}
        key = goal.metric
        preview = [
            {
                "unit": part.unit, "act": acts[part.act], "problem": part.problem,
                "kind": {"create": "ok", "change": "warn", "problem": "bad"}.get(part.act, "plain"),
                "base": goal_words.figure(key, part.base[1] if part.base else None),
                "was": goal_words.figure(key, part.present.target if part.present else None),
                "target": goal_words.exact(key, part.target) if part.target is not None else "—",
            }
            for part in parts or ()
        ]  # fmt: skip
        label = judging.label(key)
        bases = {part.unit.pk: part.base for part in goal_services.parts_of(goal, {})}
        rows = [
            {"field": form[f"unit_{unit.pk}"],
             "base": goal_words.figure(key, bases[unit.pk][1] if bases.get(unit.pk) else None)}  # type: ignore[index]
            for unit in form.units
        ]  # fmt: skip
        context = {
            "heading": f"分解到下级：{label}", "goal": goal, "form": form, "rows": rows, "preview_rows": preview,
            "sent": [(name, form[name].value() or "") for name in form.fields] if preview else [],
            "may_confirm": any(part.act in ("create", "change") for part in parts or ())
            and not any(part.problem for part in parts or ()),
            "target": goal_words.exact(key, goal.target), "base": goal_words.figure(key, goal.base_value),
            "cancel_url": reverse("reports:goal", args=[goal.pk]),
            "breadcrumbs": crumbs(
                {"label": label, "url": reverse("reports:goal", args=[goal.pk])}, {"label": "分解到下级"}
            ),
        }  # fmt: skip
        return render(self.request, "reports/goal_distribute.html", context, status=status)
