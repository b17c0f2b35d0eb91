"""Read access to businesses and markets. Head-counts of members are never here."""

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from markets.filters import BusinessApiFilter, MarketApiFilter
from markets.models import Business, HandOver, Market
from markets.told_filters import HandOverApiFilter
from orgs.api_base import NewestFirst
from orgs.scoped import ScopedViewSet
from tables.keyset import Walk, first_rows
from tables.patience import TOO_WIDE, TooLong, patience


class BusinessSerializer(serializers.ModelSerializer):
    """A business; ancestors, market and area are ids."""

    code = serializers.CharField(read_only=True)
    status_label = serializers.CharField(source="get_status_display", read_only=True)
    scale_source = serializers.CharField(read_only=True)

    class Meta:
        model = Business
        fields = (
            "id", "code", "uscc", "legacy_registration_no", "name", "entity_type", "entity_type_text", "scale",
            "scale_source", "industry", "registered_on", "status", "status_label", "not_operating", "is_registered",
            "is_operating", "employees", "is_key", "fixed_premises", "above_size", "address", "market", "industry_area",
            "district_committee", "guidance_station", "district", "street", "predecessor", "entered_at", "changed_at",
        )  # fmt: skip
        read_only_fields = fields


class MarketSerializer(serializers.ModelSerializer):
    class Meta:
        model = Market
        fields = (
            "id", "code", "name", "trade", "organiser", "organiser_uscc", "address", "stalls", "employees", "latitude",
            "longitude", "district_committee", "guidance_station", "district", "street", "closed_on", "entered_at",
        )  # fmt: skip
        read_only_fields = fields


class NewestNamed(NewestFirst):
    """The same pages; those of a search by name hold the rows that the search finds its own way."""

    def paginate_queryset(self, queryset, request, view=None):
        try:
            with patience():
                if queryset.search is not None:
                    queryset = queryset.model.objects.filter(pk__in=self._found(queryset, request))
                return super().paginate_queryset(queryset, request, view)
        except TooLong as error:
            raise ValidationError({"detail": TOO_WIDE}) from error

    def _found(self, queryset, request) -> list[int]:
        """A page's rows and one more, which says that another page follows."""
        cursor = self.decode_cursor(request)
        offset, back, position = cursor or (0, False, None)
        walk = Walk(mark=None if position is None else (int(position),), back=back)
        return [row.pk for row in first_rows(queryset, walk, offset + self.get_page_size(request) + 1)]


class BusinessViewSet(ScopedViewSet):
    """经营主体：您范围内的登记信息；不含党员人数。"""

    permission = "markets.view_business"
    queryset = Business.objects.all()
    serializer_class = BusinessSerializer
    filterset_class = BusinessApiFilter
    pagination_class = NewestNamed


class MarketViewSet(ScopedViewSet):
    """专业市场：您范围内的。"""

    permission = "markets.view_market"
    queryset = Market.objects.all()
    serializer_class = MarketSerializer
    filterset_class = MarketApiFilter


class HandOverSerializer(serializers.ModelSerializer):
    """What either side may know: the code and what the asking side says; nothing else of the other side's row."""

    code = serializers.CharField(source="business.code", read_only=True)
    state_label = serializers.CharField(source="get_state_display", read_only=True)

    class Meta:
        model = HandOver
        fields = (
            "id", "code", "name", "asked_from", "to", "to_district", "to_street", "source", "state", "state_label",
            "asked_at", "asked_by_system", "decided_at", "reason",
        )  # fmt: skip
        read_only_fields = fields


class HandOverViewSet(ScopedViewSet):
    """划转：您的单位发起的，或等您的单位决定的。"""

    permission = "markets.view_handover"
    queryset = HandOver.objects.select_related("business")
    serializer_class = HandOverSerializer
    filterset_class = HandOverApiFilter
