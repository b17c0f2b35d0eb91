"""For the system administrator: which long work failed and why. Titles, parameters and results are the owner's."""

from django.contrib import admin

from accounts.admin_door import DoorAdmin
from jobs.models import Job


@admin.register(Job)
class JobAdmin(DoorAdmin):
    fields = readonly_fields = (
        "id", "kind", "state", "attempts", "done", "total", "lease_until", "created_at", "started_at", "finished_at",
        "error",
    )  # fmt: skip
    list_display = ("id", "kind", "state", "attempts", "created_at", "finished_at")
    list_filter = ("state",)
    ordering = ("-id",)

    def get_object(self, request, object_id, from_field=None):
        job = super().get_object(request, object_id, from_field)
        if job is not None:
            job.title = f"任务 {job.pk}"  # the page's heading; the real one may name a file of the owner's
        return job
