"""Acts on many businesses or markets at once: set by set, with versions, by the rules of single edits and of files."""

from collections.abc import Sequence
from typing import Any

from django import forms

from markets.models import Business, IndustryArea
from markets.rules import COUNTING
from markets.sources import Source
from orgs.kinds import Level
from orgs.models import Organization
from tables.bulk import BulkAct, Step, register_bulk
from tables.statements import fetch

CHANGE_BUSINESS, CHANGE_MARKET = "markets.change_business", "markets.change_market"
OTHER_DISTRICT = "所在区与所选的指导站不在同一个区，请先核对所在区"
OTHER_GROUND = "不在这个片区所属的指导站"
NOT_REGISTERED = "已注销、吊销或迁出，不填未运营原因"
OPERATING = "operating"
# A person decided: files of lesser sources leave the place alone (markets/sources.py).
BY_HAND = f", provenance = b.provenance || jsonb_build_object('place', '{Source.MANUAL}')"
Sets = dict[str, tuple[str, list]]  # column → SQL of its new value, with what it needs


# --- what is asked ----------------------------------------------------------------------------------------------------


class _GuidanceStationForm(forms.Form):
    guidance_station = forms.ModelChoiceField(
        label="指导站",
        queryset=Organization.objects.none(),
        empty_label="请选择",
        error_messages={"invalid_choice": "这个指导站不在您的权限范围内，或已撤销。"},
    )
    permission: str

    def __init__(self, data=None, *, user, **kwargs) -> None:
        super().__init__(data, **kwargs)
        offered = Organization.objects.open().filter(level=Level.GUIDANCE_STATION)
        field = self.fields["guidance_station"]
        field.queryset = offered.visible_to(user, self.permission).order_by("path")  # type: ignore[attr-defined]


class BusinessesAssignForm(_GuidanceStationForm):
    permission = CHANGE_BUSINESS


class MarketsAssignForm(_GuidanceStationForm):
    permission = CHANGE_MARKET


class IndustryAreaForm(forms.Form):
    industry_area = forms.ModelChoiceField(
        label="行业片区",
        queryset=IndustryArea.objects.none(),
        empty_label="请选择",
        error_messages={"invalid_choice": "这个片区不在您的权限范围内。"},
    )

    def __init__(self, data=None, *, user, **kwargs) -> None:
        super().__init__(data, **kwargs)
        field = self.fields["industry_area"]
        field.queryset = IndustryArea.objects.visible_to(user, CHANGE_BUSINESS)  # type: ignore[attr-defined]


class KeyForm(forms.Form):
    is_key = forms.ChoiceField(label="重点企业", choices=[("on", "列为重点企业"), ("off", "不再列为重点企业")])

    def __init__(self, data=None, *, user, **kwargs) -> None:
        super().__init__(data, **kwargs)


class NotOperatingForm(forms.Form):
    reason = forms.ChoiceField(
        label="未实体运营原因",
        choices=[("", "请选择"), *Business.NotOperating.choices, (OPERATING, "恢复为实体运营（清除原因）")],
    )

    def __init__(self, data=None, *, user, **kwargs) -> None:
        super().__init__(data, **kwargs)


# --- what is done -----------------------------------------------------------------------------------------------------


def _apart(table: str, ids: Sequence[int], condition: str, params: list) -> list[int]:
    """Those of the rows that an act leaves as they are."""
    found = fetch(f"SELECT id FROM {table} b WHERE id = ANY(%s) AND {condition} ORDER BY id", [list(ids), *params])
    return [pk for (pk,) in found]


def _write(table: str, ids: Sequence[int], sets: Sets, skipped: dict[str, list[int]]) -> Step:
    """Change columns of the rows that were not set apart; what counts of a business goes to its versions."""
    apart = {pk for rows in skipped.values() for pk in rows}
    left = [pk for pk in ids if pk not in apart]
    values = [param for _, params in sets.values() for param in params]
    new = ", ".join(expression for expression, _ in sets.values())
    is_business = table == Business._meta.db_table
    assigned = ", ".join(f"{column} = {expression}" for column, (expression, _) in sets.items())
    if is_business:
        assigned += ", changed_at = now()"
        assigned += BY_HAND if "guidance_station_id" in sets else ""
    units = "old.guidance_station_id, old.district_committee_id, new.guidance_station_id, new.district_committee_id"
    written = fetch(
        f"WITH done AS (UPDATE {table} b SET {assigned} "
        f"WHERE b.id = ANY(%s) AND ({', '.join(f'b.{column}' for column in sets)}) IS DISTINCT FROM ({new}) "
        f"RETURNING b.id, old.entered_at, {_as_json('old', sets)} AS was, {_as_json('new', sets)} AS now, "
        f"ARRAY[{units}] AS units){_VERSIONS if is_business else ''} "
        "SELECT count(DISTINCT id), array_agg(DISTINCT unit) FILTER (WHERE unit IS NOT NULL) "
        "FROM done, unnest(units) AS unit",
        [*values, left, *values, *([list(COUNTING)] if is_business else [])],
    )
    ((changed, touched),) = written
    kept = {reason: rows for reason, rows in skipped.items() if rows}
    return Step(changed, len(left) - changed, kept, set(touched or ()))


_VERSIONS = (
    ", said AS (SELECT id, entered_at, k, v FROM done, jsonb_each(was) e (k, v) WHERE v IS DISTINCT FROM now -> k), "
    "versions AS (INSERT INTO markets_businessversion (business_id, valid_from, valid_to, values) "
    "SELECT id, COALESCE((SELECT max(valid_to) FROM markets_businessversion o WHERE o.business_id = said.id), "
    "entered_at), now(), jsonb_object_agg(k, v) FROM said WHERE k = ANY(%s) GROUP BY id, entered_at)"
)


def _as_json(row: str, columns: dict) -> str:
    pairs = ", ".join(f"'{column}', {row}.{column}" for column in columns)
    return f"jsonb_build_object({pairs})"


def _assign(table: str, ids: Sequence[int], unit: Organization) -> Step:
    """As a file that names the office: a row of another district stays, an unknown street becomes the office's."""
    elsewhere = _apart(table, ids, "b.district_id <> %s", [unit.district_id]) if unit.district_id else []
    sets: Sets = {
        "guidance_station_id": ("%s::bigint", [unit.pk]),
        "district_committee_id": ("%s::bigint", [unit.district_committee_id]),
        "district_id": ("COALESCE(b.district_id, %s::bigint)", [unit.district_id]),
        "street_id": ("COALESCE(b.street_id, %s::bigint)", [unit.street_id]),
    }
    return _write(table, ids, sets, {OTHER_DISTRICT: elsewhere})


def businesses_assign(ids: Sequence[int], data: dict[str, Any], by) -> Step:
    return _assign("markets_business", ids, data["guidance_station"])


def markets_assign(ids: Sequence[int], data: dict[str, Any], by) -> Step:
    return _assign("markets_market", ids, data["guidance_station"])


def set_industry_area(ids: Sequence[int], data: dict[str, Any], by) -> Step:
    area = data["industry_area"]
    there = area.guidance_station_id
    elsewhere = _apart("markets_business", ids, "b.guidance_station_id IS DISTINCT FROM %s", [there]) if there else []
    return _write("markets_business", ids, {"industry_area_id": ("%s::bigint", [area.pk])}, {OTHER_GROUND: elsewhere})


def set_key(ids: Sequence[int], data: dict[str, Any], by) -> Step:
    return _write("markets_business", ids, {"is_key": ("%s::boolean", [data["is_key"] == "on"])}, {})


def set_not_operating(ids: Sequence[int], data: dict[str, Any], by) -> Step:
    reason = "" if data["reason"] == OPERATING else data["reason"]
    gone = _apart("markets_business", ids, "NOT b.is_registered", []) if reason else []
    return _write("markets_business", ids, {"not_operating": ("%s::varchar", [reason])}, {NOT_REGISTERED: gone})


MOVED = "指导站和区级党委改为您选定的；空着的所在区、街道按指导站补上。"
ACTS = {
    "business": (
        BulkAct("assign", "分派指导站", CHANGE_BUSINESS, BusinessesAssignForm, MOVED, businesses_assign),
        BulkAct(
            "industry_area", "划入行业片区", CHANGE_BUSINESS, IndustryAreaForm,
            "行业片区改为您选定的；不在片区所属指导站的跳过。", set_industry_area,
        ),
        BulkAct("key", "标记重点企业", CHANGE_BUSINESS, KeyForm, "重点企业一项改为您选定的。", set_key),
        BulkAct(
            "not_operating", "填写未实体运营原因", CHANGE_BUSINESS, NotOperatingForm,
            "未实体运营原因改为您选定的；已注销、吊销、迁出的跳过。", set_not_operating,
        ),
    ),
    "market": (BulkAct("assign", "分派指导站", CHANGE_MARKET, MarketsAssignForm, MOVED, markets_assign),),
}  # fmt: skip


def register() -> None:
    for table, acts in ACTS.items():
        for act in acts:
            register_bulk(table, act)
