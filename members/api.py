"""Read access to members, masked."""

from django.db.models import Prefetch
from rest_framework import serializers

from members import identity, selectors
from members.filters import MemberFilter
from members.models import Affiliation, Member
from orgs.api_base import PersonsAuditedMixin
from orgs.scoped import ScopedViewSet


class RelationSerializer(serializers.ModelSerializer):
    class Meta:
        model = Affiliation
        fields = ["organization", "kind", "starts_on"]


class MemberSerializer(serializers.ModelSerializer):
    """A member as anybody in scope may see one; relations are those inside the asker's own scope."""

    name = serializers.SerializerMethodField(label="姓名（脱敏）")
    id_number = serializers.SerializerMethodField(label="身份号码（脱敏）")
    phone = serializers.SerializerMethodField(label="手机（只有尾号）")
    on_roll = serializers.BooleanField(label="在册", read_only=True)
    verified = serializers.BooleanField(label="已核实", source="is_verified", read_only=True)
    taken_in = serializers.BooleanField(label="已纳管", read_only=True)
    organizations = serializers.SerializerMethodField(label="党组织编号")
    relations = RelationSerializer(label="关系", source="shown", many=True, read_only=True)

    class Meta:
        model = Member
        fields = [
            "id", "name", "id_number", "phone", "standing", "ended", "on_roll", "verified", "taken_in",
            "organizations", "relations",
        ]  # fmt: skip

    def get_name(self, row: Member) -> str:
        return identity.mask_name(row.name)

    def get_id_number(self, row: Member) -> str:
        return identity.mask_id(row.id_number)

    def get_phone(self, row: Member) -> str:
        return identity.mask_phone(row.phone_tail)

    def get_organizations(self, row: Member) -> list[int]:
        return sorted({relation.organization_id for relation in row.shown})  # type: ignore[attr-defined]


class MemberViewSet(PersonsAuditedMixin, ScopedViewSet):
    """党员（脱敏）：您范围内在册、已核实、已纳管或报到中的党员；每次查询都记入审计。"""

    permission = "members.view_member"
    queryset = Member.objects.all()
    serializer_class = MemberSerializer
    filterset_class = MemberFilter
    audit_act = "members.member"

    def get_queryset(self):
        live = Affiliation.objects.visible_to(self.request.user).live()
        rows = super().get_queryset().filter(erased_at__isnull=True).defer("phone")
        return selectors.with_relations(rows).prefetch_related(Prefetch("affiliations", queryset=live, to_attr="shown"))
