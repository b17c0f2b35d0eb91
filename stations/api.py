from django_filters import rest_framework as filters
from rest_framework import serializers

from members.identity import mask_name
from orgs.api_base import PersonsAuditedMixin
from orgs.scoped import ScopedViewSet
from stations.models import CheckIn, ServicePoint


class ServicePointSerializer(serializers.ModelSerializer):
    class Meta:
        model = ServicePoint
        fields = [
            "id", "code", "kind", "name", "address", "hours", "facilities", "latitude", "longitude",
            "district_committee", "guidance_station", "district", "street", "organization", "market", "closed_on",
        ]  # fmt: skip


class ServicePointFilter(filters.FilterSet):
    is_closed = filters.BooleanFilter(field_name="closed_on", lookup_expr="isnull", exclude=True, label="已停用")

    class Meta:
        model = ServicePoint
        fields = ["code", "kind", "district_committee", "guidance_station", "district", "street"]


class ServicePointViewSet(ScopedViewSet):
    """Places that serve: rest points, party homes, the counters of guidance stations."""

    permission = "stations.view_servicepoint"
    queryset = ServicePoint.objects.all()
    serializer_class = ServicePointSerializer
    filterset_class = ServicePointFilter


class CheckInSerializer(serializers.ModelSerializer):
    member_name = serializers.SerializerMethodField(label="姓名（脱敏）")
    is_disputed = serializers.SerializerMethodField(label="本人有异议")

    class Meta:
        model = CheckIn
        fields = [
            "id", "member", "member_name", "place", "purpose", "on", "occurred_at", "received_at", "channel",
            "is_disputed", "district_committee", "guidance_station", "district", "street",
        ]  # fmt: skip

    def get_member_name(self, row: CheckIn) -> str:
        return mask_name(row.member.name)

    def get_is_disputed(self, row: CheckIn) -> bool:
        return row.disputed_at is not None


class CheckInFilter(filters.FilterSet):
    on = filters.DateFromToRangeFilter(label="日期：on_after 起，on_before 止（都含）")

    class Meta:
        model = CheckIn
        fields = ["place", "purpose", "channel", "on", "district_committee", "guidance_station"]


class CheckInViewSet(PersonsAuditedMixin, ScopedViewSet):
    """Check-ins of members, masked; every answer is recorded with the members it showed."""

    permission = "stations.view_checkin"
    queryset = CheckIn.objects.select_related("member")
    serializer_class = CheckInSerializer
    filterset_class = CheckInFilter
    audit_act = "stations.check_in"

    def shown_members(self, rows: list[CheckIn]) -> list[int]:
        return [row.member_id for row in rows]
