"""For the system administrator: which long work failed and why. Titles, parameters and results are the owner's."""

from django.contrib import admin

from accounts.admin_lookups import ListedLookupsMixin
from jobs.models import Job


@admin.register(Job)
class JobAdmin(ListedLookupsMixin, admin.ModelAdmin):
    fields = readonly_fields = (
        "id", "kind", "state", "attempts", "done", "total", "lease_until", "created_at", "started_at", "finished_at",
        "error",
    )  # fmt: skip
    list_display = ("id", "kind", "state", "attempts", "created_at", "finished_at")
    list_filter = ("state",)
    ordering = ("-id",)
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def get_object(self, request, object_id, from_field=None):
        job = super().get_object(request, object_id, from_field)
        if job is not None:
            job.title = f"任务 {job.pk}"  # the page's heading; the real one may name a file of the owner's
        return job

    def has_module_permission(self, request) -> bool:
        return request.user.has_perm("jobs.view_job")

    def has_view_permission(self, request, obj=None) -> bool:
        return request.user.has_perm("jobs.view_job")

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False
