"""The list of members as it leaves: masked, under the rules of every export (tables/taking.py), with everybody on it in the
audit."""

from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet
from django.http import QueryDict

from members import identity, selectors
from members.filters import MemberListFilter
from members.models import Affiliation, Member
from tables.listing import Listing, Unusable, register_exportable
from tables.table import Column, Table


def relations_text(member) -> str:
    """Of a row of selectors.with_relations."""
    named = (("在册", member.on_roll), ("已核实", member.is_verified), ("已纳管", member.taken_in))
    return "、".join(text for text, holds in named if holds) or ("不再计入" if member.ended else "报到待核实")


def with_organizations(members: QuerySet, user) -> QuerySet:
    """Prefetches `shown`: the live affiliations that the user may see, wherever else the person belongs."""
    live = Affiliation.objects.visible_to(user).live().select_related("organization")
    return selectors.with_relations(members).prefetch_related(Prefetch("affiliations", queryset=live, to_attr="shown"))


MEMBERS = Table(
    name="member",
    title="党员名单（遮盖）",
    columns=(
        # By it a file that comes back as a roll is known again: what names a person leaves masked.
        Column("number", "档案编号", kind="integer", source="pk", listed=False),
        Column("name", "姓名", personal=True, value=lambda member: identity.mask_name(member.name)),
        Column("id_number", "身份号码", kind="code", personal=True,
               value=lambda member: identity.mask_id(member.id_number) or "没有提供",
               written=lambda member: identity.mask_id(member.id_number)),
        Column("phone", "手机", kind="code", personal=True,
               value=lambda member: identity.mask_phone(member.phone_tail)),
        Column("standing", "党员类别", kind="choice", source="get_standing_display"),
        Column("relations", "关系", value=relations_text),
        # Not called 党组织: a roll's file would read it as the branch of the roll, which an activity is not.
        Column("organizations", "所在组织（在册、纳管）",
               value=lambda member: "、".join(str(row.organization) for row in member.shown)),
    ),
)  # fmt: skip


def masked_cells(member) -> list[str]:
    return [column.of(member) for column in MEMBERS.listed()]


@dataclass(frozen=True)
class MemberListing(Listing):
    def rows(self, query: QueryDict, user, permission: str = "") -> QuerySet:
        """A tail finds one person; kept as the filter of a file it would stay with their number after erasure."""
        if query.get("phone_tail"):
            raise Unusable("手机尾号只用来找人，不能作为导出的条件。请去掉手机尾号，再导出。")
        return super().rows(query, user, permission).current()  # type: ignore[attr-defined]

    def fetched(self, rows: QuerySet, user) -> QuerySet:
        return with_organizations(rows.defer("phone"), user)


LISTING = MemberListing(
    table=MEMBERS,
    model=Member,
    filter_class=MemberListFilter,
    address="members:list",
    view="members.view_member",
    export="members.export_member",
    unit="人",
    persons=True,
)


def register() -> None:
    register_exportable(LISTING)
