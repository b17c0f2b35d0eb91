"""What imports of every room right of this one share: rows that stand in the two lines, organizations by name."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from orgs.fields import OUTSIDE_CHINA, outside_china, position_problem
from orgs.kinds import Level
from orgs.models import Division, Organization
from orgs.places import Place, Places, PlaceWrong, Scope
from tables.cells import Wrong, folded, name_and_code
from tables.importer import Reading, Row
from tables.table import Column

PLACE_KEYS = ("district", "street", "office")
POSITION = ("latitude", "longitude")
ANCESTORS = ("district_committee_id", "guidance_station_id", "district_id", "street_id")
# What files call the two columns.
DISTRICT_NAMES = (
    "区",
    "行政区",
    "辖区",
    "所在区",
    "区县",
    "所属行政区",
    "行政区划",
    "所属区县",
    "所属辖区",
    "所在辖区",
    "所属区(新区)",
)
STREET_NAMES = (
    "街道", "所在街道", "街镇", "乡镇街道", "镇街", "街道（镇）", "所属镇街", "街道办", "街道办事处", "所属街道办",
    "所属街道办事处", "所属乡镇街道",
)  # fmt: skip
NO_PLACE = "所属区、所属街道、监管所至少要填一项"


def office_name(row: Any) -> str:
    unit = row.guidance_station
    return (unit.short_name or unit.name) if unit else ""


def place_columns(*, districts: Sequence[str] = ("南山区", "南山区"), offices: Sequence[str] = ("", "粤海指导站")):
    """District, street and office of a row: any of them places it, the lowest decides."""
    return (
        Column(
            "district",
            "所属区",
            DISTRICT_NAMES,
            kind="place",
            source="district.name",
            example=tuple(districts),
        ),
        Column(
            "street",
            "所属街道",
            STREET_NAMES,
            kind="place",
            source="street.name",
            example=("粤海街道", ""),
            shown=False,
        ),
        Column(
            "office",
            "指导站",
            ("所属指导站", "监管所", "市场监管所", "所属监管所", "管辖单位", "监管单位", "管辖机关"),
            kind="place",
            value=office_name,
            example=tuple(offices),
        ),
    )


def offered_places(user) -> dict[str, list[str]]:
    """Drop-downs of a template: the city's districts, and the guidance stations that the person sees."""
    offices = Organization.objects.visible_to(user).open().filter(level=Level.GUIDANCE_STATION).order_by("path")
    return {
        "district": list(Division.objects.filter(level=Division.Level.DISTRICT).values_list("name", flat=True)),
        "office": [short or name for short, name in offices.values_list("short_name", "name")],
    }


class PlacedReading(Reading):
    """Rows of a table with the four ancestor columns: found by district, street, office; written inside the scope."""

    handled = frozenset(PLACE_KEYS)

    def prepare(self) -> None:
        self.places = self.load_places()
        self.scope = Scope.of(self.by, self.target.permission)
        self.found: dict[tuple, Place | PlaceWrong] = {}

    def load_places(self) -> Places:
        return Places()

    def resolve(self, row: Row) -> None:
        for key in outside_china(**{key: row.said[key] for key in POSITION if key in row.said}):
            row.tell(key, OUTSIDE_CHINA)
        said = tuple(row.said.get(key) for key in PLACE_KEYS)
        if not any(said) or row.is_wrong(*PLACE_KEYS):
            return
        if said not in self.found:
            self.found[said] = self._find(said)
        place = self.found[said]
        if isinstance(place, PlaceWrong):
            row.tell(place.key, str(place))
        else:
            row.place = place

    def _find(self, said: tuple) -> Place | PlaceWrong:
        try:
            return self.places.find(*said)
        except PlaceWrong as wrong:
            return wrong

    def inside(self, row: Row) -> bool:
        stands = [place_of(row.record)] if row.record else []
        goes = [row.place] if row.place else []
        return all(self.scope.holds(place) for place in stands + goes)

    def weigh(self, row: Row) -> None:
        self._position(row)
        if row.place is None:
            if row.record is None:
                row.tell(next((key for key in PLACE_KEYS if key in self.source.mapping), "district"), NO_PLACE)
            return
        if row.record is None or not _says_no_more(row.place, row.record):
            row.values |= {name: getattr(row.place, name.removesuffix("_id")) for name in ANCESTORS}
        elif row.place.by == "office" and row.place.street_said:
            row.values |= {"district_id": row.place.district, "street_id": row.place.street}

    def speaks_of(self, row: Row) -> set[str]:
        """A district alone says nothing of the office."""
        said = super().speaks_of(row)
        if row.place is not None:
            said |= {*(ANCESTORS if row.place.by != "district" else (ANCESTORS[0], ANCESTORS[2]))}
        return said

    def _position(self, row: Row) -> None:
        """Judged as the record will have it: what a file leaves out stays."""
        said = [key for key in POSITION if key in row.values]
        if not said or row.is_wrong(*POSITION):
            return
        position = {key: row.values.get(key, getattr(row.record, key, None)) for key in POSITION}
        if problem := position_problem(**position):
            row.tell(said[0], problem)


def place_of(record: Any) -> Place:
    committee, unit, district, street = (getattr(record, name) for name in ANCESTORS)
    return Place(committee, unit, district, street, "record")


def _says_no_more(place: Place, record: Any) -> bool:
    """A district alone does not take away the office that stands there already: blank never clears."""
    if place.by == "office":
        return place.guidance_station == record.guidance_station_id
    if place.by == "street":
        return place.street == record.street_id
    return place.district == record.district_id


class Organizations:
    """Organizations that a person may use, by code or by name."""

    def __init__(self, user, permission: str, **filters: Any) -> None:
        self.known: dict[str, list[Organization]] = defaultdict(list)
        mine = list(Organization.objects.visible_to(user, permission).open().filter(**filters).order_by("path"))
        self.only = mine[0] if len(mine) == 1 else None
        for one in mine:
            for key in {folded(one.code), folded(one.name), folded(one.short_name)} - {""}:
                self.known[key].append(one)

    def find(self, text: str) -> Organization:
        """Raises Wrong. Both beat a code, which beats a name; outside the scope is like missing."""
        for one in self.known.get(both[1], []) if (both := name_and_code(text)) else ():
            if (folded(one.name), folded(one.code)) == both:
                return one
        found = self.known.get(folded(text), [])
        by_code = [one for one in found if folded(one.code) == folded(text)]
        by_name = [one for one in found if folded(one.name) == folded(text)]
        found = by_code or by_name or found
        if not found:
            raise Wrong("您的范围内没有这个党组织，请填它的全称或代码")
        if len(found) > 1:
            raise Wrong("有几个同名的党组织，请填代码")
        return found[0]
