"""What was closed and what others published: to read, not to write."""

from django.contrib import admin

from accounts.admin_lookups import ListedLookupsMixin
from reports.models import MonthClosing, ReportedFigure


class ReadOnlyAdmin(ListedLookupsMixin, admin.ModelAdmin):
    """Rows without a scope, open to whoever holds the right to view them anywhere."""

    def has_module_permission(self, request) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request, obj=None) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.view_{self.opts.model_name}")

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


@admin.register(MonthClosing)
class MonthClosingAdmin(ReadOnlyAdmin):
    # The numbers are of every unit of the city, small cells included: not shown here.
    list_display = ["month", "revision", "as_of", "closed_at", "closed_by", "reason"]
    fields = ["month", "revision", "reason", "as_of", "digest", "closed_at", "closed_by"]


@admin.register(ReportedFigure)
class ReportedFigureAdmin(ReadOnlyAdmin):
    list_display = ["place", "name", "value", "is_approximate", "as_of", "source"]
    list_filter = ["place"]
