"""Composing a sheet, releasing it and withdrawing it."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.generic import View

from orgs.scoped import ScopedMixin
from reports import evaluation_services as services
from reports.evaluation_forms import EvaluationForm, line_set, own_units, summary_of
from reports.goal_forms import ReasonForm, told
from reports.models import Evaluation
from reports.views.evaluations import EvaluationMixin, crumbs, page_context


class _Compose(View):
    """The form of a sheet, new or a draft."""

    def page(self, form: EvaluationForm, lines, status: int = 200, problems=()) -> HttpResponse:
        back = reverse("reports:evaluation", args=[form.instance.pk]) if form.instance.pk else ""
        context = {
            "heading": "修改评价" if back else "新建评价",
            "form": form,
            "lines": lines,
            "problems": [*problems, *(summary_of(lines) if lines.is_bound else [])],
            "cancel_url": back or reverse("reports:evaluations"),
            "breadcrumbs": crumbs({"label": "修改" if back else "新建"}),
        }
        return render(self.request, "reports/evaluation_form.html", context, status=status)

    def save(self, form: EvaluationForm, lines) -> HttpResponse:
        if not (form.is_valid() & lines.is_valid()):
            return self.page(form, lines, 422)
        try:
            evaluation = services.evaluation_save(
                evaluation=form.save(commit=False), lines=lines.lines(), by=self.request.user
            )
        except ValidationError as problem:
            if hasattr(problem, "error_dict"):
                told(form, problem)
                return self.page(form, lines, 422)
            return self.page(form, lines, 422, problem.messages)
        except services.EvaluationRefused as problem:
            return self.page(form, lines, 422, [str(problem)])
        messages.success(self.request, "草稿已保存。核对每个单位的得分，再请领导发布。")
        return redirect("reports:evaluation", evaluation.pk)


class EvaluationNew(ScopedMixin, _Compose):
    model = Evaluation
    permission = "reports.add_evaluation"

    def dispatch(self, request, *args, **kwargs):
        if request.user.has_perm(self.permission) and not own_units(request.user).exists():
            raise PermissionDenied("工作评价由市级或区级党委组织，您的岗位不能新建。")
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(EvaluationForm(user=request.user), line_set())

    def post(self, request: HttpRequest) -> HttpResponse:
        return self.save(EvaluationForm(request.POST, user=request.user), line_set(request.POST))


class _OwnUnit(EvaluationMixin):
    """Acts at the unit that composes: who is above, or compared, may read a sheet and not act on it."""

    def get_queryset(self):
        return super().get_queryset().composed_by(self.request.user, self.permission)


class EvaluationEdit(_OwnUnit, _Compose):
    permission = services.CHANGE

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        evaluation = self.draft()
        return self.page(EvaluationForm(user=request.user, instance=evaluation), line_set(evaluation=evaluation))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        evaluation = self.draft()
        form = EvaluationForm(request.POST, user=request.user, instance=evaluation)
        return self.save(form, line_set(request.POST, evaluation))

    def draft(self) -> Evaluation:
        evaluation = self.evaluation()
        if hasattr(evaluation, "release"):
            raise PermissionDenied("这份评价已经发布，不能再改。要更正，请撤回并另拟一份。")
        return evaluation


class EvaluationReleaseAct(_OwnUnit, View):
    """Asks once more, with the sheet's digest: what was looked at is what is released."""

    permission = services.RELEASE

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        evaluation = self.evaluation()
        try:
            services.evaluation_release(evaluation=evaluation, by=request.user, seen=request.POST.get("seen", ""))
        except (ValidationError, services.EvaluationRefused) as problem:
            said = problem.messages[0] if isinstance(problem, ValidationError) else str(problem)
            context = page_context(request, self.evaluation(), refused=said)
            return render(request, "reports/evaluation.html", context, status=422)
        messages.success(request, "已发布，参评单位现在可以看到。")
        return redirect("reports:evaluation", pk)


class EvaluationWithdraw(_OwnUnit, View):
    permission = services.RELEASE

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._page(self.evaluation(), ReasonForm())

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        evaluation, form = self.evaluation(), ReasonForm(request.POST)
        if form.is_valid():
            try:
                services.evaluation_withdraw(evaluation=evaluation, by=request.user, reason=form.cleaned_data["reason"])
            except services.EvaluationRefused as problem:
                told(form, problem)
            else:
                messages.success(request, "已撤回。评价表仍可查看，标明已撤回和原因。")
                return redirect("reports:evaluation", pk)
        return self._page(evaluation, form, 422)

    def _page(self, evaluation: Evaluation, form: ReasonForm, status: int = 200) -> HttpResponse:
        context = {
            "heading": "撤回评价", "form": form, "object_label": evaluation.title, "confirm_label": "撤回", "danger": True,
            "question": "撤回后评价表仍留在系统里，标明已撤回和原因，参评单位看得到。撤回不能取消。",
            "cancel_url": reverse("reports:evaluation", args=[evaluation.pk]),
            "breadcrumbs": crumbs({"label": evaluation.title}),
        }  # fmt: skip
        return render(self.request, "generic/confirm.html", context, status=status)
