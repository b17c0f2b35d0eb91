"""The columns of what other systems say: differences, and what did not appear in a full file."""

import json

from django.urls import reverse

from markets.models import Absence, Business, SourceDifference
from markets.sources import PLACE, Source
from orgs.models import Division, Organization
from tables.table import Column, Table


def in_words(column: str, text: str | None) -> str:
    """A value as differences keep it, for people."""
    if not text:
        return "空"
    if column == "place":
        committee, office, district, street = json.loads(text)
        unit = Organization.objects.filter(pk=office or committee).first() if office or committee else None
        divisions = Division.objects.filter(pk__in=[each for each in (district, street) if each]).order_by("level")
        return " ".join(str(part) for part in (unit and (unit.short_name or unit.name), *divisions) if part) or "空"
    field = Business._meta.get_field(column)
    if field.is_relation:
        row = field.related_model._default_manager.filter(pk=text).first()  # type: ignore[union-attr]
        return str(row) if row else "已不存在"
    return str(dict(getattr(field, "flatchoices", ())).get(text, text))


def stands_in_words(business: Business, column: str) -> str:
    if column == "place":
        return in_words(column, json.dumps([getattr(business, name) for name in PLACE]))
    value = getattr(business, column)
    return in_words(column, None if value in (None, "") else str(value))


def _place(row: SourceDifference | Absence) -> str:
    business = row.business
    return str(business.guidance_station.short_name if business.guidance_station else business.district or "")


_BUSINESS = (
    Column("name", "名称", source="business.name"),
    Column("code", "统一社会信用代码", kind="code", source="business.code"),
    Column("place", "指导站", kind="place", value=_place),
)
DIFFERENCES = Table(
    name="difference",
    title="系统间差异",
    columns=(
        Column(
            "name", "名称", source="business.name",
            link=lambda row: reverse("markets:difference", args=[row.pk]),
        ),
        *_BUSINESS[1:],
        Column("column", "列", source="get_column_display"),
        Column("stands", "现值", value=lambda row: stands_in_words(row.business, row.column)),
        Column("source", "来源", source="get_source_display"),
        Column("value", "该来源的取值", value=lambda row: in_words(row.column, row.value)),
        Column("file_date", "数据日期", kind="date"),
        Column("kept", "已确认保留", value=lambda row: "是" if row.kept_at else "否"),
    ),
)  # fmt: skip
ABSENCES = Table(
    name="absence",
    title="本次未出现",
    columns=(
        Column(
            "name", "名称", source="business.name",
            link=lambda row: reverse("markets:business_detail", args=[row.business_id]),
        ),
        *_BUSINESS[1:],
        Column("status", "经营状态", source="business.get_status_display"),
        Column("source", "全量文件的来源", value=lambda row: Source(row.batch.source).label),
        Column("file_date", "数据日期", kind="date", source="batch.file_date"),
    ),
)  # fmt: skip
OF_BUSINESS = ("business__guidance_station", "business__district")
