"""Rows for tests: only what a model requires, parents made on demand, no surprises.

`City` builds a small tree (1 city, 2 districts, 2 guidance stations each, divisions in step) through the services.
"""

import itertools
from dataclasses import dataclass, field

from django.utils import timezone

from accounts.models import User
from markets.models import Business, Market
from markets.pinyin import initials_of
from members.models import Affiliation, Member, Pledge
from orgs.kinds import Kind, Level
from orgs.models import Division, Organization, Posting
from orgs.services import organization_create
from stations.models import ServicePoint

PASSWORD = "correct-horse-battery"
_numbers = itertools.count(1)


@dataclass
class City:
    """A city with everything that hangs on the two lines, by short names: city, nanshan, futian, yuehai, …"""

    city: Organization
    nanshan: Organization
    futian: Organization
    yuehai: Organization  # guidance station in nanshan
    shahe: Organization  # the other one in nanshan
    lianhua: Organization  # guidance station in futian
    huafu: Organization  # the other one in futian
    divisions: dict[str, Division] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Organization:
        return getattr(self, name)


def rewrite(rows, **values) -> None:
    """What `update` would do, for rows that carry a code over these columns."""
    for row in rows.all():
        for name, value in values.items():
            setattr(row, name, value)
        row.save()


def make_division(name: str, level: int, parent: Division | None = None, **more) -> Division:
    code = more.pop("code", f"D{next(_numbers):06d}")
    return Division.objects.create(name=name, level=level, parent=parent, code=code, **more)


def make_city() -> City:
    top = make_division("深圳市", 1, code="440300")
    city = organization_create(by=None, parent=None, level=Level.CITY, code="SZ", name="市小个专党委")
    units, divisions = {}, {"city": top}
    for key, name, stations in (
        ("nanshan", "南山", (("yuehai", "粤海"), ("shahe", "沙河"))),
        ("futian", "福田", (("lianhua", "莲花"), ("huafu", "华富"))),
    ):
        divisions[key] = make_division(f"{name}区", 2, top)
        units[key] = organization_create(
            by=None, parent=city, level=Level.DISTRICT, code=f"SZ-{key}", name=f"{name}区小个专党委",
            district=divisions[key],
        )  # fmt: skip
        for sub, sub_name in stations:
            divisions[sub] = make_division(f"{sub_name}街道", 3, divisions[key])
            units[sub] = organization_create(
                by=None, parent=units[key], level=Level.GUIDANCE_STATION, code=f"SZ-{key}-{sub}",
                name=f"{sub_name}市场监管所党建工作指导站", short_name=f"{sub_name}指导站",
                district=divisions[key], street=divisions[sub],
            )  # fmt: skip
    return City(city=city, divisions=divisions, **units)


def make_user(role: str = "", unit=None, *, duty: str = User.Duty.STAFF, username: str = "", **more) -> User:
    """A person with an account; with `role` and `unit` also a posting there."""
    user = User.objects.create_user(username or f"user{next(_numbers)}", PASSWORD, duty=duty, **more)
    if role:
        place = {"division": unit} if isinstance(unit, Division) else {"organization": unit}
        Posting.objects.create(user=user, role=role, **place)
    return user


def make_branch(parent: Organization, *, kind: str = Kind.BRANCH, **more) -> Organization:
    number = next(_numbers)
    more = {"code": f"B{number:05d}", "name": f"第{number}党支部", **more}
    return organization_create(by=None, parent=parent, level=Level.GRASSROOTS, kind=kind, **more)


def placed(unit: Organization) -> dict:
    """The four ancestor columns of a row that stands under `unit`."""
    return {
        "district_committee_id": unit.district_committee_id,
        "guidance_station_id": unit.guidance_station_id,
        "district_id": unit.district_id,
        "street_id": unit.street_id,
    }


def make_market(unit: Organization, **more) -> Market:
    number = next(_numbers)
    return Market.objects.create(**{"code": f"M{number:05d}", "name": f"第{number}市场", **placed(unit), **more})


def make_business(unit: Organization, **more) -> Business:
    """A company; its legacy number is counted up, so no check digit is pretended."""
    number = next(_numbers)
    defaults = {
        "legacy_registration_no": None if more.get("uscc") else f"4403{number:011d}",
        "name": f"第{number}商贸有限公司",
        "entity_type": Business.EntityType.COMPANY,
        **placed(unit),
        **more,
    }
    return Business.objects.create(**{"name_pinyin": initials_of(defaults["name"])} | defaults)


def make_member(name: str = "张三", **more) -> Member:
    return Member.objects.create(name=name, **more)


def make_affiliation(member: Member, organization: Organization, *, kind: str = "formal", **more) -> Affiliation:
    return Affiliation.objects.create(
        member=member,
        organization=organization,
        kind=kind,
        guidance_station_id=organization.guidance_station_id,
        district_committee_id=organization.district_committee_id,
        **more,
    )


def make_pledge(member: Member, organization: Organization, **more) -> Pledge:
    said = {"duty": "经营区消防安全巡查", "promise": "明码标价，不卖过期食品", "consented_at": timezone.now(), **more}
    return Pledge.objects.create(
        **{"name": member.name, "standing": member.standing, "organization_name": organization.name} | said,
        member=member,
        organization=organization,
    )


def make_service_point(unit: Organization, **more) -> ServicePoint:
    number = next(_numbers)
    defaults = {"code": f"P{number:05d}", "name": f"第{number}驿站", "kind": ServicePoint.Kind.REST_POINT}
    return ServicePoint.objects.create(**{**defaults, **placed(unit), **more})
