"""What was closed, set and told. Goals and evaluations are changed on their own pages; published figures here."""

from django import forms
from django.contrib import admin

from accounts.admin_door import DoorAdmin
from accounts.own_words import KeptWordsMixin
from orgs.scoped import ScopedAdmin
from reports import figures, judging
from reports.models import Evaluation, Goal, MonthClosing, Plan, ReportedFigure


@admin.register(MonthClosing)
class MonthClosingAdmin(DoorAdmin):
    # The numbers are of every unit of the city, small cells included: not shown here.
    list_display = ["month", "revision", "as_of", "closed_at", "closed_by", "reason"]
    fields = ["month", "revision", "reason", "as_of", "digest", "closed_at", "closed_by"]


@admin.register(ReportedFigure)
class ReportedFigureAdmin(KeptWordsMixin, DoorAdmin):
    """Kept by the city's registrars through the one service; everybody else who may see it reads."""

    kept_words = ("place", "name", "source")

    fields = ["place", "name", "value", "unit", "is_approximate", "as_of", "source", "metric"]
    list_display = ["place", "name", "value", "is_approximate", "as_of", "source"]
    list_filter = ["place"]
    search_fields = ["place", "name", "source"]

    def has_add_permission(self, request) -> bool:
        return figures.may_keep(request.user, "add")

    def has_change_permission(self, request, obj=None) -> bool:
        return figures.may_keep(request.user)

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        if db_field.name == "metric":
            choices = [("", "没有，或不能并列"), *((code, name) for name, code in figures.CODES.items())]
            return forms.ChoiceField(
                label="对应的系统指标", choices=choices, required=False,
                help_text="含义相同才选：选了以后，公布数据页会把它与本系统的数并列。",
            )  # fmt: skip
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_model(self, request, obj, form, change) -> None:
        figures.figure_save(figure=obj, by=request.user)


class ReadScopedAdmin(ScopedAdmin):
    """Written through the services of its own pages; here it can be read."""

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False


@admin.register(Plan)
class PlanAdmin(ReadScopedAdmin):
    fields = [
        "organization", "title", "document", "starts_on", "ends_on", "created_by", "created_at", "closed_on",
        "close_reason",
    ]  # fmt: skip
    list_display = ["title", "organization", "starts_on", "ends_on", "closed_on"]
    list_select_related = ["organization"]
    search_fields = ["title"]


@admin.register(Goal)
class GoalAdmin(ReadScopedAdmin):
    fields = [
        "plan", "organization", "metric", "base_on", "base_value", "base_is_typed", "due_on", "target", "closed_on",
        "close_reason",
    ]  # fmt: skip
    list_display = ["organization", "metric_name", "base_value", "target", "due_on", "closed_on"]
    list_select_related = ["organization"]

    @admin.display(description="指标")
    def metric_name(self, goal: Goal) -> str:
        return judging.label(goal.metric)


@admin.register(Evaluation)
class EvaluationAdmin(ReadScopedAdmin):
    fields = ["organization", "title", "as_of", "month", "note", "composed_by", "composed_at"]
    list_display = ["title", "organization", "as_of", "month", "composed_at"]
    list_select_related = ["organization"]
    search_fields = ["title"]
