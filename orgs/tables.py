"""The columns of organizations, for lists, exports, templates and the import."""

import datetime as dt

from django.urls import reverse
from django.utils import timezone

from orgs.kinds import HostKind, Kind, Level
from orgs.models import Organization
from tables import cells
from tables.table import Column, Table

KIND_NAMES = {
    "市委": Kind.CITY_COMMITTEE, "区委": Kind.DISTRICT_COMMITTEE, "支部": Kind.BRANCH, "总支": Kind.GENERAL_BRANCH,
    "联合支部": Kind.JOINT_BRANCH, "流动党支部": Kind.FLOATING_BRANCH, "临时支部": Kind.TEMPORARY_BRANCH,
    "功能型支部": Kind.FUNCTIONAL_BRANCH, "监管所党建工作指导站": Kind.GUIDANCE_STATION,
}  # fmt: skip


def _date(key: str, label: str, aliases: tuple[str, ...], parse: cells.Parse, example: tuple[str, ...] = ()) -> Column:
    return Column(key, label, aliases, kind="date", parse=parse, shown=False, example=example)


def _term_end(row: Organization) -> dt.date | None:
    return row.extended_until or row.term_ends_on


def _is_overdue(row: Organization) -> bool:
    end = _term_end(row)
    return end is not None and row.closed_on is None and end <= timezone.localdate()


def term_text(row: Organization) -> str:
    end = _term_end(row)
    if end is None:
        return "—"
    if _is_overdue(row):
        return f"{end} 已届满"
    return f"{end}（延期）" if row.extended_until else f"{end}"


def term_badge(row: Organization) -> str:
    return "bad" if _is_overdue(row) else ""


def state_text(row: Organization) -> str:
    return f"{row.closed_on} 撤销" if row.closed_on else "在设"


def state_badge(row: Organization) -> str:
    return "plain" if row.closed_on else "ok"


ORGANIZATIONS = Table(
    name="organization",
    title="党组织",
    columns=(
        Column(
            "name",
            "名称",
            ("党组织名称", "组织名称", "党组织全称", "全称"),
            needed=True,
            parse=cells.text(100),
            example=("示例综合党委", "示例市场联合党支部"),
            link=lambda row: reverse("orgs:detail", args=[row.pk]),
        ),
        Column("code", "代码", ("党组织代码", "组织代码", "编号"), kind="code", needed=True, parse=cells.code(),
               shown=False, example=("DZZ-0001", "DZZ-0002")),
        Column("short_name", "简称", ("党组织简称",), parse=cells.text(40), shown=False, example=("示例综合", "")),
        Column("level", "层级", ("组织层级",), kind="choice", source="get_level_display", parse=cells.choice(Level),
               choices=tuple(Level.labels), example=("基层", "基层")),
        Column("kind", "类型", ("党组织类型", "组织类型", "党组织类别"), kind="choice", source="get_kind_display",
               needed=True, parse=cells.choice(Kind, KIND_NAMES), choices=tuple(Kind.labels),
               example=("综合党委", "联合党支部")),
        Column("parent", "上级", ("上级（指导线）", "上级党组织", "上级组织", "上级党组织代码", "上级代码"), kind="place",
               source="parent.name", example=("粤海指导站", "DZZ-0001")),
        Column("host_kind", "依托", ("依托类型", "依托单位类型"), kind="choice", source="get_host_kind_display",
               parse=cells.choice(HostKind), choices=tuple(HostKind.labels), shown=False, example=("", "市场")),
        Column("superior", "隶属党组织", ("隶属",), kind="place", source="superior.name", shown=False),
        Column("superior_name", "隶属党组织（系统外）", ("系统外隶属党组织",), parse=cells.text(100), shown=False),
        Column("district", "所属区", ("所在区", "区", "行政区", "区县"), kind="place", source="district.name",
               shown=False, example=("南山区", "")),
        Column("street", "所属街道", ("所在街道", "街道", "镇街"), kind="place", source="street.name",
               example=("粤海街道", "")),
        _date("approved_on", "批准成立日期", ("成立日期", "成立时间", "批准日期"), cells.date, ("2020-07-01", "2021/3/15")),
        _date("term_starts_on", "本届起", ("本届任期起", "任期起", "换届日期"), cells.date, ("2021-07-01", "")),
        _date("term_ends_on", "本届止", ("本届任期止", "任期止", "任期至", "届满日期"), cells.any_date),
        _date("extended_until", "延期至", ("延期换届至",), cells.any_date),
        Column("extension_document", "延期批复文号", ("延期文号",), parse=cells.text(60), shown=False),
        Column("closed_on", "撤销日期", kind="date", imported=False, shown=False),
        Column("term", "任期至", value=term_text, badge=term_badge, exported=False, imported=False),
        Column("state", "状态", value=state_text, badge=state_badge, exported=False, imported=False),
    ),
    needs=(("code",),),
    notes=(
        "代码用来认出同一个党组织，必须填写；新增的还要填名称、类型、上级。",
        "上级填代码、全称或简称；也可以是同一个文件里新增的党组织，先后不限。",
        "上级与系统里不同的行不会导入：调整隶属、合并、撤销请在系统里办理，会留下沿革和批复文号。",
        "名称不同的按更名处理，会留下沿革。不填本届止的按类型推算任期。空着的格子不会清掉系统里已有的内容。",
    ),
)  # fmt: skip
RELATED = ("parent", "superior", "district", "street")
