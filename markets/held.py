"""What this room keeps about persons: little. A sole trader's name may be a person's; head-counts name nobody."""

from accounts.personal import INTERNAL, SENSITIVE, Column, Held, declare
from markets.models import Business, Declaration, MarketPlan


def register() -> None:
    personal = {"name": Column(INTERNAL), "name_pinyin": Column(INTERNAL), "address": Column(INTERNAL)}
    counts = {one.name: Column(SENSITIVE) for one in Declaration._meta.concrete_fields if one.name in _HEADS}
    responsible = {"responsible": Column(INTERNAL)}
    declare(
        Held(
            model=Business,
            whose="个体工商户的经营者",
            purpose="登记在册的主体；字号里可能有经营者的姓名",
            basis="登记信息依法公示",
            retention="随登记信息",
            columns=personal,
            plain=_rest(Business, personal),
            seen_with=("markets.view_business",),
            leaves_by=("经营主体导出", "接口 /api/v1/businesses/"),
        ),
        Held(
            model=Declaration,
            whose="企业的党员",
            purpose="应建未建的判断；不足 10 人的企业和个体工商户不收",
            basis="企业填报的人数，不指向个人",
            retention="随主体；只在负责的指导站以外的汇总里出现，少于 5 的不显示",
            columns=counts,
            plain=_rest(Declaration, counts),
            seen_with=("markets.view_declaration",),
        ),
        Held(
            model=MarketPlan,
            whose="工作人员",
            purpose="一场一策的责任人",
            basis="履行工作职责",
            retention="随一场一策",
            columns=responsible,
            plain=_rest(MarketPlan, responsible),
            seen_with=("markets.view_marketplan",),
        ),
    )


_HEADS = ("full_members", "members_incl_probationary", "union", "league", "women")


def _rest(model, personal: dict[str, Column]) -> frozenset[str]:
    return frozenset(one.name for one in model._meta.concrete_fields) - set(personal)
