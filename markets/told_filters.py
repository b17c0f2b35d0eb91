"""Filters of differences between systems, of absences and of hand-overs."""

import django_filters
from django.db.models import QuerySet

from markets.filters import _districts, _guidance_stations
from markets.models import HandOver, SourceDifference
from markets.sources import FILES, LABELS, Source

KEPT = [("open", "待处理"), ("kept", "已确认保留")]


class _OfBusiness(django_filters.FilterSet):
    district = django_filters.ModelChoiceFilter(
        label="所在区", field_name="business__district", queryset=_districts, empty_label="全部"
    )
    guidance_station = django_filters.ModelChoiceFilter(
        label="指导站", field_name="business__guidance_station", queryset=_guidance_stations, empty_label="全部"
    )


class DifferenceFilter(_OfBusiness):
    column = django_filters.ChoiceFilter(label="列", choices=list(LABELS.items()), empty_label="全部")
    source = django_filters.ChoiceFilter(label="来源", choices=Source.choices, empty_label="全部")
    state = django_filters.ChoiceFilter(label="状态", choices=KEPT, empty_label="全部", method="by_state")

    class Meta:
        model = SourceDifference
        fields = ()

    def by_state(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(kept_at__isnull=value == "open")


class AbsenceFilter(_OfBusiness):
    source = django_filters.ChoiceFilter(
        label="来源",
        field_name="batch__source",
        choices=[(each.value, each.label) for each in FILES],
        empty_label="全部",
    )
    namesake = django_filters.ChoiceFilter(
        label="同名行的代码读不出", field_name="has_namesake", choices=[("1", "是"), ("0", "否")], empty_label="全部"
    )
    batch = django_filters.NumberFilter(label="批次编号", field_name="batch")


class HandOverApiFilter(django_filters.FilterSet):
    class Meta:
        model = HandOver
        fields = ("state", "asked_from")
