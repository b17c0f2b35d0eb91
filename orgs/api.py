"""Read access to the two lines."""

from rest_framework import serializers

from orgs.filters import DivisionApiFilter, OrganizationApiFilter
from orgs.models import Division, Organization
from orgs.scoped import ScopedViewSet


class OrganizationSerializer(serializers.ModelSerializer):
    """An organization; `parent`, `superior`, ancestors and divisions are ids."""

    kind_label = serializers.CharField(source="get_kind_display", read_only=True)

    class Meta:
        model = Organization
        fields = (
            "id", "code", "name", "short_name", "level", "kind", "kind_label", "host_kind", "parent",
            "district_committee", "guidance_station", "superior", "superior_name", "district", "street",
            "approved_on", "term_starts_on", "term_ends_on", "extended_until", "closed_on",
        )  # fmt: skip
        read_only_fields = fields


class DivisionSerializer(serializers.ModelSerializer):
    class Meta:
        model = Division
        fields = ("id", "code", "name", "level", "type", "parent", "gb2260", "mca_code", "is_statistical")
        read_only_fields = fields


class OrganizationViewSet(ScopedViewSet):
    """党组织：指导线上的市级、区级、指导站与基层组织，只含您范围内的。"""

    permission = "orgs.view_organization"
    queryset = Organization.objects.all()
    serializer_class = OrganizationSerializer
    filterset_class = OrganizationApiFilter


class DivisionViewSet(ScopedViewSet):
    """区划：您范围内的市、区、街道、社区。"""

    permission = "orgs.view_division"
    queryset = Division.objects.all()
    serializer_class = DivisionSerializer
    filterset_class = DivisionApiFilter
