"""Which columns stand behind a number, one list per model. The rows themselves come from reports/rows.py."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from members.identity import mask_name
from reports.links import page


@dataclass(frozen=True)
class Column:
    label: str
    text: Callable[[Any], Any]
    numeric: bool = False


@dataclass(frozen=True)
class Columns:
    """The columns of one model, what to fetch with it, and where a row leads."""

    columns: tuple[Column, ...]
    related: tuple[str, ...] = ()
    url: Callable[[Any], str] = lambda row: ""


def _place(row) -> str:
    return str(row.street or row.district or "待分派")


def _guided(row) -> str:
    unit = row.guidance_station
    return (unit.short_name or unit.name) if unit else "直属/待分派"


def _day(value) -> str:
    return f"{value:%Y-%m-%d}" if value else "—"


_NAME = Column("名称", lambda row: row.name)
_PLACE = Column("区/街道", _place)
_GUIDED = Column("指导站", _guided)
_PLACED = ("district", "street", "guidance_station")

COLUMNS: dict[str, Columns] = {
    "orgs.organization": Columns(
        (
            _NAME,
            Column("类型", lambda row: row.get_kind_display()),
            Column("代码", lambda row: row.code),
            _GUIDED,
            Column("批准成立", lambda row: _day(row.approved_on)),
            Column("任期止", lambda row: _day(row.extended_until or row.term_ends_on)),
        ),
        ("guidance_station",),
        lambda row: page("reports:organization", row.code),
    ),
    "markets.business": Columns(
        (
            _NAME,
            Column("信用代码", lambda row: row.code),
            Column("主体类型", lambda row: row.get_entity_type_display()),
            Column("状态", lambda row: row.get_not_operating_display() or row.get_status_display()),
            _PLACE,
            _GUIDED,
        ),
        _PLACED,
        lambda row: page("markets:business_detail", row.pk),
    ),
    "markets.market": Columns(
        (
            _NAME,
            Column("类型", lambda row: row.get_trade_display()),
            Column("编号", lambda row: row.code),
            _PLACE,
            _GUIDED,
            Column("摊位（户）", lambda row: row.stalls if row.stalls is not None else "—", numeric=True),
        ),
        _PLACED,
        lambda row: page("markets:market_detail", row.pk),
    ),
    "markets.marketplan": Columns(
        (
            Column("市场", lambda row: row.market.name),
            Column("举措", lambda row: row.text),
            Column("责任单位", lambda row: row.responsible),
            Column("完成期限", lambda row: _day(row.due_on)),
        ),
        ("market",),
        lambda row: page("markets:market_detail", row.market_id),
    ),
    "markets.sourcedifference": Columns(
        (
            Column("经营主体", lambda row: row.business.name),
            Column("列", lambda row: row.get_column_display()),
            Column("来源", lambda row: row.get_source_display()),
            Column("数据日期", lambda row: _day(row.file_date)),
            Column("状态", lambda row: row.state_in_words),
        ),
        ("business",),
        lambda row: page("markets:business_detail", row.business_id),
    ),
    "markets.handover": Columns(
        (
            Column("名称", lambda row: row.name or "—"),
            Column("接收单位", lambda row: row.to.short_name or row.to.name),
            Column("发起方", lambda row: row.get_asked_from_display()),
            Column("状态", lambda row: row.get_state_display()),
            Column("发起日期", lambda row: _day(row.asked_at)),
        ),
        ("to",),
    ),
    "markets.industryarea": Columns(
        (_NAME, Column("行业", lambda row: row.industry or "—"), Column("编号", lambda row: row.code), _PLACE, _GUIDED),
        _PLACED,
    ),
    "markets.deliverysite": Columns(
        (
            _NAME,
            Column("平台", lambda row: row.platform.name),
            _PLACE,
            _GUIDED,
            Column("骑手（人）", lambda row: row.couriers if row.couriers is not None else "—", numeric=True),
        ),
        (*_PLACED, "platform"),
    ),
    "members.member": Columns(
        (
            Column("姓名（脱敏）", lambda row: mask_name(row.name)),
            Column("类别", lambda row: row.get_standing_display()),
            Column("手机尾号", lambda row: row.phone_tail or "—"),
            Column("职业", lambda row: row.get_occupation_display() or "—"),
        ),
        (),
        lambda row: page("members:detail", row.pk),
    ),
    "members.registration": Columns(
        (
            Column("报到", lambda row: f"第 {row.pk} 号"),
            Column("状态", lambda row: row.get_state_display()),
            Column("来源", lambda row: row.get_channel_display()),
            Column("报到日期", lambda row: _day(row.submitted_at)),
            Column("应办结", lambda row: _day(row.due_on)),
            _GUIDED,
        ),
        ("guidance_station",),
        lambda row: page("members:registration", row.pk),
    ),
    "members.transfer": Columns(
        (
            Column("姓名（脱敏）", lambda row: mask_name(row.member.name)),
            Column("转出", lambda row: str(row.origin or row.elsewhere or "—")),
            Column("转入", lambda row: str(row.target or row.elsewhere or "—")),
            Column("转出日期", lambda row: _day(row.sent_on)),
            Column("有效期至", lambda row: _day(row.valid_until)),
        ),
        ("member", "origin", "target"),
        lambda row: page("members:detail", row.member_id) if row.origin_id else "",
    ),
    "members.instructor": Columns(
        (
            _NAME,
            Column("来源", lambda row: row.background or "—"),
            Column("所属单位", lambda row: str(row.organization)),
        ),
        ("organization",),
    ),
    "members.instructorassignment": Columns(
        (
            Column("指导员", lambda row: str(row.instructor)),
            Column("身份", lambda row: row.get_role_display()),
            Column("派驻到", lambda row: str(row.business or row.market)),
            Column("起", lambda row: _day(row.starts_on)),
        ),
        ("instructor", "business", "market"),
    ),
    "stations.servicepoint": Columns(
        (
            _NAME,
            Column("类型", lambda row: row.get_kind_display()),
            Column("编号", lambda row: row.code),
            _PLACE,
            _GUIDED,
            Column("开放时间", lambda row: row.hours or "—"),
        ),
        _PLACED,
        lambda row: page("stations:detail", row.pk),
    ),
    "stations.checkin": Columns(
        (
            Column("日期", lambda row: _day(row.on)),
            Column("服务点", lambda row: row.place.name),
            Column("事由", lambda row: row.get_purpose_display()),
            Column("方式", lambda row: row.get_channel_display()),
        ),
        ("place",),
    ),
    "stations.footfalltally": Columns(
        (
            Column("日期", lambda row: _day(row.on)),
            Column("服务点", lambda row: row.place.name),
            Column("事由", lambda row: row.get_kind_display()),
            Column("人次", lambda row: row.count, numeric=True),
        ),
        ("place",),
        lambda row: page("stations:detail", row.place_id),
    ),
}


def columns_of(model: type[Model]) -> Columns:
    return COLUMNS[model._meta.label_lower]


OF_A_MEMBER = {"members.transfer", "stations.checkin"}


def shows_persons(model: type[Model]) -> bool:
    """Whether a page of these rows shows persons, so that the ids shown are written down."""
    return model._meta.label_lower in {"members.member", "members.registration", *OF_A_MEMBER}


def persons_in(rows: Iterable[Any]) -> list[Model]:
    """Whom they show, each once, as the person's own copy looks for them (members/copies.py)."""
    shown = (row.member if row._meta.label_lower in OF_A_MEMBER else row for row in rows)
    return list(dict.fromkeys(filter(None, shown)))
