"""Every case of golden_coverage.json, built through the models, counted by the engine, read from the command."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from markets.models import Business, Declaration, Market, MarketCoverage, Mode
from members.models import Affiliation
from orgs.kinds import Kind
from tests import factories as make
from tests.reports import builders as build
from tests.reports.helpers import LONG_AGO, command, coverage, refresh, today

pytestmark = pytest.mark.django_db
CASES = {
    case["name"]: case["expect"]
    for case in json.loads((Path(__file__).parent / "golden_coverage.json").read_text(encoding="utf-8"))["cases"]
}
BUILDERS = {}


def case(name: str):
    def register(function):
        BUILDERS[name] = function
        return function

    return register


def check(found: dict, expected: dict) -> None:
    assert {key: found[key] for key in expected} == expected


@pytest.fixture
def city():
    return make.make_city()


def plain(city, expected: dict) -> None:
    """The whole is expected of the city, in both lines."""
    refresh()
    check(coverage(city.city), expected)
    check(coverage(city.divisions["city"]), expected)


@case("haimen")
def haimen(city, expected):
    unit = city.yuehai
    rows = [build.business(unit) for _ in range(2046)]
    Declaration.objects.bulk_create(
        Declaration(business=row, source="survey", as_of=build.YEAR_AGO, full_members=1, members_incl_probationary=1)
        for row in rows
    )
    branch = make.make_branch(unit)
    for row in rows[:468]:
        build.cover(branch, row)
    markets = [make.make_market(unit) for _ in range(334)]
    MarketCoverage.objects.bulk_create(
        MarketCoverage(organization=branch, market=market, starts_on=build.YEAR_AGO) for market in markets
    )
    for number, row in enumerate(rows[468:]):
        row.market = markets[number % 334]
    Business.objects.bulk_update(rows[468:], ["market"])
    plain(city, expected)


@case("jiaxing")
def jiaxing(city, expected):
    branches = [make.make_branch(city.yuehai if number % 2 else city.lianhua) for number in range(42)]
    for number, branch in enumerate(branches):
        for _ in range(1 if number < 39 else 2):
            build.cover_market(branch, make.make_market(city.yuehai))
    for number in range(501):
        make.make_affiliation(make.make_member(), branches[number % 42])
    plain(city, expected)


@case("counted once")
def counted_once(city, expected):
    market = build.market_with_branch(city.yuehai)
    build.own_branch(city.yuehai, build.business(city.yuehai, full=4, market=market))
    plain(city, expected)


@case("probationary members do not make it due")
def probationary(city, expected):
    build.business(city.yuehai, full=2, probationary=1)
    build.business(city.yuehai, full=3)
    build.business(city.yuehai, full=0, probationary=1)
    plain(city, expected)


@case("sheltered is not built")
def sheltered(city, expected):
    build.business(city.yuehai, full=4, market=build.market_with_branch(city.yuehai))
    plain(city, expected)


@case("joint branch")
def joint_branch(city, expected):
    branch = make.make_branch(city.yuehai, kind=Kind.JOINT_BRANCH)
    for _ in range(5):
        build.cover(branch, build.business(city.yuehai, full=1), Mode.JOINT)
    plain(city, expected)


@case("strict and wide")
def strict_and_wide(city, expected):
    for _ in range(2):
        build.own_branch(city.yuehai, build.business(city.yuehai))
    build.cover(make.make_branch(city.yuehai), build.business(city.shahe), Mode.AREA_JOINT)
    market = build.market_with_branch(city.lianhua)
    for _ in range(4):
        build.business(city.lianhua, market=market)
    for _ in range(3):
        build.business(city.huafu)
    plain(city, expected)


@case("the denominator matters")
def the_denominator_matters(city, expected):
    for number in range(100):
        row = build.business(city.yuehai, full=1 if number < 10 else None)
        if number < 8:
            build.own_branch(city.yuehai, row)
    plain(city, expected)


@case("work coverage")
def work_coverage(city, expected):
    unit = city.yuehai
    build.own_branch(unit, build.business(unit))
    build.business(unit, market=build.market_with_branch(unit))
    build.assign(unit, build.business(unit))
    build.assign(unit, build.business(unit), ends_on=timezone.localdate() - timedelta(days=1))
    build.union(build.business(unit))
    Declaration.objects.create(business=build.business(unit), source="survey", as_of=build.YEAR_AGO, union_members=30)
    plain(city, expected)


@case("functional branch")
def functional_branch(city, expected):
    branch = make.make_branch(city.yuehai, kind=Kind.FUNCTIONAL_BRANCH)
    for _ in range(2):
        build.cover(branch, build.business(city.yuehai))
    plain(city, expected)


@case("activity does not move the roll")
def activity(city, expected):
    branch = make.make_branch(city.yuehai)
    functional = make.make_branch(city.yuehai, kind=Kind.FUNCTIONAL_BRANCH)
    members = [make.make_member() for _ in range(3)]
    for member in members:
        make.make_affiliation(member, branch)
    make.make_affiliation(members[0], functional, kind=Affiliation.Kind.ACTIVITY)
    refresh()
    check(coverage(branch), expected["A"])
    check(coverage(functional), expected["F"])
    check(coverage(city.yuehai), expected["above both"])
    check(coverage(city.city), expected["above both"])


@case("verified is not taken in")
def verified_is_not_taken_in(city, expected):
    members = [make.make_member() for _ in range(2)]
    for member in members:
        build.verified(member, city.yuehai)
    make.make_affiliation(members[0], make.make_branch(city.yuehai), kind=Affiliation.Kind.ACTIVITY)
    refresh()
    check(coverage(city.yuehai), expected)


@case("not operating")
def not_operating(city, expected):
    unit = city.yuehai
    operating = [build.business(unit) for _ in range(6)]
    for row in operating[:3]:
        build.own_branch(unit, row)
    build.business(unit, status="deregistered")
    build.business(unit, status="moved_away")
    build.own_branch(unit, build.business(unit, not_operating="shell"))
    build.business(unit, not_operating="shell")
    build.business(unit, not_operating="zombie")
    build.business(unit, not_operating="second_licence")
    plain(city, expected)


@case("nothing to divide by")
def nothing_to_divide_by(city, expected):
    build.business(city.yuehai, status="deregistered")
    refresh()
    check(coverage(city.yuehai), expected)


@case("half-open period")
def half_open(city, expected):
    last = date(2026, 10, 31)
    branch = make.make_branch(city.yuehai, entered_at=LONG_AGO)
    build.cover(branch, build.business(city.yuehai), starts_on=date(2026, 1, 1), ends_on=last, entered_at=LONG_AGO)
    type(city.city).objects.change(entered_at=LONG_AGO)
    refresh(last - timedelta(days=1))
    refresh(last)
    for key, numbers in expected.items():
        check(coverage(city.city, "--as-of", key.removeprefix("as_of ")), numbers)
        check(coverage(branch, "--as-of", key.removeprefix("as_of ")), numbers)


@case("market due")
def market_due(city, expected):
    markets = {"M": make.make_market(city.yuehai, code="M"), "N": make.make_market(city.lianhua, code="N")}
    for _ in range(3):
        build.business(city.yuehai, full=1, market=markets["M"])
    for _ in range(2):
        build.business(city.lianhua, full=1, market=markets["N"])
    refresh()
    found = coverage(city.city)
    check(found, {key: value for key, value in expected.items() if key.startswith("markets")})
    assert found["suggested"] == {"M": expected["M suggested"], "N": expected["N suggested"]}
    assert coverage(city.yuehai)["suggested"] == {"M": expected["M suggested"]}
    assert Market.objects.count() == 2


@case("not assigned yet")
def not_assigned_yet(city, expected):
    for _ in range(2):
        build.business(city.yuehai)
    build.business(city.nanshan, street_id=None)
    refresh()
    for unit in (city.nanshan, city.divisions["nanshan"]):
        found = coverage(unit)
        check(found, {"operating": expected["operating"]})
        check(found["unassigned"], expected["unassigned"])
    check(coverage(city.nanshan)["children"][city.yuehai.code], expected["guidance station"])


@case("entered late")
def entered_late(city, expected):
    type(city.city).objects.change(entered_at=LONG_AGO)
    refresh(date(2026, 10, 31))
    with today(date(2026, 11, 1)):
        closed = command("close_month", "2026-10")
    with today(date(2026, 11, 3)) as entered_at:
        branch = make.make_branch(city.yuehai, code="LATE", approved_on=date(2026, 10, 20), entered_at=entered_at)
    refresh(date(2026, 11, 30))
    check(closed["numbers"]["organizations"][city.city.code], expected["closed October"])
    found = coverage(city.city, "--as-of", "2026-11-30")
    check(found, expected["as_of 2026-11-30"])
    assert expected["marked"] == "entered late"
    assert found["entered_late"] == [branch.code]
    check(coverage(city.city, "--as-of", "2026-10-31"), expected["closed October"])


def test_no_case_is_left_out():
    assert set(CASES) == set(BUILDERS)


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_golden(name, city):
    BUILDERS[name](city, CASES[name])
