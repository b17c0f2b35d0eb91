"""This room in the admin: inside the own scope, through the services."""

from functools import partial

from django.contrib import admin, messages

from accounts.own_words import KeptWordsMixin
from markets import services
from markets.forms import BusinessCoverageForm, BusinessForm, DeclarationForm, MarketForm
from markets.models import (
    Business,
    BusinessCoverage,
    Declaration,
    DeliverySite,
    GroupOrganization,
    HandOver,
    IndustryArea,
    Market,
    MarketCoverage,
    MarketPlan,
    Platform,
)
from orgs.scoped import ScopedAdmin
from tables.keyset import whole


@admin.register(Business)
class BusinessAdmin(ScopedAdmin):
    form = BusinessForm
    list_display = ["name", "code", "entity_type", "status", "guidance_station", "district"]
    list_filter = ["entity_type", "status", "is_key"]
    list_select_related = ["guidance_station", "district"]
    search_fields = ["name"]  # shows the box; `get_search_results` says what is found
    search_help_text = "信用代码（或开头几位）、名称中的字、拼音首字母"
    ordering = ["-pk"]
    raw_id_fields = ["market", "industry_area", "predecessor"]

    def get_search_results(self, request, queryset, search_term):
        return (whole(queryset.named(search_term)) if search_term else queryset), False

    @admin.display(description="统一社会信用代码/注册号")
    def code(self, row: Business) -> str:
        return row.code

    def save_model(self, request, obj, form, change):
        tell = partial(messages.warning, request)
        services.business_save(business=obj, by=request.user, columns=form.changed_data, tell=tell)
        self.must_be_in_scope(request, obj, change)
        if warning := form.type_warning():
            messages.warning(request, warning)


@admin.register(Market)
class MarketAdmin(ScopedAdmin):
    form = MarketForm
    list_display = ["name", "code", "trade", "guidance_station", "stalls", "closed_on"]
    list_filter = ["trade", ("closed_on", admin.EmptyFieldListFilter)]
    list_select_related = ["guidance_station"]
    search_fields = ["name", "code"]
    search_help_text = "名称或编号"

    def save_model(self, request, obj, form, change):
        services.market_save(market=obj, by=request.user, columns=form.changed_data)
        self.must_be_in_scope(request, obj, change)


class CoverageAdmin(ScopedAdmin):
    """A link of an organization to what it covers; both ends inside the own scope."""

    ordering = ["-pk"]

    def save_model(self, request, obj, form, change):
        services.coverage_link(link=obj, by=request.user)
        self.must_be_in_scope(request, obj, change)
        if warning := services.joint_warning(obj.organization):
            messages.warning(request, warning)


@admin.register(BusinessCoverage)
class BusinessCoverageAdmin(CoverageAdmin):
    form = BusinessCoverageForm
    list_display = ["organization", "business", "mode", "starts_on", "ends_on"]
    list_filter = ["mode"]
    list_select_related = ["organization", "business"]
    raw_id_fields = ["organization", "business"]
    search_fields = ["organization__name", "business__uscc__exact"]
    search_help_text = "党组织名称，或主体的信用代码"


@admin.register(MarketCoverage)
class MarketCoverageAdmin(CoverageAdmin):
    fields = ["organization", "market", "starts_on", "ends_on"]
    list_display = ["organization", "market", "starts_on", "ends_on"]
    list_select_related = ["organization", "market"]
    raw_id_fields = ["organization", "market"]
    search_fields = ["organization__name", "market__name"]


class OfBusinessAdmin(ScopedAdmin):
    """Rows that stand where their business stands."""

    raw_id_fields = ["business"]
    list_select_related = ["business"]
    ordering = ["-pk"]

    def audit_units(self, obj):
        return [obj.business.guidance_station_id, obj.business.district_committee_id]


@admin.register(GroupOrganization)
class GroupOrganizationAdmin(OfBusinessAdmin):
    fields = ["business", "kind", "name", "starts_on", "ends_on"]
    list_display = ["__str__", "business", "kind", "starts_on", "ends_on"]
    list_filter = ["kind"]
    search_fields = ["name", "business__uscc__exact"]


@admin.register(Declaration)
class DeclarationAdmin(OfBusinessAdmin):
    form = DeclarationForm
    list_display = ["business", "source", "as_of", "full_members", "members_incl_probationary"]
    list_filter = ["source"]

    def save_model(self, request, obj, form, change):
        services.declaration_save(declaration=obj, by=request.user)
        self.must_be_in_scope(request, obj, change)


@admin.register(MarketPlan)
class MarketPlanAdmin(KeptWordsMixin, ScopedAdmin):
    kept_words = ("text", "responsible")
    fields = ["market", "text", "responsible", "due_on", "done_on"]
    list_display = ["market", "text", "responsible", "due_on", "done_on"]
    list_select_related = ["market"]
    raw_id_fields = ["market"]

    def audit_units(self, obj):
        return [obj.market.guidance_station_id, obj.market.district_committee_id]


@admin.register(HandOver)
class HandOverAdmin(ScopedAdmin):
    """Decided on its own page (told_views.py); here it can be read."""

    fields = readonly_fields = (
        "name", "to", "to_district", "to_street", "asked_from", "source", "asked_by_system", "state", "asked_at",
        "decided_at", "reason",
    )  # fmt: skip
    list_display = ["name", "to", "asked_from", "state", "asked_at"]
    list_filter = ["state", "asked_from"]
    list_select_related = ["to"]

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False


@admin.register(IndustryArea)
class IndustryAreaAdmin(ScopedAdmin):
    fields = ["code", "name", "industry", "guidance_station", "street", "district"]
    list_display = ["name", "code", "industry", "guidance_station"]
    list_select_related = ["guidance_station"]
    search_fields = ["name", "code"]


@admin.register(Platform)
class PlatformAdmin(ScopedAdmin):
    fields = ["name", "uscc"]
    list_display = ["name", "uscc"]
    search_fields = ["name"]


@admin.register(DeliverySite)
class DeliverySiteAdmin(ScopedAdmin):
    fields = [
        "platform", "name", "guidance_station", "street", "district", "address", "couriers", "latitude", "longitude",
        "closed_on",
    ]  # fmt: skip
    list_display = ["name", "platform", "guidance_station", "couriers", "closed_on"]
    list_filter = ["platform"]
    list_select_related = ["platform", "guidance_station"]
    search_fields = ["name"]
