"""The columns of what other systems say: differences, and what did not appear in a full file."""

import json
from collections.abc import Collection, Sequence

from django.urls import reverse

from markets.differences import told_now
from markets.models import Absence, Business, Market, SourceDifference
from markets.sources import Source
from orgs.models import Division, Organization
from tables.table import Column, Table


def in_words(column: str, text: str | None) -> str:
    """A value as differences keep it, for people."""
    return _words_of({(column, text)})[column, text]


def stands_in_words(business: Business, column: str) -> str:
    return in_words(column, told_now(business, column))


def say_in_words(rows: Sequence[SourceDifference]) -> None:
    """Put the words for what stands and for what is told beside many rows: a value may be the id of another record, and
    each kind of record is asked for once."""
    said = {row.pk: ((row.column, told_now(row.business, row.column)), (row.column, row.value)) for row in rows}
    words = _words_of({one for both in said.values() for one in both})
    for row in rows:
        row.stands_words, row.value_words = (words[one] for one in said[row.pk])  # type: ignore[attr-defined]


def _words_of(said: Collection[tuple[str, str | None]]) -> dict[tuple[str, str | None], str]:
    places = {text: json.loads(text) for column, text in said if column == "place" and text}
    units = Organization.objects.in_bulk({office or committee for committee, office, *_ in places.values()} - {None})
    divisions = Division.objects.in_bulk(
        {one for *_, district, street in places.values() for one in (district, street)} - {None}
    )
    markets = Market.objects.in_bulk({int(text) for column, text in said if column == "market_id" and text})

    def words(column: str, text: str | None) -> str:
        if not text:
            return "空"
        if column == "place":
            committee, office, district, street = places[text]
            unit = units.get(office or committee)
            parts = (unit and (unit.short_name or unit.name), divisions.get(district), divisions.get(street))
            return " ".join(str(part) for part in parts if part) or "空"
        if column == "market_id":
            return str(markets.get(int(text), "已不存在"))
        field = Business._meta.get_field(column)
        return str(dict(getattr(field, "flatchoices", ())).get(text, text))

    return {one: words(*one) for one in said}


def _words(row: SourceDifference) -> tuple[str, str]:
    if not hasattr(row, "value_words"):
        say_in_words([row])
    return row.stands_words, row.value_words  # type: ignore[attr-defined]


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
        Column("stands", "现值", value=lambda row: _words(row)[0]),
        Column("source", "来源", source="get_source_display"),
        Column("value", "该来源的取值", value=lambda row: _words(row)[1]),
        Column("file_date", "数据日期", kind="date"),
        Column("kept", "已确认保留", value=lambda row: "是" if row.kept_at else "否"),
    ),
)  # fmt: skip
NAMESAKE = "同名行的代码读不出：文件里有一行同名，可能就是它"
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
        Column("absent", "情况", source="in_words"),
        Column("namesake", "备注", value=lambda row: NAMESAKE if row.has_namesake else ""),
        Column("source", "全量文件的来源", value=lambda row: Source(row.batch.source).label),
        Column("file_date", "数据日期", kind="date", source="batch.file_date"),
    ),
)  # fmt: skip
OF_BUSINESS = ("business__guidance_station", "business__district")
