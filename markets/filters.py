"""Filters of businesses and markets, for the lists and for the API."""

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django_filters.fields import ModelChoiceField

from markets import search
from markets.models import Business, Market, Platform
from markets.querysets import BusinessQuerySet
from orgs.kinds import Level
from orgs.models import Division, Organization
from tables.filters import TextFilter

STATES = [
    ("registered", "登记在册"), ("operating", "实体运营"), ("not_operating", "在册未运营"), ("active", "存续"),
    ("dormant", "歇业"), ("revoked", "吊销"), ("deregistered", "注销"), ("moved_away", "迁出"),
]  # fmt: skip
OPEN = [("true", "在营"), ("false", "已关闭")]


def _districts(request):
    return Division.objects.filter(level=Division.Level.DISTRICT)


def _guidance_stations(request):
    if request is None:
        return Organization.objects.none()
    found = Organization.objects.open().filter(level=Level.GUIDANCE_STATION)
    return found.visible_to(request.user, "orgs.view_organization").order_by("path")


def _streets(request):
    return (
        Division.objects.filter(level=Division.Level.STREET).select_related("parent").order_by("parent__code", "code")
    )


def _platforms(request):
    return Platform.objects.none() if request is None else Platform.objects.visible_to(request.user)


class StreetField(ModelChoiceField):
    def label_from_instance(self, street: Division) -> str:
        return f"{street.parent} {street}"


class StreetFilter(django_filters.ModelChoiceFilter):
    field_class = StreetField


def long_enough(text: str) -> None:
    if search.too_short(text):
        raise ValidationError(search.TOO_SHORT)


class NameFilter(TextFilter):
    """A part of a name or of its pinyin initials, or a code or its beginning."""

    def __init__(self, **more):
        super().__init__(label="名称、拼音首字母或代码", validators=[long_enough], **more)

    def filter(self, queryset: BusinessQuerySet, value: str) -> BusinessQuerySet:
        return queryset.named(value) if value else queryset


class ScopeFirst(django_filters.FilterSet):
    """Applies what an index carries first, then the name, then the rest: a search by name walks along the former."""

    PLACES = ("district", "street", "guidance_station", "district_committee")
    FIRST = (*PLACES, "market", "unassigned", "q")

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        said = self.form.cleaned_data
        for name in (
            *(name for name in self.FIRST if name in said),
            *(name for name in said if name not in self.FIRST),
        ):
            if name in self.PLACES and isinstance(said[name], Model):
                queryset = queryset.filter(**{name: search.key(said[name].pk)})
            else:
                queryset = self.filters[name].filter(queryset, said[name])
        return queryset


class PlacedFilter(django_filters.FilterSet):
    q = TextFilter(label="名称或代码", method="search")
    district = django_filters.ModelChoiceFilter(label="所在区", queryset=_districts, empty_label="全部")
    guidance_station = django_filters.ModelChoiceFilter(label="指导站", queryset=_guidance_stations, empty_label="全部")


class BusinessFilter(ScopeFirst, PlacedFilter):
    q = NameFilter()
    street = StreetFilter(label="所在街道", queryset=_streets, empty_label="全部")
    entity_type = django_filters.ChoiceFilter(
        label="主体类型", choices=[("enterprise", "企业（不含个体）"), *Business.EntityType.choices], empty_label="全部",
        method="by_type",
    )  # fmt: skip
    state = django_filters.ChoiceFilter(label="状态", choices=STATES, empty_label="全部", method="by_state")
    industry = TextFilter(label="行业代码开头", method="by_industry", max_length=5)
    market = TextFilter(label="所属市场", method="by_market")
    unassigned = django_filters.BooleanFilter(label="只看待分派", method="by_unassigned", widget=forms.CheckboxInput)

    def by_industry(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        """F is the whole section (门类), F52 a division of it: codes are kept with their letter in front."""
        return queryset.filter(industry__startswith=value.strip().upper())

    def by_market(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        """By the market's code or its whole name."""
        text = value.strip()
        ids = list(Market.objects.filter(Q(code__iexact=text) | Q(name=text)).values_list("pk", flat=True))
        return queryset.filter(market=ids[0]) if len(ids) == 1 else queryset.filter(market__in=ids)

    def by_type(self, queryset, name: str, value: str):
        """Every type by its name, as the index over names has them."""
        types = set(Business.EntityType) - {Business.EntityType.SOLE_TRADER} if value == "enterprise" else {value}
        return queryset.filter(entity_type__in=sorted(types))

    def by_state(self, queryset, name: str, value: str):
        flags = {
            "registered": {"is_registered": True},
            "operating": {"is_operating": True},
            "not_operating": {"is_registered": True, "is_operating": False},
        }
        return queryset.filter(**flags.get(value, {"status": value}))

    def by_unassigned(self, queryset, name: str, value):
        return queryset.filter(guidance_station__isnull=True) if value else queryset


class MarketFilter(PlacedFilter):
    trade = django_filters.ChoiceFilter(label="类型", choices=Market.Trade.choices, empty_label="全部")
    open = django_filters.ChoiceFilter(label="状态", choices=OPEN, empty_label="全部", method="by_state")

    def search(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(Q(name__contains=value.strip()) | Q(code__iexact=value.strip()))

    def by_state(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(closed_on__isnull=value == "true")


class IndustryAreaFilter(PlacedFilter):
    industry = TextFilter(label="行业", lookup_expr="contains", max_length=60)

    search = MarketFilter.search


class PlatformFilter(django_filters.FilterSet):
    q = TextFilter(label="名称或信用代码", method="search")

    def search(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(Q(name__contains=value.strip()) | Q(uscc__iexact=value.strip()))


class DeliverySiteFilter(PlacedFilter):
    q = TextFilter(label="名称", lookup_expr="contains", field_name="name")
    platform = django_filters.ModelChoiceFilter(label="平台", queryset=_platforms, empty_label="全部")
    open = django_filters.ChoiceFilter(label="状态", choices=OPEN, empty_label="全部", method="by_state")

    by_state = MarketFilter.by_state


class BusinessApiFilter(ScopeFirst):
    q = NameFilter()
    district = django_filters.NumberFilter(field_name="district", label="所在区编号")
    street = django_filters.NumberFilter(field_name="street", label="所在街道编号")
    district_committee = django_filters.NumberFilter(field_name="district_committee", label="区级党委编号")
    guidance_station = django_filters.NumberFilter(field_name="guidance_station", label="指导站编号")
    market = django_filters.NumberFilter(field_name="market", label="所属市场编号")
    is_registered = django_filters.BooleanFilter(field_name="is_registered", label="登记在册")
    is_operating = django_filters.BooleanFilter(field_name="is_operating", label="实体运营")
    unassigned = django_filters.BooleanFilter(field_name="guidance_station", lookup_expr="isnull", label="待分派")

    class Meta:
        model = Business
        fields = (
            "uscc", "legacy_registration_no", "entity_type", "scale", "status", "is_key",
            "industry",
        )  # fmt: skip


class MarketApiFilter(django_filters.FilterSet):
    q = TextFilter(label="名称或编号", method="search")
    district = django_filters.NumberFilter(field_name="district", label="所在区编号")
    district_committee = django_filters.NumberFilter(field_name="district_committee", label="区级党委编号")
    guidance_station = django_filters.NumberFilter(field_name="guidance_station", label="指导站编号")
    open = django_filters.BooleanFilter(field_name="closed_on", lookup_expr="isnull", label="在营")

    search = MarketFilter.search

    class Meta:
        model = Market
        fields = ("code", "trade")
