"""Rows as they stood at the end of a past day.

What the engine counts by is read through the same statements, over tables that are put in place of today's: a CTE of
the same name comes before the table. Periods are half-open and say themselves when they held; this puts back what was
replaced since: counting columns of businesses (BusinessVersion), the tree (OrganizationChange), what was entered later.

What cannot be put back: links and head-counts that were changed in place or ended with an earlier day, and persons who
were erased. Whoever compares with the snapshot of the day says so.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from django.apps import apps
from django.utils import timezone

from markets.models import Business, BusinessVersion
from orgs.kinds import Level
from orgs.models import Division, Organization, OrganizationChange
from reports.sql.parts import Day

Event = OrganizationChange.Event
# Tables that copy the ancestors and keep no versions of their own.
PLACED = (
    "markets_market", "markets_industryarea", "markets_deliverysite", "stations_servicepoint", "stations_checkin",
)  # fmt: skip
DATES = ("approved_on", "closed_on", "term_starts_on", "term_ends_on", "extended_until")
LOST = (
    "补录了更早的起止日期、改了关系的方式、删去了不应保留的人数、合并了指导站、改派了专业市场或服务点，或抹除了个人信息"
)
NOT_PUT_BACK = f"差额来自事后不能还原的改动：{LOST}。"


@dataclass
class Tree:
    """What differs from today's tree: columns of organizations, and where guidance stations hung."""

    columns: dict[int, dict[str, object]] = field(default_factory=dict)
    district_committees: dict[int, int | None] = field(default_factory=dict)  # by guidance station

    def as_it_hung(self, unit: Any) -> Any:
        """The unit with the path it had: rows of a grassroots body are found by it."""
        path = self.columns.get(unit.pk, {}).get("path") if isinstance(unit, Organization) else None
        if not path:
            return unit
        then = copy(unit)
        then.path = path
        return then


def is_past(on: date | None) -> bool:
    return on is not None and on < timezone.localdate()


def as_it_stood(select: Callable[[Any], str], unit: Any, on: date | None) -> str:
    """`select(unit)` gives a statement that selects `id`; here over the tables of that day. As it is for today."""
    if on is None or not is_past(on):
        return select(unit)
    tree = tree_on(Day(on))
    return f"WITH {', '.join(tables(Day(on), tree))} SELECT id FROM ({select(tree.as_it_hung(unit))}) counted"


def tables(day: Day, tree: Tree | None = None) -> list[str]:
    """The CTEs that stand in place of today's tables."""
    tree = tree_on(day) if tree is None else tree
    registrations = f"members_registration AS NOT MATERIALIZED ({registrations_sql(day, tree)})"
    return [*_businesses(day, tree), *_organizations(tree), *_placed(tree), registrations]


# --- businesses -------------------------------------------------------------------------------------------------------


def _businesses(day: Day, tree: Tree) -> list[str]:
    columns = [str(field.column) for field in Business._meta.concrete_fields]
    dc = _moved("b", tree)
    now = ", ".join(f"{dc} AS {name}" if name == "district_committee_id" and dc else f"b.{name}" for name in columns)
    entered = f"b.entered_at < {day.end}"
    if not BusinessVersion.objects.filter(valid_to__gte=_end(day)).exists():
        return [f"markets_business AS NOT MATERIALIZED (SELECT {now} FROM markets_business b WHERE {entered})"]
    dc = _moved("p", tree)
    derived = {
        "is_registered": "p.status IN ('active', 'dormant')",
        "is_operating": "p.status = 'active' AND p.not_operating = ''",
        "section": "left(p.industry, 1)",
        **({"district_committee_id": dc} if dc else {}),
    }
    then = ", ".join(f"({derived[name]}) AS {name}" if name in derived else f"p.{name}" for name in columns)
    return [
        # Of each column the value that the first change after the day replaced.
        f"""replaced AS MATERIALIZED (
            SELECT business_id, jsonb_object_agg(k, v) AS was FROM (
                SELECT DISTINCT ON (v.business_id, e.k) v.business_id, e.k, e.v
                FROM markets_businessversion v, jsonb_each(v.values) e (k, v)
                WHERE v.valid_to >= {day.end} ORDER BY v.business_id, e.k, v.valid_to, v.id) firsts
            GROUP BY business_id)""",
        f"""markets_business AS NOT MATERIALIZED (
            SELECT {now} FROM markets_business b
            WHERE {entered} AND NOT EXISTS (SELECT FROM replaced r WHERE r.business_id = b.id)
            UNION ALL
            SELECT {then} FROM replaced r JOIN markets_business b ON b.id = r.business_id AND {entered},
                LATERAL jsonb_populate_record(b, r.was) p)""",
    ]


def _end(day: Day) -> datetime:
    return timezone.make_aware(datetime.combine(day.on + timedelta(days=1), time()))


# --- the tree ---------------------------------------------------------------------------------------------------------


@dataclass
class _Body:
    """Where an organization hangs."""

    level: int
    parent: int | None
    path: str
    district_committee: int | None
    guidance_station: int | None


def tree_on(day: Day) -> Tree:
    """Undoes what was written to the history of organizations after the day, the newest first."""
    tree = Tree()
    changes = _changes(day)
    for pk, event, before in changes:
        if event == Event.CLOSE:
            tree.columns.setdefault(pk, {})["closed_on"] = None
        elif event == Event.EDIT:
            tree.columns.setdefault(pk, {}).update(_edited(before))
    if moved := _moved_back(changes):
        _hang_back(tree, moved)
    return tree


def parents_on(on: date | None) -> dict[int, int]:
    """Of the organizations that were moved since, under which one they hung at the end of that day: by primary keys."""
    return _moved_back(_changes(Day(on))) if on is not None and is_past(on) else {}


def _changes(day: Day) -> list[tuple[int, str, dict]]:
    """(organization, event, what was before) of what was entered after the day and can be undone, the newest first.

    Not how organizations came: thousands in a first year, and they say themselves since when they are there.
    """
    undone = (Event.CLOSE, Event.MOVE, Event.EDIT)
    entered = OrganizationChange.objects.filter(entered_at__gte=_end(day), event__in=undone).order_by("-id")
    return list(entered.values_list("organization_id", "event", "before"))


def _moved_back(changes: list[tuple[int, str, dict]]) -> dict[int, int]:
    """A move names the parent by the code it had: codes that were edited are followed back on the way."""
    if not any(event == Event.MOVE for _, event, _ in changes):
        return {}
    codes = dict(Organization.objects.values_list("code", "pk"))
    moved: dict[int, int] = {}
    for pk, event, before in changes:
        if event == Event.MOVE and before.get("parent") in codes:
            moved[pk] = codes[before["parent"]]
        elif event == Event.EDIT and before.get("code"):
            codes[before["code"]] = pk
    return moved


def _edited(before: dict) -> dict[str, object]:
    """The columns that count, as they were before an edit."""
    was: dict[str, object] = {name: before[name] for name in ("kind", *DATES) if name in before}
    places = {name: before[name] for name in ("district", "street") if name in before}
    for name, code in places.items():
        place = Division.objects.filter(code=code).first() if code else None
        was[f"{name}_id"] = place.pk if place else None
        if name == "street" and place is not None and "district" not in places:
            was["district_id"] = place.parent_id
    return was


def _hang_back(tree: Tree, moved: dict[int, int]) -> None:
    """Parents, paths and ancestors as they were. What was moved gets a label that nothing else has."""
    bodies = {
        pk: _Body(level, parent, path, dc, gs)
        for pk, level, parent, path, dc, gs in Organization.objects.order_by("path").values_list(
            "pk", "level", "parent", "path", "district_committee", "guidance_station"
        )
    }
    below: dict[int | None, list[int]] = {}
    for pk, body in bodies.items():
        body.parent = moved.get(pk, body.parent)
        below.setdefault(body.parent, []).append(pk)
    labels = {pk: f"~{number:03d}" for number, pk in enumerate(moved)}
    waiting = [(pk, False) for pk in below.get(None, ())]
    while waiting:
        pk, changed = waiting.pop()
        if changed := changed or pk in moved:
            _follow(tree, pk, bodies, labels.get(pk, bodies[pk].path[-4:]))
        waiting += [(one, changed) for one in below.get(pk, ())]


def _follow(tree: Tree, pk: int, bodies: dict[int, _Body], label: str) -> None:
    body = bodies[pk]
    assert body.parent is not None  # only what hangs on something was moved
    upper = bodies[body.parent]
    body.path = upper.path + label
    was: dict[str, object] = {"parent_id": body.parent, "path": body.path}
    if body.level > Level.DISTRICT:
        was["district_committee_id"] = body.district_committee = upper.district_committee
    if body.level > Level.GUIDANCE_STATION:
        was["guidance_station_id"] = body.guidance_station = upper.guidance_station
    if body.level == Level.GUIDANCE_STATION:
        tree.district_committees[pk] = body.district_committee
    tree.columns.setdefault(pk, {}).update(was)


def _moved(alias: str, tree: Tree) -> str:
    """The district committee of a row by its guidance station, where that one hung elsewhere; empty where none did."""
    if not tree.district_committees:
        return ""
    whens = " ".join(f"WHEN {gs} THEN {dc or 'NULL'}::bigint" for gs, dc in tree.district_committees.items())
    return f"CASE {alias}.guidance_station_id {whens} ELSE {alias}.district_committee_id END"


def _placed(tree: Tree) -> list[str]:
    """Tables that copy the ancestors follow what they hang on back to where it was."""
    found = []
    if tree.district_committees:
        found = [_with(table, {"district_committee_id": _moved("t", tree)}) for table in PLACED]
    # Of a person on a roll, what the organization was under; a guidance station's own move is among these too.
    columns = {
        name: _was(tree, name, "t.organization_id", f"t.{name}")
        for name in ("guidance_station_id", "district_committee_id")
    }
    if columns := {name: value for name, value in columns.items() if value}:
        found.append(_with("members_affiliation", columns))
    return found


def registrations_sql(day: Day, tree: Tree) -> str:
    """In the state they were in: decided, contacted and withdrawn only from the moment that says so."""
    decided = f"(t.decided_at IS NULL OR t.decided_at < {day.end})"
    contacted = f"""CASE WHEN EXISTS (SELECT FROM members_contactlog l WHERE l.registration_id = t.id AND l.at < {day.end})
        THEN 'contacted' ELSE 'submitted' END"""
    columns = {
        "state": f"""CASE WHEN NOT {decided} OR t.state = 'contacted' THEN {contacted}
            WHEN t.withdrawn_at >= {day.end} AND t.decided_at IS NOT NULL AND t.method <> '' AND t.member_id IS NOT NULL
            THEN 'verified' WHEN t.withdrawn_at >= {day.end} AND t.decided_at IS NULL THEN {contacted} ELSE t.state END""",
        "withdrawn_at": f"CASE WHEN t.withdrawn_at < {day.end} THEN t.withdrawn_at END",
    }
    if tree.district_committees:
        columns["district_committee_id"] = _moved("t", tree)
    return _replaced("members_registration", columns)


def _organizations(tree: Tree) -> list[str]:
    names = sorted({name for was in tree.columns.values() for name in was})
    columns = {name: _was(tree, name, "t.id", f"t.{name}") for name in names}
    return [_with("orgs_organization", columns)] if columns else []


def _was(tree: Tree, name: str, key: str, otherwise: str) -> str:
    whens = " ".join(f"WHEN {pk} THEN {_literal(was[name])}" for pk, was in tree.columns.items() if name in was)
    return f"CASE {key} {whens} ELSE {otherwise} END" if whens else ""


def _literal(value: object) -> str:
    """A key, a date, a kind or a path: none of them typed by anybody."""
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    return "'" + str(value).replace("'", "''").replace("%", "%%") + "'"


def _with(table: str, columns: dict[str, str]) -> str:
    """The table with some columns replaced, under its own name."""
    return f"{table} AS NOT MATERIALIZED ({_replaced(table, columns)})"


def _replaced(table: str, columns: dict[str, str]) -> str:
    model = next(model for model in apps.get_models() if model._meta.db_table == table)
    names = [str(field.column) for field in model._meta.concrete_fields]
    shown = ", ".join(f"{columns[name]} AS {name}" if name in columns else f"t.{name}" for name in names)
    return f"SELECT {shown} FROM {table} t"
