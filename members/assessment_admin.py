"""The register of impact assessments in the admin: the city's registrars keep it; a finished one only shows."""

from django.contrib import admin
from django.utils import timezone

from members.forms.assessments import AssessmentForm
from members.models import ImpactAssessment
from orgs.doors import holds_the_city
from orgs.scoped import ScopedAdmin


@admin.register(ImpactAssessment)
class ImpactAssessmentAdmin(ScopedAdmin):
    form = AssessmentForm
    list_display = ["title", "reason", "keeper", "assessed_on", "review_on", "standing"]
    list_filter = ["reason", ("finished_at", admin.EmptyFieldListFilter)]
    search_fields = ["title"]

    @admin.display(description="状态")
    def standing(self, row: ImpactAssessment) -> str:
        if row.review_on < timezone.localdate():
            return "⚠ 该复核了"
        return "已定稿" if row.finished_at else "起草中"

    def has_add_permission(self, request) -> bool:
        return super().has_add_permission(request) and holds_the_city(request.user, "members.add_impactassessment")

    def has_change_permission(self, request, obj=None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.finished_at is None)

    def get_fields(self, request, obj=None):
        own = [name for name in AssessmentForm.Meta.fields if name != "finish"]
        return [*own, "finished_at"] if obj is not None and obj.finished_at else [*own, "finish"]

    def get_readonly_fields(self, request, obj=None):
        return self.get_fields(request, obj) if obj is not None and obj.finished_at else ()

    def save_model(self, request, obj, form, change) -> None:
        obj.finished_at = timezone.now() if form.cleaned_data.get("finish") else None
        super().save_model(request, obj, form, change)

    def audit_units(self, obj):
        return []
