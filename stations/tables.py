"""The columns of service points, for lists, exports, templates and the import."""

from django.urls import reverse

from markets.place_tables import LATITUDE, LONGITUDE, NOTES
from orgs.imports import place_columns
from stations.models import ServicePoint
from tables import cells
from tables.table import Column, Table

Kind = ServicePoint.Kind
ALIASES = {"驿站": Kind.REST_POINT, "骑手驿站": Kind.REST_POINT, "党群服务站": Kind.PARTY_SERVICE, "窗口": Kind.COUNTER}

SERVICE_POINTS = Table(
    name="service_point",
    title="服务点",
    columns=(
        Column("name", "名称", ("服务点名称", "站点名称", "驿站名称"), needed=True, parse=cells.text(100),
               example=("示例骑手驿站", "示例爱心商户"),
               link=lambda row: reverse("stations:detail", args=[row.pk])),
        Column("code", "编号", ("服务点编号", "代码"), kind="code", needed=True, parse=cells.code(), shown=False,
               example=("FW-0001", "FW-0002")),
        Column("kind", "类型", ("服务点类型", "类别"), kind="choice", source="get_kind_display", needed=True,
               parse=cells.choice(Kind, ALIASES), choices=tuple(Kind.labels),
               example=("骑手驿站/暖蜂服务点", "爱心商户")),
        *place_columns(),
        Column("address", "地址", ("详细地址", "服务点地址"), parse=cells.text(200), example=("粤海街道示例路 3 号", "")),
        Column("hours", "开放时间", ("营业时间", "服务时间", "开放时段"), parse=cells.text(60),
               example=("08:00–22:00", "周一至周五 09:00–18:00")),
        Column("facilities", "设施", ("服务设施", "服务内容"), parse=cells.text(200), shown=False,
               example=("饮水、充电、休息", "")),
        LATITUDE,
        LONGITUDE,
        Column("organization", "主办党组织", ("党组织", "所属党组织"), kind="place", source="organization.name",
               shown=False),
        Column("market", "所在市场", ("市场", "所属市场"), kind="place", source="market.name", shown=False),
        Column("closed_on", "停用日期", ("关闭日期",), kind="date", parse=cells.date, shown=False),
        Column("state", "状态", value=lambda row: "已停用" if row.closed_on else "使用中",
               badge=lambda row: "plain" if row.closed_on else "ok", exported=False, imported=False),
    ),
    needs=(("code",),),
    notes=("编号用来认出同一个服务点，必须填写；新增的还要填名称和类型。",
           "坐标用 WGS-84；主办党组织填全称或代码。一个指导站只能有一个在用的窗口。", *NOTES),
)  # fmt: skip
RELATED = ("district", "street", "guidance_station", "organization", "market")
