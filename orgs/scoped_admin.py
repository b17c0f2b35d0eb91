"""Django's admin behind the door: scoped rows and choices, an audit event for every write, no count of millions.

What an admin of any room gets from ScopedAdmin, and may override:
  save_model       saves, records "<app>.<model>.create" or ".edit", refuses (403, rolled back) what would lie outside
                   the scope. An admin that writes through a service overrides it, and the service records.
  audit_units(obj) organizations whose numbers the write may change; default: the ancestor columns.
  get_form         every form knows `user`; a table with ancestor columns gets PlacedFormMixin by itself.
"""

import json
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.admin.widgets import AutocompleteSelect, ForeignKeyRawIdWidget
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import models
from django.http import Http404
from django.utils.functional import cached_property

from accounts import audit
from accounts.admin_lookups import ListedLookupsMixin
from orgs.fields import GuidancePlaced
from orgs.forms import DoorFormMixin, GuidancePlacedFormMixin, PlacedFormMixin

_Admin: Any = admin.ModelAdmin if TYPE_CHECKING else object  # what the mixins stand left of
COUNT_CAP = 10_000  # nobody turns 200 pages; counting millions for the last page's number would cost seconds


class CappedPaginator(Paginator):
    """Counts no further than COUNT_CAP rows; beyond that the page says so and asks for a filter."""

    @cached_property
    def _seen(self) -> int:
        if not isinstance(self.object_list, models.QuerySet):
            return len(self.object_list)
        return self.object_list.order_by()[: COUNT_CAP + 1].count()

    @cached_property
    def count(self) -> int:
        return min(self._seen, COUNT_CAP)

    @property
    def is_capped(self) -> bool:
        return self._seen > COUNT_CAP


def placed_units(row: Any) -> list[int | None]:
    """The organizations that a row's ancestor columns name."""
    return [getattr(row, "guidance_station_id", None), getattr(row, "district_committee_id", None)]


class Chooser(AutocompleteSelect):
    """A search box whose form comes back with a sentence where a request carries no number; Django's own breaks."""

    def optgroups(self, name, value, attr=None):
        return super().optgroups(name, [each for each in value if str(each).isdecimal()], attr)


class ScopedRawId(ForeignKeyRawIdWidget):
    """A number box that names the row beside it only where one may choose it: the number may stand in the address."""

    def __init__(self, *args, rows: models.QuerySet, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.rows = rows

    def label_and_url_for_value(self, value):
        number = str(value)
        is_number = number.isascii() and number.isdecimal() and len(number) < 19
        if not is_number or not self.rows.filter(pk=number).exists():
            return "", ""
        return super().label_and_url_for_value(value)


class ChooserMixin(_Admin):
    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", Chooser(db_field, self.admin_site))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class QuietLogMixin:
    """The admin's own log names rows by number: the name of a row may be a person's."""

    def _log(self, request, obj, flag: int, message) -> LogEntry:
        return LogEntry.objects.create(
            user_id=request.user.pk,
            content_type_id=ContentType.objects.get_for_model(obj, for_concrete_model=False).pk,
            object_id=str(obj.pk),
            object_repr=f"{obj._meta.verbose_name} #{obj.pk}",
            action_flag=flag,
            change_message=message if isinstance(message, str) else _without_names(message),
        )

    def log_addition(self, request, obj, message):
        return self._log(request, obj, ADDITION, message)

    def log_change(self, request, obj, message):
        return self._log(request, obj, CHANGE, message)


def _without_names(message: list[dict]) -> str:
    for part in message:
        for facts in part.values():
            if "object" in facts:
                facts["object"] = "…"
    return json.dumps(message, ensure_ascii=False)


class ScopedAdmin(ChooserMixin, QuietLogMixin, ListedLookupsMixin, admin.ModelAdmin):
    """The door in the admin. Nothing is deleted here; choices of foreign keys are scoped too."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # they would count millions once for each choice
    list_per_page = 50
    paginator = CappedPaginator

    def _perm(self, act: str) -> str:
        return f"{self.opts.app_label}.{act}_{self.opts.model_name}"

    # --- who may see what -------------------------------------------------------------------------------------------

    def get_queryset(self, request):
        queryset = self.model._default_manager.visible_to(request.user, self._perm("view"))
        ordering = self.get_ordering(request)
        return queryset.order_by(*ordering) if ordering else queryset

    def has_module_permission(self, request) -> bool:
        return request.user.has_perm(self._perm("view"))

    def has_view_permission(self, request, obj=None) -> bool:
        return request.user.has_perm(self._perm("view"), obj)

    def has_add_permission(self, request) -> bool:
        return request.user.has_perm(self._perm("add"))

    def has_change_permission(self, request, obj=None) -> bool:
        return request.user.has_perm(self._perm("change"), obj)

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def _get_obj_does_not_exist_redirect(self, request, opts, object_id):
        raise Http404  # like every other page; Django would send to the index with the number in a message

    # --- forms ------------------------------------------------------------------------------------------------------

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        manager = db_field.remote_field.model._default_manager
        if "queryset" not in kwargs and hasattr(manager, "visible_to"):
            kwargs["queryset"] = manager.visible_to(request.user)
        if db_field.name in self.raw_id_fields and "queryset" in kwargs:
            box = ScopedRawId(db_field.remote_field, self.admin_site, rows=kwargs["queryset"])
            kwargs.setdefault("widget", box)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change=change, **kwargs)
        bases: tuple[type, ...] = (form,)
        if issubclass(self.model, GuidancePlaced) and not issubclass(form, GuidancePlacedFormMixin):
            is_placed = hasattr(self.model, "street")
            bases = (PlacedFormMixin if is_placed else GuidancePlacedFormMixin, form)
        elif not issubclass(form, DoorFormMixin):
            bases = (DoorFormMixin, form)
        known = {"user": request.user, "permission": self._perm("change" if change else "add")}
        return type(form.__name__, bases, known)

    # --- writes -----------------------------------------------------------------------------------------------------

    def audit_units(self, obj) -> list[int | None]:
        return placed_units(obj)

    def must_be_in_scope(self, request, obj, change: bool) -> None:
        """Raises PermissionDenied; the admin's transaction rolls back with it."""
        perm = self._perm("change" if change else "add")
        if not self.model._default_manager.visible_to(request.user, perm).filter(pk=obj.pk).exists():
            raise PermissionDenied("保存后这条记录会在您的范围之外，没有保存。")

    def save_model(self, request, obj, form, change) -> None:
        before = self.audit_units(type(obj)._default_manager.get(pk=obj.pk)) if change else []
        super().save_model(request, obj, form, change)
        self.must_be_in_scope(request, obj, change)
        audit.record(
            f"{self.opts.app_label}.{self.opts.model_name}.{'edit' if change else 'create'}",
            by=request.user,
            subjects=[obj],
            units=[*before, *self.audit_units(obj)],
            detail={"columns": sorted(form.changed_data)},
            request=request,
        )

    def save_formset(self, request, form, formset, change) -> None:
        super().save_formset(request, form, formset, change)
        rows = [*formset.new_objects, *(row for row, _ in formset.changed_objects)]
        if rows or formset.deleted_objects:
            meta = formset.model._meta
            audit.record(
                f"{meta.app_label}.{meta.model_name}.edit",
                by=request.user,
                subjects=rows,
                subject_type=meta.label_lower,
                units=self.audit_units(form.instance),
                detail={"removed": len(formset.deleted_objects)},
                request=request,
            )
