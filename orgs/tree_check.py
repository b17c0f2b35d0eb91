"""Proof that the tree is one: what check_tree prints. Reads every organization once; 32,000 rows take a second."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from orgs.kinds import Level, kinds_at
from orgs.models import Division, Organization
from orgs.services.tree import LABEL

LABELS = re.compile(rf"([0-9A-Z]{{{LABEL}}})+")
PARENT_LEVELS = {
    Level.CITY: (None,),
    Level.DISTRICT: (Level.CITY,),
    Level.GUIDANCE_STATION: (Level.DISTRICT,),
    Level.GRASSROOTS: tuple(Level),
}
COLUMNS = (
    "id", "code", "path", "level", "kind", "parent_id", "district_committee_id", "guidance_station_id", "district_id",
    "street_id", "closed_on", "parent__path", "parent__level", "parent__district_committee_id",
    "parent__guidance_station_id", "parent__closed_on", "street__parent_id", "street__level", "district__level",
)  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """`rule` is one of labels, path, level, ancestors, kind, locality, closed; `code` is the organization's."""

    code: str
    rule: str
    message: str

    def as_dict(self) -> dict:
        return asdict(self)


def _path(row: dict) -> str | None:
    if (row["parent__path"] or "") != row["path"][:-LABEL]:
        return f"路径 {row['path']} 不在上级的路径 {row['parent__path'] or '（无）'} 之下"
    return None


def _labels(row: dict) -> str | None:
    return None if LABELS.fullmatch(row["path"]) else f"路径 {row['path']} 不是每级 {LABEL} 位"


def _level(row: dict) -> str | None:
    if row["parent__level"] in PARENT_LEVELS.get(row["level"], ()):
        return None
    return f"层级 {row['level']} 不能挂在层级 {row['parent__level'] or '（无上级）'} 之下"


def _ancestors(row: dict) -> str | None:
    own, level = row["id"], row["level"]
    district = own if level == Level.DISTRICT else row["parent__district_committee_id"]
    guidance = own if level == Level.GUIDANCE_STATION else row["parent__guidance_station_id"]
    found = (row["district_committee_id"], row["guidance_station_id"])
    return None if found == (district, guidance) else f"区级党委、指导站应为 {(district, guidance)}，实为 {found}"


def _kind(row: dict) -> str | None:
    return None if row["kind"] in kinds_at(row["level"]) else f"类型 {row['kind']} 不能设在层级 {row['level']}"


def _locality(row: dict) -> str | None:
    if row["district_id"] and row["district__level"] != Division.Level.DISTRICT:
        return "所在区不是区一级的区划"
    if not row["street_id"]:
        return None
    if row["street__level"] != Division.Level.STREET:
        return "所在街道不是街道一级的区划"
    if row["street__parent_id"] != row["district_id"]:
        return f"所在街道属于区划 {row['street__parent_id']}，所在区却是 {row['district_id']}"
    return None


def _closed(row: dict) -> str | None:
    return "上级已撤销，本组织未撤销" if row["parent__closed_on"] and not row["closed_on"] else None


RULES = {
    "labels": _labels,
    "path": _path,
    "level": _level,
    "ancestors": _ancestors,
    "kind": _kind,
    "locality": _locality,
    "closed": _closed,
}


def tree_problems() -> Iterator[Problem]:
    """Everything that is wrong with the tree, in the order of paths."""
    for row in Organization.objects.order_by("path").values(*COLUMNS).iterator(chunk_size=2000):
        for rule, find in RULES.items():
            if message := find(row):
                yield Problem(row["code"], rule, message)
