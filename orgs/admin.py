from functools import partial

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.urls import path
from django.utils import timezone

from accounts.admin_lookups import ListedLookupsMixin
from accounts.models import User
from orgs.kinds import Level
from orgs.models import Division, Organization, OrganizationChange, Posting
from orgs.organization_acts import ACTS, act_page, may_act
from orgs.organization_forms import OrganizationForm
from orgs.scoped import ScopedAdmin
from orgs.scoped_admin import CappedPaginator, ChooserMixin, QuietLogMixin
from orgs.selectors import change_text
from orgs.services import organization_create, organization_edit, organization_rename, posting_end, posting_grant
from orgs.services.organizations import EDITABLE
from orgs.services.postings import PostingError, check_end, check_posting


def names_only(request) -> bool:
    """The chooser of the posting form: the security administrator sees the names of the tree there and nothing else."""
    match = request.resolver_match
    return (
        match is not None
        and match.url_name == "autocomplete"
        and request.GET.get("model_name") == "posting"
        and request.user.has_perm("orgs.view_tree_names")
    )


class TreeAdmin(ScopedAdmin):
    """Both lines can be searched by name from a chooser."""

    def get_queryset(self, request):
        if names_only(request):
            return self.model._default_manager.all()
        return super().get_queryset(request)

    def has_view_permission(self, request, obj=None) -> bool:
        return names_only(request) or super().has_view_permission(request, obj)


class OpenFilter(admin.SimpleListFilter):
    title = "状态"
    parameter_name = "open"

    def lookups(self, request, model_admin):
        return [("yes", "在设"), ("no", "已撤销")]

    def queryset(self, request, queryset):
        if self.value() == "yes":
            return queryset.open()
        return queryset.filter(closed_on__isnull=False) if self.value() == "no" else queryset


class OrganizationChangeInline(admin.TabularInline):
    model = OrganizationChange
    fields = readonly_fields = ("on", "event", "what", "document", "by", "entered_at")
    extra = 0
    can_delete = False
    verbose_name_plural = "沿革"

    @admin.display(description="内容")
    def what(self, change) -> str:
        mentioned = [value for value in (*change.before.values(), *change.after.values()) if isinstance(value, str)]
        names = dict(Organization.objects.filter(code__in=mentioned).values_list("code", "name"))
        return change_text(change, names) or "—"

    def has_add_permission(self, request, obj=None) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False


@admin.register(Organization)
class OrganizationAdmin(TreeAdmin):
    form = OrganizationForm
    list_display = ("name", "code", "level", "kind", "parent", "closed_on")
    list_filter = ("level", "kind", OpenFilter)
    list_select_related = ("parent",)
    search_fields = ("name", "short_name", "code")
    ordering = ("path",)
    autocomplete_fields = ("parent", "superior")
    inlines = (OrganizationChangeInline,)
    change_form_template = "admin/orgs/organization/change_form.html"
    fieldsets = (
        (None, {"fields": ("parent", "kind", "host_kind", "code", "name", "short_name")}),
        ("隶属与所在", {"fields": ("superior", "superior_name", "district", "street")}),
        (
            "成立与任期",
            {
                "fields": (
                    "approved_on",
                    ("term_starts_on", "term_ends_on"),
                    ("extended_until", "extension_document"),
                ),
                "description": "本届止不填时按类型自动算出：党委 5 年，总支、支部 3 年；止期当天不再计入。",
            },
        ),
        ("这次变更", {"fields": ("on", "document"), "description": "记入沿革；改名称、改其他栏目都会各记一条。"}),
    )

    def get_readonly_fields(self, request, obj=None):
        return ("parent",) if obj else ()

    def get_inlines(self, request, obj):
        return self.inlines if obj else ()

    def has_change_permission(self, request, obj=None) -> bool:
        return (obj is None or obj.closed_on is None) and super().has_change_permission(request, obj)

    def get_search_results(self, request, queryset, search_term):
        queryset, duplicates = super().get_search_results(request, queryset, search_term)
        field = request.GET.get("field_name")
        levels = {"guidance_station": Level.GUIDANCE_STATION, "district_committee": Level.DISTRICT}
        if field:  # a chooser: nobody newly chooses what is closed
            queryset = queryset.open()
        return (queryset.filter(level=levels[field]) if field in levels else queryset), duplicates

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name == "parent":
            kwargs["queryset"] = Organization.objects.visible_to(request.user, "orgs.add_organization").open()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request, obj, form, change) -> None:
        data = form.cleaned_data
        about = {"by": request.user, "document": data["document"]}
        columns = {name: data[name] for name in EDITABLE if name in data}
        if not change:
            made = organization_create(parent=obj.parent, level=obj.level, name=data["name"], **columns, **about)
            obj.pk, obj._state.adding = made.pk, False
        else:
            columns |= {"district": obj.district, "term_ends_on": obj.term_ends_on}
            row = Organization.objects.get(pk=obj.pk)
            organization_rename(organization=row, name=data["name"], on=data["on"], **about)
            organization_edit(organization=row, on=data["on"], **columns, **about)
        obj.refresh_from_db()
        self.must_be_in_scope(request, obj, change)

    def get_urls(self):
        pages = [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(partial(self._act_page, name=name)),
                name=f"orgs_organization_{name}",
            )
            for name in ACTS
        ]
        return pages + super().get_urls()

    def _act_page(self, request, object_id, name):
        return act_page(request, self, object_id, name)

    def change_view(self, request, object_id, form_url="", extra_context=None):
        obj = self.get_object(request, object_id)
        acts = []
        if obj is not None and may_act(request.user, obj):
            acts = [(f"admin:orgs_organization_{name}", act.title) for name, act in ACTS.items()]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "acts": acts})


@admin.register(Division)
class DivisionAdmin(TreeAdmin):
    """Divisions come from the file (import_divisions); here they are looked up."""

    list_display = ("name", "code", "level", "type", "parent", "is_statistical")
    list_filter = ("level", "is_statistical")
    list_select_related = ("parent",)
    search_fields = ("name", "code")

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def get_search_results(self, request, queryset, search_term):
        queryset, duplicates = super().get_search_results(request, queryset, search_term)
        levels = {"district": Division.Level.DISTRICT, "street": Division.Level.STREET}
        field = request.GET.get("field_name")
        return (queryset.filter(level=levels[field]) if field in levels else queryset), duplicates


class PostingForm(forms.ModelForm):
    by: User

    class Meta:
        model = Posting
        fields = ("user", "role", "organization", "division", "starts_on", "ends_on", "may_grant")

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        try:
            if self.instance.pk:
                if data.get("ends_on") and "ends_on" in self.changed_data:
                    check_end(posting=self.instance, ends_on=data["ends_on"], by=self.by)
                return data
            check_posting(
                user=data["user"], role=data["role"], organization=data["organization"], division=data["division"],
                by=self.by, starts_on=data["starts_on"], ends_on=data["ends_on"],
            )  # fmt: skip
        except PostingError as error:
            self.add_error(error.field, ValidationError(str(error)))
        return data


@admin.register(Posting)
class PostingAdmin(ChooserMixin, QuietLogMixin, ListedLookupsMixin, admin.ModelAdmin):
    """Who holds which role where: begun and ended by the security administrator, who sees nothing behind it."""

    form = PostingForm
    list_display = ("user", "role", "organization", "division", "starts_on", "ends_on", "may_grant", "granted_by")
    list_filter = ("role", "may_grant")
    list_select_related = ("user", "organization", "division", "granted_by")
    search_fields = ("user__username", "user__name", "organization__name", "division__name")
    autocomplete_fields = ("organization", "division")
    ordering = ("-id",)
    show_full_result_count = False
    paginator = CappedPaginator

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change=change, **kwargs)
        return type("PostingForm", (form,), {"by": request.user})

    def get_readonly_fields(self, request, obj=None):
        return ("user", "role", "organization", "division", "starts_on", "may_grant", "granted_by") if obj else ()

    def has_change_permission(self, request, obj=None) -> bool:
        """What has ended stays as it was."""
        has_ended = obj is not None and obj.ends_on is not None and obj.ends_on <= timezone.localdate()
        return super().has_change_permission(request, obj) and not has_ended

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name == "user":
            staff = User.objects.filter(duty=User.Duty.STAFF, is_active=True).order_by("username")
            kwargs["queryset"] = staff.exclude(pk=request.user.pk)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request, obj, form, change) -> None:
        data = form.cleaned_data
        if change:
            if data["ends_on"] and "ends_on" in form.changed_data:
                posting_end(posting=obj, ends_on=data["ends_on"], by=request.user)
            return
        columns = ("user", "role", "organization", "division", "starts_on", "ends_on", "may_grant")
        made = posting_grant(**{name: data[name] for name in columns}, by=request.user)
        obj.pk, obj._state.adding, obj.granted_by = made.pk, False, made.granted_by
