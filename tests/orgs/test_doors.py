import pytest
from django.db import IntegrityError, connection, transaction

from markets.models import Business
from orgs.models import Organization
from tests import factories as make
from tests.conftest import as_owner

pytestmark = pytest.mark.django_db


@pytest.fixture
def city():
    return make.make_city()


def names(queryset) -> set[str]:
    return {row.name for row in queryset}


def test_rows_reach_down_and_never_up_or_sideways(city):
    here, beside, far = (make.make_business(city[unit]) for unit in ("yuehai", "shahe", "lianhua"))
    officer = make.make_user("officer", city.yuehai)
    district = make.make_user("registrar", city.nanshan)
    leader = make.make_user("leader", city.city)
    assert names(Business.objects.visible_to(officer)) == {here.name}
    assert names(Business.objects.visible_to(district)) == {here.name, beside.name}
    assert names(Business.objects.visible_to(leader)) == {here.name, beside.name, far.name}


def test_a_posting_at_a_division_reaches_down_the_locality_line(city):
    here = make.make_business(city.yuehai)
    make.make_business(city.lianhua)
    user = make.make_user("leader", city.divisions["nanshan"])
    assert names(Business.objects.visible_to(user)) == {here.name}


@pytest.mark.parametrize("duty", ["system", "security", "audit"])
def test_administrators_see_no_business_data_even_with_a_posting(city, duty):
    make.make_business(city.yuehai)
    with as_owner(), connection.cursor() as cursor:  # what the database refuses (posting_not_of_administrator)
        cursor.execute("ALTER TABLE orgs_posting DISABLE TRIGGER posting_not_of_administrator")
    user = make.make_user("registrar", city.city, duty=duty)
    assert not Business.objects.visible_to(user).exists()
    assert not user.has_perm("markets.view_business")


def test_nobody_without_a_posting_sees_anything(city):
    make.make_business(city.yuehai)
    assert not Business.objects.visible_to(make.make_user()).exists()


def test_permission_on_a_row_is_held_only_inside_the_scope(city):
    registrar = make.make_user("registrar", city.nanshan)
    assert registrar.has_perm("markets.change_business", make.make_business(city.shahe))
    assert not registrar.has_perm("markets.change_business", make.make_business(city.huafu))


def test_moving_a_guidance_station_carries_its_businesses(city):
    businesses = [make.make_business(city.yuehai) for _ in range(3)]
    Organization.objects.filter(pk=city.yuehai.pk).change(district_committee=city.futian)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert {Business.objects.get(pk=b.pk).district_committee_id for b in businesses} == {city.futian.pk}


def test_a_district_that_contradicts_the_guidance_station_is_refused(city):
    with pytest.raises(IntegrityError), transaction.atomic():
        make.make_business(city.yuehai, district_committee_id=city.futian.pk)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_guidance_station_without_its_district_is_refused(city):
    with pytest.raises(IntegrityError), transaction.atomic():
        make.make_business(city.yuehai, district_committee_id=None)
