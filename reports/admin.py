"""What was closed and what others published: to read, not to write."""

from django.contrib import admin

from accounts.admin_door import DoorAdmin
from reports.models import MonthClosing, ReportedFigure


@admin.register(MonthClosing)
class MonthClosingAdmin(DoorAdmin):
    # The numbers are of every unit of the city, small cells included: not shown here.
    list_display = ["month", "revision", "as_of", "closed_at", "closed_by", "reason"]
    fields = ["month", "revision", "reason", "as_of", "digest", "closed_at", "closed_by"]


@admin.register(ReportedFigure)
class ReportedFigureAdmin(DoorAdmin):
    list_display = ["place", "name", "value", "is_approximate", "as_of", "source"]
    list_filter = ["place"]
