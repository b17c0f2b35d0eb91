import uuid

import pytest
from django.core.cache import cache
from django.db import IntegrityError, transaction

from accounts.models import AuditEvent
from orgs.kinds import Level
from stations import selectors, services
from stations.models import FootfallTally, ServicePoint
from tests import factories as make
from tests.stations.conftest import make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(city):
    return make.make_service_point(city.yuehai)


def test_footfall_counts_every_tap_and_one_nonce_once(place):
    nonce = uuid.uuid4()
    assert services.footfall_add(place=place, kind="rest", nonce=nonce)
    assert not services.footfall_add(place=place, kind="rest", nonce=nonce)
    assert services.footfall_add(place=place, kind="rest", nonce=uuid.uuid4())
    assert services.footfall_add(place=place, kind="rest")
    assert FootfallTally.objects.get().count == 3
    assert AuditEvent.objects.filter(act="stations.footfall.add").count() == 3


def test_footfall_of_a_closed_place_is_not_counted(place):
    ServicePoint.objects.filter(pk=place.pk).update(closed_on="2026-01-01")
    assert not services.footfall_add(place=place, kind="rest")
    assert not FootfallTally.objects.exists()


def test_footfall_today_names_every_kind(place):
    services.footfall_add(place=place, kind="charge")
    assert [item["count"] for item in selectors.footfall_today(place)] == [0, 1, 0]


def test_counter_is_made_once_and_stands_under_its_guidance_station(city):
    counter = services.counter_for(city.yuehai)
    assert services.counter_for(city.yuehai) == counter
    assert counter.kind == "counter" and counter.district_committee_id == city.nanshan.pk
    ServicePoint.objects.filter(pk=counter.pk).update(closed_on="2026-01-01")
    assert services.counter_for(city.yuehai) != counter


def test_second_open_counter_is_refused_by_the_database(city):
    services.counter_for(city.yuehai)
    with pytest.raises(IntegrityError), transaction.atomic():
        make.make_service_point(city.yuehai, kind="counter")


def test_one_tally_a_day_by_the_database(place):
    services.footfall_add(place=place, kind="rest")
    row = FootfallTally.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        FootfallTally.objects.create(place=place, on=row.on, kind="rest")


def test_service_point_save_derives_the_upper_ancestors(city):
    officer = make.make_user("registrar", city.nanshan)
    place = ServicePoint(code="X1", name="驿站", kind="rest_point", guidance_station=city.yuehai)
    services.service_point_save(place=place, by=officer)
    place.refresh_from_db()
    assert place.district_committee_id == city.nanshan.pk and place.street_id == city.yuehai.street_id
    assert place.district_id == city.yuehai.district_id
    assert AuditEvent.objects.get(act="stations.service_point.create").actor == officer


def test_moving_a_service_point_names_both_units_in_the_audit(city, place):
    place.guidance_station, place.street = city.lianhua, None
    services.service_point_save(place=place, by=None)
    units = AuditEvent.objects.get(act="stations.service_point.edit").units
    assert {city.yuehai.pk, city.lianhua.pk} <= set(units)


def test_members_to_pick_are_the_stations_own_with_consent(city, notice):
    here, elsewhere = (make_person(unit, notice, name=name) for unit, name in ((city.yuehai, "甲"), (city.shahe, "乙")))
    without = make_person(city.yuehai, notice, name="丙", consent=False)
    place = services.counter_for(city.yuehai)
    officer = make.make_user("officer", city.nanshan)
    picked = set(selectors.members_to_pick(user=officer, place=place))
    assert picked == {here.member} and elsewhere.member not in picked and without.member not in picked
    assert not selectors.members_to_pick(user=make.make_user("officer", city.lianhua), place=place).exists()


def test_members_to_pick_by_tail_of_phone(city, notice):
    make_person(city.yuehai, notice, tail="1111")
    wanted = make_person(city.yuehai, notice, tail="2222")
    place, officer = services.counter_for(city.yuehai), make.make_user("officer", city.yuehai)
    assert list(selectors.members_to_pick(user=officer, place=place, tail="2222")) == [wanted.member]


def test_secretary_sees_the_places_the_branch_hosts(city, place):
    branch = make.make_branch(city.yuehai)
    hosted = make.make_service_point(city.yuehai, organization=branch)
    secretary = make.make_user("secretary", branch)
    assert list(selectors.desk_places(secretary)) == [hosted]


def test_own_guidance_station_is_the_one_posting_of_that_level(city):
    assert selectors.own_guidance_station(make.make_user("officer", city.yuehai)) == city.yuehai
    assert selectors.own_guidance_station(make.make_user("officer", city.nanshan)) is None
    assert city.yuehai.level == Level.GUIDANCE_STATION


@pytest.fixture(autouse=True)
def _clean_cache():
    cache.clear()
