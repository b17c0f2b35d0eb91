"""The demo tree has exactly the shape that is promised, and everything in it obeys the product's own rules."""

import datetime as dt

import pytest
from django.core.management import call_command
from django.db import connection

from accounts import wall
from accounts.models import User
from accounts.row_codes import records_changed
from demo.city import DemoExists, build_city
from demo.people import SHANGHAI
from markets.models import Business, IndustryArea, Market
from members.models import Pledge, Registration
from orgs.kinds import Kind, Level
from orgs.models import Organization
from reports import rows
from reports.digests import digest_of
from reports.models import EvaluationRelease, Goal, MonthClosing, Plan, Snapshot
from reports.registry import REGISTRATION_STATES as STATES
from stations.models import CheckIn, ServicePoint
from tests.conftest import as_owner

TODAY = dt.date(2026, 11, 20)


@pytest.fixture(scope="module")
def seeded(django_db_setup, django_db_blocker):
    """One city for all tests of this file, rolled back at the end."""
    from django.db import transaction

    with django_db_blocker.unblock():
        block = transaction.atomic()
        block.__enter__()
        with as_owner():
            summary = build_city(businesses=3000, seed=3, today=TODAY, months=1, say=lambda text: None)
        yield summary
        transaction.set_rollback(True)
        block.__exit__(None, None, None)


pytestmark = [pytest.mark.usefixtures("seeded"), pytest.mark.django_db]


def test_one_eleven_seventy_eight():
    levels = [Organization.objects.filter(level=level).count() for level in (1, 2, 3)]
    assert levels == [1, 11, 78]
    assert Organization.objects.filter(level=3).values("street").distinct().count() == 78
    assert set(Organization.objects.filter(level=Level.GRASSROOTS).values_list("kind", flat=True)) >= set(Kind) - {
        Kind.CITY_COMMITTEE,
        Kind.DISTRICT_COMMITTEE,
        Kind.GUIDANCE_STATION,
    }
    assert Organization.objects.filter(level=4, parent__level=1).exists()
    assert Organization.objects.filter(level=4, parent__level=2).exists()
    call_command("check_tree")


def test_every_row_says_what_the_product_wrote():
    with wall.everywhere():
        assert not records_changed()


def test_published_numbers_of_places():
    assert Market.objects.count() == 459
    assert IndustryArea.objects.count() == 133
    assert ServicePoint.objects.filter(kind="rest_point").count() == 1387
    assert ServicePoint.objects.filter(kind="caring_merchant").count() == 3718
    assert ServicePoint.objects.filter(kind="counter").values("guidance_station").distinct().count() == 78


def test_businesses_are_as_many_as_asked_and_some_wait_for_assignment():
    assert Business.objects.count() == 3000
    assert 0 < Business.objects.filter(guidance_station__isnull=True, district_committee__isnull=False).count() < 100


def test_registrations_in_every_state_and_check_ins_over_two_years():
    assert set(Registration.objects.values_list("state", flat=True)) == set(Registration.State)
    days = CheckIn.objects.order_by("on").values_list("on", flat=True)
    assert (TODAY - days.first()).days > 400


def test_nobody_registered_later_than_the_city_was_built():
    """It may be built at six in the morning: what is dated today at eight in the evening would be a lie on every page."""
    morning = dt.datetime.combine(TODAY, dt.time(), SHANGHAI)
    for moment in ("submitted_at", "decided_at", "withdrawn_at", "erased_at"):
        assert not Registration.objects.filter(**{f"{moment}__gte": morning}).exists(), moment


def test_plaques_hang_came_down_and_are_to_be_taken_off():
    assert Pledge.objects.live().count() > 10 and not Pledge.objects.groundless().exists()
    assert Pledge.objects.to_take_off().exists() and Pledge.objects.filter(taken_off_on__isnull=False).exists()


def test_every_persona_has_an_account(seeded):
    personas = {account["persona"] for account in seeded["accounts"]}
    assert personas == {
        "city_leader", "district_leader", "registrar_city", "registrar_district", "officer", "secretary",
        "system_admin", "security_admin", "audit_admin",
    }  # fmt: skip
    account = next(a for a in seeded["accounts"] if a["persona"] == "officer")
    assert User.objects.get(username=account["username"]).check_password(account["password"])


def test_the_past_has_numbers_and_its_months_are_closed():
    assert Snapshot.objects.filter(as_of=TODAY, organization__level=1, breakdown="").exists()
    assert Snapshot.objects.filter(as_of=TODAY - dt.timedelta(days=28), organization__level=1).exists()
    assert MonthClosing.objects.filter(month=dt.date(2026, 10, 1)).exists()


def test_registrations_of_the_past_are_counted_in_the_state_they_were_in():
    city, day = Organization.objects.get(level=Level.CITY), dt.date(2026, 10, 31)
    counts = Snapshot.objects.get(as_of=day, organization=city, breakdown="").counts
    listed = {code: rows.all_rows(code, city, as_of=day).count() for code in map("registrations_{}".format, STATES)}
    assert {code: counts[code] for code in listed} == listed
    assert listed["registrations_submitted"] and listed["registrations_verified"] and listed["registrations_contacted"]


def test_no_constraint_is_left_unchecked():
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_second_city_is_refused():
    with pytest.raises(DemoExists):
        build_city(businesses=10, seed=1, today=TODAY, say=lambda text: None)


def test_the_city_has_a_plan_with_goals_broken_down_and_one_released_evaluation():
    plan = Plan.objects.get()
    assert plan.organization.level == Level.CITY
    for goal in Goal.objects.all():
        goal.full_clean()
    assert Goal.objects.filter(organization__level=Level.DISTRICT, metric="market_coverage").count() > 5
    release = EvaluationRelease.objects.get()
    assert digest_of(release.sheet) == release.digest and len(release.units) == 11
