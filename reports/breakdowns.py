"""Businesses split by what they are: type, scale, industry, and where they stand by street; and by how they are covered.

Within one dimension the parts add up to the unit's number: what is not filled in is a part of its own. The engine writes the
groups down that parts are made of (reports/models/counted.py); reports/splitting.py reads them. How a business is covered
needs none: the whole number's own counts say it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import QueryDict

from markets.models import Business
from orgs.kinds import Level
from orgs.models import Division, Organization
from reports import metrics
from reports.sql.facts import DENOMINATORS, REST

STREET = "street"
NOT_FILLED, UNFILLED = "-", "未填"  # in an address, in words
Part = tuple[str, str]  # dimension, value; "" is what is not filled in
SECTIONS = {
    "A": "农、林、牧、渔业", "B": "采矿业", "C": "制造业", "D": "电力、热力、燃气及水的生产和供应业", "E": "建筑业",
    "F": "批发和零售业", "G": "交通运输、仓储和邮政业", "H": "住宿和餐饮业", "I": "信息传输、软件和信息技术服务业",
    "J": "金融业", "K": "房地产业", "L": "租赁和商务服务业", "M": "科学研究和技术服务业",
    "N": "水利、环境和公共设施管理业", "O": "居民服务、修理和其他服务业", "P": "教育", "Q": "卫生和社会工作",
    "R": "文化、体育和娱乐业", "S": "公共管理、社会保障和社会组织", "T": "国际组织",
}  # fmt: skip  # GB/T 4754-2017


@dataclass(frozen=True)
class Dimension:
    """`column`: of markets_business, by its name in the engine's SQL; `parts`: value → name, in the order of pages."""

    code: str
    name: str
    column: str
    parts: Mapping[str, str]

    def label(self, value: str) -> str:
        return self.parts.get(value) or (value or UNFILLED)


DIMENSIONS = {
    one.code: one
    for one in (
        Dimension("type", "类型", "entity_type", dict(Business.EntityType.choices)),
        Dimension("scale", "规模", "scale", {"small": "小型", "micro": "微型", "unknown": "未划分或未填"}),
        Dimension("industry", "行业", "section", {**SECTIONS, "": UNFILLED}),
        Dimension(STREET, "街道", "street", {}),
    )
}
MODE = "mode"
# How an operating business is covered, best first; the parts are numbers of the unit itself.
MODES = {
    "own": ("covered_own", "单独组建"),
    "joint": ("covered_joint", "联合组建"),
    "market": ("covered_market", "市场覆盖"),
    "work": ("work_covered_only", "仅工作覆盖"),
    "none": ("work_uncovered", "没有覆盖"),
}
# What is broken down: counts of businesses. Whether a column is filled at all is asked of the whole unit.
CODES = (
    *DENOMINATORS, "covered", "covered_own", "covered_joint", "covered_market", "work_covered",
    "work_covered_only", "instructed", "grouped", "due_and_built", "due_not_built", "due_not_built_sheltered",
    "due_not_built_blank", *REST,
)  # fmt: skip


def can_be_broken_down(metric: metrics.Metric) -> bool:
    """Whether a part has a value of this: counts of businesses and shares of them."""
    parts = [*metric.numerator.split("+"), metric.denominator] if metric.kind == metrics.RATE else [metric.code]
    return all(part in CODES for part in parts if part)


def of_unit(unit: Organization | Division) -> list[Dimension]:
    """By what a unit can be broken down: in the other line streets are units of their own."""
    if isinstance(unit, Organization):
        return [] if unit.level == Level.GRASSROOTS else list(DIMENSIONS.values())
    return [one for one in DIMENSIONS.values() if one.code != STREET]


def part_of(query: QueryDict) -> Part | None:
    """The part that an address names; raises UnknownMetric with a sentence."""
    dimension, value = query.get("by", ""), query.get("key", "")
    if not dimension and not value:
        return None
    if dimension in DIMENSIONS and (value := "" if value == NOT_FILLED else value) in _values(dimension):
        return dimension, value
    raise metrics.UnknownMetric("没有这样的分类，请从看板的「分布」进入。")


def _values(dimension: str) -> set[str]:
    if dimension == STREET:
        streets = Division.objects.filter(level=Division.Level.STREET)
        return {"", *(str(pk) for pk in streets.values_list("pk", flat=True))}
    return {"", *DIMENSIONS[dimension].parts}


def condition(part: Part) -> str:
    """As a condition on markets_business b; of a part that `part_of` knows."""
    dimension, value = part
    if dimension == STREET:
        return f"b.street_id = {int(value)}" if value else "b.street_id IS NULL"
    return f"b.{DIMENSIONS[dimension].column} = '{value}'"


def label(part: Part) -> str:
    """行业：批发和零售业"""
    dimension, value = part
    of = DIMENSIONS[dimension]
    name = str(Division.objects.get(pk=value)) if dimension == STREET and value else of.label(value)
    return f"{of.name}：{name}"


def query_of(part: Part) -> dict[str, str]:
    return {"by": part[0], "key": part[1] or NOT_FILLED}
