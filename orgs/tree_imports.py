"""Files of organizations: written through the services, a step at once, under the tree's lock, parents before children.

A file founds, edits and renames; each leaves its line of history. It never moves, merges or closes: whoever changes the
parent in a file is told to do it in the system, where what moves along is shown first and the document is kept.
"""

import copy
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from orgs.imports import offered_places
from orgs.kinds import CAPABILITIES, Kind, Level
from orgs.models import Division, Organization
from orgs.places import Places, PlaceWrong
from orgs.services import (
    Founding,
    TreeError,
    check_place,
    lock_tree,
    organizations_change,
    organizations_found,
)
from orgs.services.organizations import check_terms
from orgs.tables import ORGANIZATIONS, RELATED
from orgs.tree_undo import OrganizationUndo
from tables.cells import folded
from tables.importer import Reading, Row, RowTarget
from tables.register import Cannot

MOVED = "上级与系统里的不同：文件不改上级，请在系统里办理调整隶属"
NO_PARENT = "您的范围内没有这个上级，文件里也没有；请填它的代码或全称"
NO_CITY = "市级党委没有上级，不从文件导入；请先在「登记与维护」的「党组织」里新增它，再导入这个文件"
SEVERAL_PARENTS = "有几个同名的上级，请填代码"
SAME_NAME = "同一上级下面已有同名的组织，请换一个名称"
CLOSED = "这个党组织已经撤销，不能再改"


def names_of(one: Organization) -> set[str]:
    return {folded(one.code), folded(one.name), folded(one.short_name)} - {""}


class OrganizationReading(Reading):
    model = Organization
    whole = True
    undoing = OrganizationUndo
    handled = frozenset({"level", "parent", "superior", "district", "street"})

    def prepare(self) -> None:
        if self.writes:
            lock_tree()
        self.places = Places()
        self.divisions = {one.pk: one for one in Division.objects.filter(level__lte=Division.Level.STREET)}
        self.mine: dict[str, list[Organization]] = defaultdict(list)  # in scope and open, by code and names
        self.by_pk: dict[int, Organization] = {}
        for one in Organization.objects.visible_to(self.by, self.target.permission).open().order_by("path"):
            self.by_pk[one.pk] = one
            for key in names_of(one):
                self.mine[key].append(one)
        self.my_ids = set(self.by_pk)
        closed = Organization.objects.visible_to(self.by, self.target.permission).exclude(closed_on=None)
        self.my_ids |= set(closed.values_list("pk", flat=True))
        self.named: set[tuple] = set(Organization.objects.values_list("parent_id", "name"))
        self.rows: dict[str, list[Row]] = defaultdict(list)  # of the file, by code and names
        self.foundings: dict[Row, Founding] = {}

    # --- judging -----------------------------------------------------------------------------------------------------

    def resolve(self, row: Row) -> None:
        for key in {folded(row.said[key]) for key in ("code", "name", "short_name") if key in row.said}:
            self.rows[key].append(row)
        said = (row.said.get("district"), row.said.get("street"))
        if any(said) and not row.is_wrong("district", "street"):
            try:
                row.place = self.places.find(*said, None)
            except PlaceWrong as wrong:
                row.tell(wrong.key, str(wrong))

    def find(self, rows: Sequence[Row]) -> dict[Any, Any]:
        texts = {text for row in rows for text in (row.key, self.as_written(row))}
        found = self.locked(Organization.objects.filter(code__in=texts)).select_related(*RELATED)
        return {folded(one.code): one for one in found}

    def inside(self, row: Row) -> bool:
        return row.record is None or row.record.pk in self.my_ids

    def weigh(self, row: Row) -> None:
        if row.record is not None and row.record.closed_on:
            if any(getattr(row.record, name) != value for name, value in row.values.items()):
                row.tell("code", CLOSED)
            return
        self._level(row)
        self._locality(row)
        self._superior(row)
        self._parent(row)
        if not row.wrong:
            self._as_it_would_be(row)

    def _level(self, row: Row) -> None:
        kind, level = row.said.get("kind"), row.said.get("level")
        stands = row.record.level if row.record else None
        if kind and stands is not None and stands not in CAPABILITIES[kind].levels:
            row.tell("kind", f"「{Kind(kind).label}」不能设在{Level(stands).label}这一层，请改填类型")
        elif level and level != (stands or (CAPABILITIES[kind].levels[0] if kind else level)):
            row.tell("level", "层级与类型（或系统里的层级）不符，请核对")
        elif row.record is None and kind:
            row.values["level"] = CAPABILITIES[kind].levels[0]

    def _locality(self, row: Row) -> None:
        place = row.place
        if place is not None and (place.by == "street" or place.district != getattr(row.record, "district_id", None)):
            row.values |= {"district_id": place.district, "street_id": place.street}

    def _superior(self, row: Row) -> None:
        """Affiliation (隶属) is not guidance: an organization of the system, wherever it stands below the city."""
        said = row.said.get("superior")
        if said is None or (row.record and row.record.superior and folded(said) in names_of(row.record.superior)):
            return
        found = self.mine.get(folded(said), [])
        if len(found) != 1:
            row.tell(
                "superior",
                SEVERAL_PARENTS if found else "您的范围内没有这个党组织；系统外的请填「隶属党组织（系统外）」",
            )
            return
        row.values["superior_id"] = found[0].pk

    def _parent(self, row: Row) -> None:
        said = row.said.get("parent")
        if row.record is not None:
            stands = row.record.parent
            if said and (stands is None or folded(said) not in names_of(stands)):
                row.tell("parent", MOVED)
            return
        if said is None:
            if row.values.get("level") == Level.CITY:
                row.tell("parent", NO_CITY)
            elif not row.is_wrong("parent"):
                row.tell("parent", "「上级」必须填写")
            return
        key = folded(said)
        # A code beats a name, what stands beats what the file brings.
        for found in (
            [one for one in self.mine.get(key, []) if folded(one.code) == key],
            [one for one in self.rows.get(key, []) if one.key == key],
            self.mine.get(key, []),
            self.rows.get(key, []),
        ):
            found = [one for one in found if one is not row and not self._is_later(one)]
            if len(found) > 1:
                row.tell("parent", SEVERAL_PARENTS)
            if found:
                row.parent = found[0]
                return
        row.tell("parent", "上级不能是自己" if row in self.rows.get(key, []) else NO_PARENT)

    def _is_later(self, one: Organization | Row) -> bool:
        return isinstance(one, Row) and one.key is not None and self.first[one.key] != one.number

    def _as_it_would_be(self, row: Row) -> None:
        """What the services would refuse is told now, cell by cell."""
        if row.record is None and "kind" not in row.said:
            return  # told as missing
        would = copy.copy(row.record) if row.record else Organization(pk=0)
        for name, value in row.values.items():
            setattr(would, name, value)
        try:
            if row.record is None and isinstance(row.parent, Organization):
                check_place(would.level, row.parent)
            check_terms(would)
        except TreeError as error:
            row.tell(error.field if error.field in self.table.by_key else "code", str(error).rstrip("。"))
        if row.record is not None and would.term_ends_on != row.record.term_ends_on:
            row.values["term_ends_on"] = would.term_ends_on  # follows from its start, as the service does it
        self._name_once(row)

    def _name_once(self, row: Row) -> None:
        name = row.values.get("name")
        if name is None or (row.record and name == row.record.name):
            return
        parent = row.record.parent_id if row.record else getattr(row.parent, "pk", None) or row.parent.key
        if (parent, name) in self.named:
            row.tell("name", SAME_NAME)
        self.named.add((parent, name))

    # --- parents in the same file --------------------------------------------------------------------------------------

    def settle(self, rows: Sequence[Row]) -> None:
        """A new row whose parent is in the file stands or falls with it; a circle is told to each of its rows."""
        settled: set[Row] = set()
        for row in rows:
            if row.verdict == "new":
                self._settle(row, settled)

    def _settle(self, row: Row, settled: set[Row]) -> None:
        chain = []
        while isinstance(row.parent, Row) and row.verdict == "new" and row not in settled:
            settled.add(row)
            chain.append(row)
            row = row.parent
        circle = chain[chain.index(row) :] if row in chain else []
        if circle:
            names = " → ".join(str(one.number) for one in [*circle, circle[0]])
            for one in circle:
                self._fall(one, f"上级互相指向，成了一个圈（第 {names} 行），请核对")
        for one in reversed(chain):
            parent = one.parent
            if one.verdict != "new":
                continue
            if parent.verdict == "out_of_scope" or (parent.record is None and parent.verdict != "new"):
                self._fall(one, f"上级在第 {parent.number} 行，那一行没有通过检查")
            else:
                self._under(one, parent)

    def _under(self, row: Row, parent: Row) -> None:
        level = parent.record.level if parent.record else parent.values["level"]
        try:
            check_place(row.values["level"], Organization(level=level, name=parent.said.get("name", "")))
        except TreeError as error:
            self._fall(row, str(error).rstrip("。"))

    def _fall(self, row: Row, reason: str) -> None:
        row.tell("parent", reason)
        row.verdict = "wrong"

    def in_order(self, new: list[Row]) -> list[Row]:
        def depth(row: Row) -> int:
            steps = 0
            while isinstance(row.parent, Row) and row.parent.record is None:
                row, steps = row.parent, steps + 1
            return steps

        return sorted(new, key=depth)

    # --- writing -------------------------------------------------------------------------------------------------------

    def make(self, rows: Sequence[Row]) -> list[int]:
        for row in rows:
            parent = row.parent
            above = (parent.record or self.foundings[parent]) if isinstance(parent, Row) else parent
            self.foundings[row] = Founding(self._fields(row.values), above)
        try:
            made = organizations_found([self.foundings[row] for row in rows], by=self.by)
        except TreeError as error:
            raise Cannot(f"有一行写不进去：{error}没有写入任何内容，请重新检查。") from error
        for row, organization in zip(rows, made, strict=True):
            row.record = organization
            self.touch(self.units_of(organization))
        return [one.pk for one in made]

    def change(self, rows: Sequence[Row]) -> None:
        organizations_change([(row.record, self._fields(row.changed)) for row in rows], by=self.by)

    def _fields(self, values: dict[str, Any]) -> dict[str, Any]:
        """As the services take them: rows instead of their keys."""
        fields = dict(values)
        for name in ("district_id", "street_id"):
            if name in fields:
                fields[name.removesuffix("_id")] = self.divisions.get(fields.pop(name))
        if "superior_id" in fields:
            fields["superior"] = self.by_pk[fields.pop("superior_id")]
        return fields

    def units_of(self, holder: Any) -> list[int | None]:
        return [holder.guidance_station_id, holder.district_committee_id, holder.pk]


def _offered(user) -> dict[str, Sequence[str]]:
    parents = Organization.objects.visible_to(user).open().exclude(level=Level.GRASSROOTS).order_by("path")
    return {
        "district": offered_places(user)["district"],
        "parent": [short or name for short, name in parents.values_list("short_name", "name")],
    }


TARGET = RowTarget(ORGANIZATIONS, "orgs.import_organization", "orgs.organization.import", OrganizationReading, _offered)
