"""What the kinds of organization are and what each may do. The one table of it.

Level is where a body stands in the guidance line; kind is what it is. Sources: 党章 Art. 30; 支部工作条例 Art. 4–9.
"""

from dataclasses import dataclass
from typing import Any

from django.db import models


class Level(models.IntegerChoices):
    CITY = 1, "市级"
    DISTRICT = 2, "区级"
    GUIDANCE_STATION = 3, "指导站"
    GRASSROOTS = 4, "基层"


class Kind(models.TextChoices):
    CITY_COMMITTEE = "city_committee", "市小个专党委"
    DISTRICT_COMMITTEE = "district_committee", "区小个专党委"
    GUIDANCE_STATION = "guidance_station", "指导站"
    INDUSTRY_COMMITTEE = "industry_committee", "行业党委"
    GRASSROOTS_COMMITTEE = "grassroots_committee", "基层党委"
    COMPREHENSIVE_COMMITTEE = "comprehensive_committee", "综合党委"
    GENERAL_BRANCH = "general_branch", "党总支"
    BRANCH = "branch", "党支部"
    JOINT_BRANCH = "joint_branch", "联合党支部"
    FLOATING_BRANCH = "floating_branch", "流动党员党支部"
    PROJECT_BRANCH = "project_branch", "项目党支部"
    TEMPORARY_BRANCH = "temporary_branch", "临时党支部"
    FUNCTIONAL_BRANCH = "functional_branch", "功能型党支部"
    ALLIANCE = "alliance", "联建/联盟"


class HostKind(models.TextChoices):
    ENTERPRISE = "enterprise", "企业"
    MARKET = "market", "市场"
    STREET_BLOCK = "street_block", "街区"
    SHOPPING_DISTRICT = "shopping_district", "商圈"
    BUILDING = "building", "楼宇"
    PARK = "park", "园区"
    SCENIC_AREA = "scenic_area", "景区"
    ASSOCIATION = "association", "协会"
    PLATFORM = "platform", "平台"


@dataclass(frozen=True)
class Capability:
    """What a body of a kind may do. `term_years`: its committee's term, None where the body is appointed."""

    levels: tuple[Level, ...] = (Level.GRASSROOTS,)
    holds_rolls: bool = True
    elects: bool = True
    develops_members: bool = True
    counts_as_organization: bool = True
    term_years: int | None = 3


_APPOINTED: dict[str, Any] = {
    "holds_rolls": False,
    "elects": False,
    "develops_members": False,
    "counts_as_organization": False,
}

CAPABILITIES: dict[str, Capability] = {
    Kind.CITY_COMMITTEE: Capability(levels=(Level.CITY,), **_APPOINTED, term_years=None),
    Kind.DISTRICT_COMMITTEE: Capability(levels=(Level.DISTRICT,), **_APPOINTED, term_years=None),
    Kind.GUIDANCE_STATION: Capability(levels=(Level.GUIDANCE_STATION,), **_APPOINTED, term_years=None),
    Kind.INDUSTRY_COMMITTEE: Capability(term_years=5),
    Kind.GRASSROOTS_COMMITTEE: Capability(term_years=5),
    Kind.COMPREHENSIVE_COMMITTEE: Capability(term_years=5),
    Kind.GENERAL_BRANCH: Capability(),
    Kind.BRANCH: Capability(),
    Kind.JOINT_BRANCH: Capability(),
    Kind.FLOATING_BRANCH: Capability(),
    Kind.PROJECT_BRANCH: Capability(),
    Kind.TEMPORARY_BRANCH: Capability(**_APPOINTED, term_years=None),
    Kind.FUNCTIONAL_BRANCH: Capability(**_APPOINTED, term_years=None),
    Kind.ALLIANCE: Capability(**_APPOINTED, term_years=None),
}

COUNTED_KINDS = tuple(kind for kind, can in CAPABILITIES.items() if can.counts_as_organization)
ROLL_KINDS = tuple(kind for kind, can in CAPABILITIES.items() if can.holds_rolls)


def kinds_at(level: int) -> tuple[str, ...]:
    return tuple(kind for kind, can in CAPABILITIES.items() if level in can.levels)
