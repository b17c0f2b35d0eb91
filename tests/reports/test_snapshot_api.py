import pytest
from rest_framework.test import APIClient

from members.models import Affiliation
from reports import selectors
from tests import factories as make
from tests.reports import builders as build
from tests.reports.helpers import refresh

pytestmark = pytest.mark.django_db


@pytest.fixture
def city():
    city = make.make_city()
    build.own_branch(city.yuehai, build.business(city.yuehai))
    build.business(city.yuehai)
    branch = make.make_branch(city.yuehai)
    for _ in range(3):
        make.make_affiliation(make.make_member(), branch, kind=Affiliation.Kind.ACTIVITY)
    refresh()
    return city


def ask(user, **params):
    client = APIClient()
    client.force_authenticate(user)
    return client.get("/api/v1/snapshots/", params)


def test_the_api_gives_the_numbers_of_the_page(city):
    leader = make.make_user("leader", city.city)
    row = ask(leader, organization=city.yuehai.pk, breakdown="own").json()["results"][0]
    page = selectors.for_reader(leader, city.yuehai).own
    assert row["unit_code"] == city.yuehai.code
    assert row["counts"] == page.counts
    assert row["rates"]["organization_coverage"] == 0.5
    assert row["rates"]["market_coverage"] is None
    assert row["counts"]["members_taken_in"] is None
    assert "members_taken_in" in row["hidden"]


def test_the_officer_gets_the_small_cells_of_the_own_guidance_station_only(city):
    officer = make.make_user("officer", city.yuehai)
    row = ask(officer, organization=city.yuehai.pk, breakdown="own").json()["results"][0]
    assert row["counts"]["members_taken_in"] == 3
    far, nowhere = (ask(officer, organization=pk) for pk in (city.shahe.pk, 10**9))
    assert (far.status_code, far.content) == (
        nowhere.status_code,
        nowhere.content.replace(b"1000000000", b"%d" % city.shahe.pk),
    )


def test_only_units_and_their_unassigned_lines_are_rows(city):
    leader = make.make_user("leader", city.city)
    rows = ask(leader, page_size=500).json()["results"]
    assert {row["breakdown"] for row in rows} == {"", "unassigned"}
    assert len(ask(leader, division=city.divisions["nanshan"].pk).json()["results"]) == 2
    assert ask(leader, as_of="2020-01-01").json()["results"] == []


def test_who_has_no_right_to_numbers_is_refused(city):
    assert ask(make.make_user(duty="system")).status_code == 403
