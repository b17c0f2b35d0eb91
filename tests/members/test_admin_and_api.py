import datetime

import pytest
from django.urls import reverse
from rest_framework.test import APIRequestFactory, force_authenticate

from accounts.models import AuditEvent
from members import identity, services
from members.api import MemberViewSet
from members.models import Affiliation, Notice, Poster, Seat, Transfer
from members.services.notice import PARTS
from tests import factories
from tests.members import make

pytestmark = pytest.mark.django_db
BEFORE = datetime.date(2025, 1, 1)


@pytest.fixture
def city():
    return factories.make_city()


@pytest.fixture
def branch(city):
    return factories.make_branch(city.yuehai)


@pytest.fixture
def member(branch):
    row = make.person("司马相如")
    factories.make_affiliation(row, branch, starts_on=BEFORE)
    return row


@pytest.fixture
def secretary(branch):
    return factories.make_user("secretary", branch)


def admin(model: str, act: str = "changelist", *args) -> str:
    return reverse(f"admin:members_{model}_{act}", args=args)


# --- API ------------------------------------------------------------------------------------------------------------------


def ask(user, pk=None, **query):
    request = APIRequestFactory().get("/api/v1/members/", query)
    force_authenticate(request, user)
    view = MemberViewSet.as_view({"get": "retrieve" if pk else "list"})
    return view(request, pk=pk) if pk else view(request)


def test_the_api_shows_members_masked_and_in_scope(city, branch, member):
    make.verified(city.lianhua)
    row = ask(factories.make_user("officer", city.yuehai)).data["results"]
    assert [dict(one) for one in row] == [
        {
            "id": member.pk, "name": "司*", "id_number": identity.mask_id(member.id_number),
            "phone": identity.mask_phone(member.phone_tail), "standing": "full", "ended": "", "on_roll": True,
            "verified": False, "taken_in": False, "organizations": [branch.pk],
            "relations": [{"organization": branch.pk, "kind": "formal", "starts_on": "2025-01-01"}],
        }
    ]  # fmt: skip
    assert AuditEvent.objects.get(act="members.member.list").subjects == [member.pk]


def test_the_api_filters_and_refuses_what_it_does_not_know(city, branch, member):
    officer = factories.make_user("officer", city.yuehai)
    for query, count in (
        ({"relation": "on_roll"}, 1), ({"relation": "taken_in"}, 0), ({"organization": branch.pk}, 1),
        ({"phone_tail": member.phone_tail}, 1), ({"standing": "probationary"}, 0),
    ):  # fmt: skip
        assert len(ask(officer, **query).data["results"]) == count, query
    assert ask(officer, name="司马").status_code == 400


def test_another_stations_member_is_404_in_the_api(city, member):
    assert ask(factories.make_user("officer", city.lianhua), pk=member.pk).status_code == 404
    assert ask(factories.make_user("registrar", city.yuehai)).status_code == 403


# --- admin --------------------------------------------------------------------------------------------------------------


def test_the_admin_shows_members_masked_audited_and_read_only(city, member, client):
    client.force_login(factories.make_user("officer", city.yuehai))
    for address in (admin("member"), admin("member", "change", member.pk)):
        text = client.get(address).content.decode()
        assert "司*" in text
        for secret in ("司马相如", member.id_number, member.phone):
            assert secret not in text
    assert {event.act for event in AuditEvent.objects.all()} >= {"members.member.list", "members.member.read"}
    assert client.post(admin("member", "change", member.pk), {"standing": "probationary"}).status_code == 403
    assert client.get(admin("member", "add")).status_code == 403


def test_an_affiliation_is_added_and_ended_by_the_services(city, branch, member, secretary, client):
    person = make.verified(city.yuehai).member
    client.force_login(factories.make_user("officer", city.yuehai))
    data = {
        "member": person.pk,
        "organization": branch.pk,
        "kind": "activity",
        "starts_on": "2026-01-01",
        "contact": "",
    }
    assert client.post(admin("affiliation", "add"), data).status_code == 200  # says what is wrong beside the field
    assert not Affiliation.objects.filter(member=person).exists()
    assert client.post(admin("affiliation", "add"), data | {"contact": member.pk}).status_code == 302
    made = Affiliation.objects.get(member=person)
    assert AuditEvent.objects.filter(act="members.affiliation.accept").exists()
    assert client.post(admin("affiliation", "change", made.pk), {"ends_on": "2026-02-01"}).status_code == 302
    made.refresh_from_db()
    assert made.ends_on == datetime.date(2026, 2, 1)
    assert not AuditEvent.objects.filter(act="members.affiliation.read").exists()
    assert client.get(admin("affiliation")).status_code == 200
    assert client.get(admin("affiliation", "change", made.pk)).status_code == 200
    seen = dict(AuditEvent.objects.filter(subject_type="members.member").values_list("act", "subjects"))
    assert seen["members.affiliation.read"] == [person.pk]
    assert {person.pk, member.pk} <= set(seen["members.affiliation.list"])
    assert AuditEvent.objects.filter(act="members.affiliation.end").exists()


def test_a_secretary_adds_to_the_own_roll_only(city, branch, secretary, client):
    person = make.person()
    factories.make_affiliation(person, branch, kind="activity", starts_on=BEFORE)
    other = factories.make_branch(city.yuehai)
    client.force_login(secretary)
    data = {"member": person.pk, "kind": "formal", "starts_on": "2026-01-01", "contact": ""}
    assert client.post(admin("affiliation", "add"), data | {"organization": other.pk}).status_code == 200
    assert client.post(admin("affiliation", "add"), data | {"organization": branch.pk}).status_code == 302
    made = Affiliation.objects.get(member=person, kind="formal")
    assert (made.organization, made.guidance_station) == (branch, city.yuehai)


def test_a_seat_is_for_somebody_on_the_roll_and_one_secretary(branch, member, secretary, client):
    client.force_login(secretary)
    data = {"organization": branch.pk, "member": make.person().pk, "post": "secretary", "starts_on": "2026-01-01"}
    assert client.post(admin("seat", "add"), data).status_code == 200
    assert client.post(admin("seat", "add"), data | {"member": member.pk}).status_code == 302
    assert client.post(admin("seat", "add"), data | {"member": member.pk}).status_code == 200
    assert Seat.objects.get().member == member


def test_a_transfer_is_sent_and_decided(branch, member, secretary, client):
    client.force_login(secretary)
    data = {"member": member.pk, "target": "", "elsewhere": "", "sent_on": "2026-01-01", "number": "1"}
    assert client.post(admin("transfer", "add"), data).status_code == 200
    assert client.post(admin("transfer", "add"), data | {"elsewhere": "某县委"}).status_code == 302
    row = Transfer.objects.get()
    decided = {"state": "received", "decided_on": "2025-12-31", "reason": ""}
    assert client.post(admin("transfer", "change", row.pk), decided).status_code == 200
    assert client.post(admin("transfer", "change", row.pk), decided | {"decided_on": "2026-02-01"}).status_code == 302
    member.refresh_from_db()
    assert (member.ended, member.ended_on) == ("moved_out", datetime.date(2026, 2, 1))


def test_the_city_writes_the_notice_and_a_published_one_is_closed(city, client):
    client.force_login(factories.make_user("registrar", city.nanshan))
    services.notice_publish()
    published = Notice.objects.get()
    assert client.get(admin("notice", "change", published.pk)).status_code in (403, 404)
    assert [client.get(admin(kind, "add")).status_code for kind in ("notice", "impactassessment")] == [403, 403]
    client.force_login(factories.make_user("registrar", city.city))
    data = dict.fromkeys(PARTS, "写全了") | {"version": "2026-3", "consent_anew": "False", "change": "改了电话"}
    for nothing in ("", "\u200b"):
        assert client.post(admin("notice", "add"), data | {"purpose": nothing, "publish": "on"}).status_code == 200
    assert client.post(admin("notice", "add"), data | {"publish": "on"}).status_code == 302
    assert Notice.objects.get(version="2026-3").published_at
    assert client.post(admin("notice", "change", published.pk), data).status_code == 403


def test_a_new_notice_begins_with_the_words_before_it(city, client):
    client.force_login(factories.make_user("registrar", city.city))
    form = client.get(admin("notice", "add")).context["adminform"].form
    assert all(form[part].value() for part in PARTS) and not form["version"].value()
    services.notice_publish(version="2026-3", consent_anew=False, change="第一版", **dict.fromkeys(PARTS, "本市的话"))
    form = client.get(admin("notice", "add")).context["adminform"].form
    assert {form[part].value() for part in PARTS} == {"本市的话"}
    assert form["consent_anew"].value() is None  # asked each time


def test_a_poster_and_an_assignment_in_the_admin(city, client):
    client.force_login(factories.make_user("registrar", city.nanshan))
    assert client.post(
        admin("poster", "add"), {"kind": "guidance_station", "organization": city.yuehai.pk, "market": ""}
    ).status_code == 302  # fmt: skip
    assert Poster.objects.get().organization == city.yuehai
    business = factories.make_business(city.yuehai)
    assert (
        client.post(admin("instructor", "add"), {"organization": city.yuehai.pk, "name": "周指导"}).status_code == 302
    )
    instructor = city.yuehai.instructors.get()
    data = {"instructor": instructor.pk, "business": business.pk, "role": "instructor", "starts_on": "2026-01-01"}
    assert client.post(admin("instructorassignment", "add"), data).status_code == 302
    assert city.yuehai.pk in AuditEvent.objects.get(act="members.instructorassignment.create").units
    neither = data | {"business": ""}
    assert client.post(admin("instructorassignment", "add"), neither).status_code == 200
