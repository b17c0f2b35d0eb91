"""A small city with numbers, for the pages."""

from dataclasses import dataclass, field

import pytest
from django.utils import timezone

from members.models import Registration
from orgs.kinds import Kind
from reports.models import Plan
from stations.models import CheckIn, FootfallTally
from tests import factories as make
from tests.reports import builders as b
from tests.reports.helpers import refresh
from tests.reports.making_goals import plan_of

BACKEND = "orgs.doors.DoorBackend"


@dataclass
class Town:
    """make_city with rows of every kind. `people` are the personas by name."""

    city: make.City
    branch: object
    other_branch: object
    people: dict = field(default_factory=dict)


def _rows(city) -> tuple:
    branch = make.make_branch(city.yuehai, district=city.divisions["nanshan"], street=city.divisions["yuehai"])
    for number in range(12):
        row = b.business(city.yuehai, full=1 + number % 5, employees=20)
        if number < 6:
            b.cover(branch, row, "own" if number % 2 else "joint")
    for _ in range(9):
        b.business(city.lianhua, full=3, employees=30)
    b.business(city.nanshan, full=3, employees=30)  # 待分派
    make.make_branch(city.city, kind=Kind.INDUSTRY_COMMITTEE)  # 直属
    b.market_with_branch(city.shahe)
    make.make_market(city.yuehai)
    for _ in range(7):
        member = make.make_member("李四")
        make.make_affiliation(member, branch)
        b.verified(make.make_member("王五"), city.yuehai)
    placed = {"guidance_station": city.yuehai, "district_committee": city.nanshan}
    for _ in range(3):
        Registration.objects.create(name="赵六", due_on=timezone.localdate(), **placed)
    point = make.make_service_point(city.yuehai)
    CheckIn.objects.create(
        member=member, place=point, on=timezone.localdate(), occurred_at=timezone.now(), channel="code",
        **make.placed(city.yuehai),
    )  # fmt: skip
    FootfallTally.objects.create(place=point, on=timezone.localdate(), count=4)
    return branch, make.make_branch(city.lianhua)


@pytest.fixture
def town(db) -> Town:
    city = make.make_city()
    town = Town(city, *_rows(city))
    for name, role, unit in (
        ("city_leader", "leader", city.city),
        ("district_leader", "leader", city.nanshan),
        ("division_leader", "leader", city.divisions["nanshan"]),
        ("registrar", "registrar", city.city),
        ("officer", "officer", city.yuehai),
        ("secretary", "secretary", town.branch),
    ):
        town.people[name] = make.make_user(role, unit, username=name)
    for duty in ("system", "security", "audit"):
        town.people[duty] = make.make_user(duty=duty, username=duty)
    refresh()
    return town


@pytest.fixture
def sign_in(client, town):
    def as_person(name: str):
        client.force_login(town.people[name], backend=BACKEND)
        return client

    return as_person


@pytest.fixture
def registrar(town):
    return town.people["registrar"]


@pytest.fixture
def plan(town, registrar) -> Plan:
    return plan_of(town.city.city, registrar)


@pytest.fixture
def people(town):
    more = {
        "composer": make.make_user("registrar", town.city.city),
        "releaser": town.people["city_leader"],
        "nanshan": town.people["district_leader"],
        "futian": make.make_user("leader", town.city.futian),
        "district_registrar": make.make_user("registrar", town.city.nanshan),
    }
    town.people |= more
    return more
