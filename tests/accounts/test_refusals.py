"""Doors that did not open leave an event; the row that is another's and the row that is nowhere leave the same one."""

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import AuditEvent
from accounts.services import token_create
from tests import factories as make

pytestmark = pytest.mark.django_db
NOWHERE = 987_654_321


@pytest.fixture
def officer(client):
    city = make.make_city()
    user = make.make_user("officer", city.yuehai)
    client.force_login(user)
    user.city = city
    return user


def refusals() -> list[tuple]:
    events = AuditEvent.objects.filter(act__startswith="accounts.door").order_by("pk")
    return [(event.act, event.subject_type, event.subjects, event.detail, event.succeeded) for event in events]


def test_a_missing_right_is_written_down(client, officer):
    assert client.get(reverse("reports:screens")).status_code == 403
    event = AuditEvent.objects.latest("pk")
    assert (event.actor, event.address) == (officer, "127.0.0.1")
    assert refusals() == [("accounts.door.refuse", "", [], {"method": "GET", "address": "reports:screens"}, False)]


def test_anothers_row_and_a_row_that_is_nowhere_are_the_same_event(client, officer):
    other = make.make_business(officer.city.lianhua)
    for pk in (other.pk, NOWHERE):
        assert client.get(reverse("markets:business_detail", args=[pk])).status_code == 404
    first, second = refusals()
    assert first == (
        "accounts.door.not_found", "markets:business_detail", [other.pk],
        {"method": "GET", "address": "markets:business_detail"}, False,
    )  # fmt: skip
    assert (first[0], first[1], first[3:]) == (second[0], second[1], second[3:]) and second[2] == [NOWHERE]


def test_the_api_and_the_admin_write_down_theirs(officer, client):
    from datetime import timedelta

    from django.utils import timezone

    _, plain = token_create(
        user=officer, label="x", scopes=["businesses"], expires_at=timezone.now() + timedelta(days=1)
    )
    api = APIClient(headers={"Authorization": f"Token {plain}"})
    answers = [
        api.get(reverse("api:market-detail", args=[NOWHERE])),
        client.get("/admin/accounts/user/"),
    ]
    assert [answer.status_code for answer in answers] == [404, 403]
    assert [(act, detail["address"]) for act, _, _, detail, _ in refusals()] == [
        ("accounts.door.not_found", "api:market-detail"),
        ("accounts.door.refuse", "admin:accounts_user_changelist"),
    ]
    assert set(AuditEvent.objects.filter(act__startswith="accounts.door").values_list("actor", flat=True)) == {
        officer.pk
    }


def test_strangers_addresses_of_nothing_and_open_doors_leave_none(client, officer):
    client.get("/no/such/address/")
    client.get(reverse("jobs:list"))
    client.logout()
    client.get(reverse("jobs:list"))
    assert refusals() == []


@pytest.mark.parametrize("number", ["9" * 30, "٣"])
def test_a_number_that_no_row_can_have_is_not_kept(client, officer, number):
    client.get(f"/markets/businesses/{number}/")
    assert all(subjects == [] for _, _, subjects, _, _ in refusals())
