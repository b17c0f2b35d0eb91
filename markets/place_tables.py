"""The columns of markets, industry areas, platforms and delivery sites: lists, exports, templates and imports."""

from collections.abc import Callable
from typing import Any

from django.urls import reverse

from markets import codes
from markets.models import Market
from orgs.imports import place_columns
from tables import cells
from tables.table import Column, Table

NOTES = (
    "空着的格子不会清掉系统里已有的内容。列的先后不限，不需要的列可以删掉。",
    "所属区、所属街道、指导站至少填一项；填了指导站，区和街道可以不填。",
)
LATITUDE = Column(
    "latitude",
    "纬度",
    ("纬度（WGS-84）", "lat"),
    parse=cells.degrees,
    shown=False,
    example=("22.543100", ""),
)
LONGITUDE = Column(
    "longitude", "经度", ("经度（WGS-84）", "lng", "lon"), parse=cells.degrees, shown=False,
    example=("113.934500", ""),
)  # fmt: skip


def uscc(text: str) -> str:
    code = codes.clean_code(text)
    if not codes.is_uscc(code):
        raise cells.Wrong(codes.code_problem(code) or "应为 18 位统一社会信用代码")
    return code


def _closed(label: str) -> Column:
    return Column("closed_on", label, ("停用日期", "关停日期"), kind="date", parse=cells.date, shown=False)


def _in_admin(model: str) -> Callable[[Any], str]:
    """What has no page of its own is looked at, and by those who may changed, in the admin."""
    return lambda row: reverse(f"admin:markets_{model}_change", args=[row.pk])


PLACE_RELATED = ("district", "street", "guidance_station")

MARKETS = Table(
    name="market",
    title="专业市场",
    columns=(
        Column(
            "name",
            "名称",
            ("市场名称", "专业市场名称", "专业市场"),
            needed=True,
            parse=cells.text(100),
            example=("示例农贸市场", "示例电子市场"),
            link=lambda row: reverse("markets:market_detail", args=[row.pk]),
        ),
        Column("code", "编号", ("市场编号", "代码"), kind="code", needed=True, parse=cells.code(),
               example=("SC-0001", "SC-0002")),
        Column("trade", "类型", ("市场类型", "业态", "行业"), kind="choice", source="get_trade_display",
               parse=cells.choice(Market.Trade, {"农贸市场": Market.Trade.FARM, "批发市场": Market.Trade.WHOLESALE}),
               choices=tuple(Market.Trade.labels), example=("农贸", "电子")),
        Column("organiser", "开办方", ("开办单位", "市场开办方", "开办者", "主办单位"), parse=cells.text(100),
               example=("示例市场管理有限公司", "")),
        Column("organiser_uscc", "开办方信用代码", ("开办方统一社会信用代码",), kind="code", parse=uscc, shown=False),
        *place_columns(),
        Column("stalls", "摊位（户）", ("摊位数", "摊位", "经营户数", "商户数"), kind="integer",
               parse=cells.whole_number(cells.STALLS, "户数"), example=("120", "300")),
        Column("employees", "从业人数", ("从业人员", "从业人员数"), kind="integer", parse=cells.head_count, shown=False,
               example=("260", "")),
        Column("address", "地址", ("市场地址", "详细地址"), parse=cells.text(200), shown=False,
               example=("粤海街道示例路 1 号", "")),
        LATITUDE,
        LONGITUDE,
        _closed("关闭日期"),
    ),
    needs=(("code",),),
    notes=("编号用来认出同一个市场，必须填写；新增的市场还要填名称。", *NOTES),
)  # fmt: skip

INDUSTRY_AREAS = Table(
    name="industry_area",
    title="行业片区",
    columns=(
        Column("name", "名称", ("片区名称", "行业片区"), needed=True, parse=cells.text(100),
               example=("示例餐饮片区", "示例零售片区"), link=_in_admin("industryarea")),
        Column("code", "编号", ("片区编号", "代码"), kind="code", needed=True, parse=cells.code(),
               example=("PQ-0001", "PQ-0002")),
        Column("industry", "行业", ("所属行业",), parse=cells.text(60), example=("餐饮", "零售")),
        *place_columns(),
    ),
    needs=(("code",),),
    notes=("编号用来认出同一个片区，必须填写；新增的片区还要填名称。", *NOTES),
)  # fmt: skip

PLATFORMS = Table(
    name="platform",
    title="平台企业",
    columns=(
        Column("name", "名称", ("平台名称", "平台企业", "平台"), needed=True, parse=cells.text(60),
               example=("示例快递", "示例外卖"), link=_in_admin("platform")),
        Column("uscc", "统一社会信用代码", ("信用代码", "社会信用代码"), kind="code", parse=uscc),
    ),
    needs=(("name",),),
    notes=("名称用来认出同一个平台，必须填写。", NOTES[0]),
)  # fmt: skip

DELIVERY_SITES = Table(
    name="delivery_site",
    title="配送网点",
    columns=(
        Column("platform", "平台", ("平台名称", "平台企业", "所属平台", "品牌"), kind="place", source="platform.name",
               needed=True, example=("示例快递", "示例快递")),
        Column("name", "名称", ("网点名称", "站点名称", "配送网点"), needed=True, parse=cells.text(100),
               example=("示例快递粤海网点", "示例快递南山网点"), link=_in_admin("deliverysite")),
        *place_columns(),
        Column("address", "地址", ("网点地址", "详细地址"), parse=cells.text(200), shown=False,
               example=("粤海街道示例路 2 号", "")),
        Column("couriers", "骑手人数", ("骑手数", "快递员人数", "配送员人数", "人数"), kind="integer",
               parse=cells.head_count, example=("35", "")),
        LATITUDE,
        LONGITUDE,
        _closed("关闭日期"),
    ),
    needs=(("platform",), ("name",)),
    notes=("平台和名称一起认出同一个网点；平台要先在系统里登记。", "只填人数，不要填骑手的姓名和号码。", *NOTES),
)  # fmt: skip
