"""The filter of the list of service points."""

import django_filters
from django.db.models import Q, QuerySet

from orgs.kinds import Level
from orgs.models import Organization
from stations.models import ServicePoint
from tables.filters import TextFilter


def _guidance_stations(request) -> QuerySet:
    if request is None:
        return Organization.objects.none()
    return Organization.objects.visible_to(request.user).filter(level=Level.GUIDANCE_STATION)


class ServicePointFilter(django_filters.FilterSet):
    """Closed ones stay out until somebody asks for them."""

    q = TextFilter(label="名称或编号", method="search")
    kind = django_filters.ChoiceFilter(label="类型", choices=ServicePoint.Kind.choices, empty_label="全部")
    state = django_filters.ChoiceFilter(
        label="状态", choices=[("closed", "已停用"), ("all", "全部")], empty_label="使用中", method="by_state"
    )
    guidance_station = django_filters.ModelChoiceFilter(label="指导站", queryset=_guidance_stations, empty_label="全部")

    def search(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(Q(name__icontains=value.strip()) | Q(code__iexact=value.strip()))

    def by_state(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(closed_on__isnull=False) if value == "closed" else queryset

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        found = super().filter_queryset(queryset)
        return found if self.form.cleaned_data["state"] else found.filter(closed_on__isnull=True)
