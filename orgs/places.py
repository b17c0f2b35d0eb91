"""Where a row of a file stands: names of district, street and office to the rows of the two lines.

Everything is small (a city has some hundred places) and loaded once for an import.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field

from orgs import doors
from orgs.kinds import Level
from orgs.models import Division, Organization
from tables.cells import Wrong, folded

_CITY = re.compile(r"^(广东省)?(深圳市|深圳)(?=.)")
_OFFICE_TAIL = re.compile(
    r"(市场监督管理局|市场监管局|市场监督管理|市场监管|监管|工商)?(分局|所|局)?(党建工作)?(党建)?(指导站)?$"
)
_DISTRICT_TAIL = re.compile(r"(特别合作区|合作区|新区|区|县|市)$")
_DISTRICT_HEAD = re.compile(r"^(.+?(?:合作区|新区|区))(.+)$")
_BUREAUS_ABOVE = re.compile(r"^.*局(?=.)")
_STREET_TAIL = re.compile(r"(街道办事处|街道办|街道|镇|乡)$")


def district_key(text: str) -> str:
    return _DISTRICT_TAIL.sub("", _CITY.sub("", folded(text)))


def street_key(text: str) -> str:
    return _STREET_TAIL.sub("", folded(text))


def office_key(text: str) -> str:
    """粤海市场监管所, 粤海监管所, 粤海所, 粤海指导站, 粤海市场监管所党建工作指导站 are one, also after their bureaus."""
    return _OFFICE_TAIL.sub("", _CITY.sub("", _BUREAUS_ABOVE.sub("", folded(text))))


@dataclass(frozen=True)
class Place:
    """The four ancestors of a row, and how they were said: by office, by street or by district alone."""

    district_committee: int | None
    guidance_station: int | None
    district: int | None
    street: int | None
    by: str  # office, street, district
    street_said: bool = False


@dataclass(frozen=True)
class Scope:
    """Where a person may import: the same rule as the door's, for rows that are not in the database yet."""

    everywhere: bool = False
    units: dict[str, frozenset[int]] = field(default_factory=dict)  # ancestor column → ids

    @classmethod
    def of(cls, user, perm: str) -> "Scope":
        units: dict[str, set[int]] = defaultdict(set)
        for posting in doors.postings_with(user, perm):
            unit = posting.unit
            if unit.level == 1:
                return cls(everywhere=True)
            if posting.organization_id:
                column = {Level.DISTRICT: "district_committee", Level.GUIDANCE_STATION: "guidance_station"}
            else:
                column = {Division.Level.DISTRICT: "district", Division.Level.STREET: "street"}
            if unit.level in column:
                units[column[unit.level]].add(unit.pk)
        return cls(units={column: frozenset(ids) for column, ids in units.items()})

    def holds(self, place: Place) -> bool:
        return self.everywhere or any(getattr(place, column) in ids for column, ids in self.units.items())

    def sql(self, table: str) -> tuple[str, list]:
        """The same as a condition on a table with the four ancestor columns."""
        if self.everywhere:
            return "TRUE", []
        parts = [f"{table}.{column}_id = ANY(%s)" for column in self.units]
        return f"COALESCE({' OR '.join(parts) or 'FALSE'}, FALSE)", [sorted(ids) for ids in self.units.values()]


class PlaceWrong(Wrong):
    """Says also which of the row's columns is to blame."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(reason)
        self.key = key


class Places:
    def __init__(self) -> None:
        self.districts: dict[str, Division] = {}
        self.streets: dict[str, list[Division]] = defaultdict(list)
        self.offices: dict[str, list[Organization]] = defaultdict(list)
        self.committee_of: dict[int | None, int] = {}  # district → its committee
        self.office_of: dict[int, Organization] = {}  # street → its guidance station
        self._load_divisions()
        self._load_organizations()

    def _load_divisions(self) -> None:
        for division in Division.objects.filter(level=Division.Level.DISTRICT):
            for key in (district_key(division.name), folded(division.name), division.code, division.gb2260):
                if key:
                    self.districts[key] = division
        for division in Division.objects.filter(level=Division.Level.STREET):
            for key in {street_key(division.name), division.code, division.mca_code} - {""}:
                self.streets[key].append(division)

    def _load_organizations(self) -> None:
        units = Organization.objects.open().filter(level__in=(Level.DISTRICT, Level.GUIDANCE_STATION)).order_by("path")
        for unit in units:
            if unit.level == Level.DISTRICT:
                if unit.district_id:
                    self.committee_of.setdefault(unit.district_id, unit.pk)
                continue
            for key in {office_key(unit.name), office_key(unit.short_name), folded(unit.code)} - {""}:
                self.offices[key].append(unit)
            if unit.street_id:
                self.office_of.setdefault(unit.street_id, unit)

    def find(self, district: str | None, street: str | None, office: str | None) -> Place:
        """Raises PlaceWrong where a name is unknown or two of them contradict each other."""
        if not (district or street or office):
            raise PlaceWrong("district", "所属区、所属街道、监管所至少要填一项")
        in_district = self._district(district)
        if office and self._is_bureau(office):
            in_district, office = self._of_bureau(office, in_district), None
            if not (in_district or street):
                raise PlaceWrong("office", "这里写的是市局，看不出是哪个区。请填所属区、所属街道或监管所")
        on_street = self._street(street, in_district)
        district_id = in_district.pk if in_district else on_street.parent_id if on_street else None
        if office:
            return self._at_office(office, on_street, district_id)
        if on_street:
            unit = self.office_of.get(on_street.pk)
            committee = unit.district_committee_id if unit else self.committee_of.get(on_street.parent_id)
            return Place(committee, unit.pk if unit else None, on_street.parent_id, on_street.pk, "street", True)
        return Place(self.committee_of.get(district_id), None, district_id, None, "district")

    def _district(self, text: str | None) -> Division | None:
        if not text:
            return None
        found = self.districts.get(folded(text)) or self.districts.get(district_key(text))
        if found is None:
            raise PlaceWrong("district", "没有这个区，请填本市的区名，如 南山区、大鹏新区、深汕特别合作区")
        return found

    def _street(self, text: str | None, district: Division | None) -> Division | None:
        if not text:
            return None
        known = self._streets_called(text)
        if not known:
            raise PlaceWrong("street", "没有这个街道（镇），请核对名称")
        if district is not None:
            known = [each for each in known if each.parent_id == district.pk]
            if not known:
                raise PlaceWrong("street", "街道与所属区不符，请核对")
        if len(known) > 1:
            raise PlaceWrong("street", "几个区都有这个街道，请把所属区也填上")
        return known[0]

    def _streets_called(self, text: str) -> list[Division]:
        """By code or name, also with the district in front: 南山区粤海街道."""
        known = self.streets.get(folded(text)) or self.streets.get(street_key(text)) or []
        if not known and (parts := _DISTRICT_HEAD.match(_CITY.sub("", folded(text)))):
            district = self.districts.get(district_key(parts[1]))
            known = [
                each
                for each in self.streets.get(street_key(parts[2]), [])
                if district and each.parent_id == district.pk
            ]
        return known

    def _is_bureau(self, office: str) -> bool:
        """南山监管局 is the bureau of the district, not the office of the street with the same name."""
        key = office_key(office)
        return folded(office).endswith("局") and (not key or district_key(key) in self.districts)

    def _of_bureau(self, office: str, district: Division | None) -> Division | None:
        """A bureau says no more than its district; the city's bureau says nothing."""
        said = self.districts.get(district_key(office_key(office)))
        if said and district and said.pk != district.pk:
            raise PlaceWrong("office", "监管局与所属区不符，请核对")
        return district or said

    def _at_office(self, text: str, street: Division | None, district_id: int | None) -> Place:
        units = self.offices.get(office_key(text)) or self.offices.get(folded(text)) or []
        if not units:
            raise PlaceWrong("office", "没有这个监管所，请填指导站或监管所的名称，如 粤海市场监管所")
        if district_id is not None:
            units = [unit for unit in units if unit.district_id in (district_id, None)]
            if not units:
                raise PlaceWrong("office", "监管所不在所属区（街道）内，请核对")
        if len(units) > 1 and street is not None:
            units = [unit for unit in units if unit.street_id == street.pk] or units
        if len(units) > 1:
            raise PlaceWrong("office", "几个区都有这个监管所，请把所属区也填上")
        unit = units[0]
        street_id = street.pk if street else unit.street_id if district_id in (None, unit.district_id) else None
        district_id = district_id or unit.district_id
        return Place(unit.district_committee_id, unit.pk, district_id, street_id, "office", street is not None)
