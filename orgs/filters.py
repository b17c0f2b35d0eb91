"""Filters of organizations, for the list and for the API."""

import django_filters
from django.db.models import Q, QuerySet
from django.utils import timezone

from orgs.kinds import Kind, Level
from orgs.models import Division, Organization
from tables.filters import TextFilter

OPEN_CHOICES = [("true", "在设"), ("false", "已撤销")]
TERM_CHOICES = [("overdue", "已届满"), ("30", "30 天内届满"), ("90", "90 天内届满"), ("180", "180 天内届满")]


class OrganizationApiFilter(django_filters.FilterSet):
    parent = django_filters.NumberFilter(field_name="parent", label="上级编号")
    district = django_filters.NumberFilter(field_name="district", label="所在区编号")
    district_committee = django_filters.NumberFilter(field_name="district_committee", label="区级党委编号")
    guidance_station = django_filters.NumberFilter(field_name="guidance_station", label="指导站编号")
    open = django_filters.BooleanFilter(field_name="closed_on", lookup_expr="isnull", label="在设")

    class Meta:
        model = Organization
        fields = ("level", "kind", "parent", "code", "district", "district_committee", "guidance_station", "open")


class DivisionApiFilter(django_filters.FilterSet):
    parent = django_filters.NumberFilter(field_name="parent", label="上级编号")

    class Meta:
        model = Division
        fields = ("level", "parent", "code", "is_statistical")


class OrganizationFilter(django_filters.FilterSet):
    """The list's filter form."""

    q = TextFilter(label="名称或代码", method="search")
    level = django_filters.ChoiceFilter(label="层级", choices=Level.choices, empty_label="全部")
    kind = django_filters.ChoiceFilter(label="类型", choices=Kind.choices, empty_label="全部")
    open = django_filters.ChoiceFilter(label="状态", choices=OPEN_CHOICES, empty_label="全部", method="by_state")
    term = django_filters.ChoiceFilter(label="任期", choices=TERM_CHOICES, empty_label="全部", method="by_term")

    def search(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(Q(name__icontains=value) | Q(short_name__icontains=value) | Q(code__iexact=value))

    def by_state(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(closed_on__isnull=value == "true")

    def by_term(self, queryset, name: str, value: str):
        today = timezone.localdate()
        return queryset.terms_overdue(today) if value == "overdue" else queryset.terms_ending(int(value), today)
