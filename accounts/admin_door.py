"""The admin of tables that stand under no unit: one door, read-only, nothing deleted. Scoped tables: orgs/scoped.py."""

from django.contrib import admin

from accounts.admin_lookups import ListedLookupsMixin


class DoorAdmin(ListedLookupsMixin, admin.ModelAdmin):
    """Rows without a scope, for whoever holds the right to view them. Read-only unless a subclass says otherwise."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # they would count the whole table once for each choice
    list_per_page = 50

    def _may(self, request, act: str) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.{act}_{self.opts.model_name}")

    def has_module_permission(self, request) -> bool:
        return self._may(request, "view")

    def has_view_permission(self, request, obj=None) -> bool:
        return self._may(request, "view")

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False
