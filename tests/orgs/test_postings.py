"""Postings: granted and ended by the security administrator alone."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, User
from orgs.models import Posting
from orgs.services import posting_end, posting_grant
from orgs.services.postings import PostingError
from tests import factories as make

pytestmark = pytest.mark.django_db
BACKEND = "orgs.doors.DoorBackend"
TODAY = timezone.localdate()


@pytest.fixture
def security(city, client):
    user = make.make_user(duty="security")
    client.force_login(user, backend=BACKEND)
    return user


def grant(client, user, **data):
    data = {
        "user": user.pk,
        "role": "officer",
        "organization": "",
        "division": "",
        "starts_on": TODAY,
        "ends_on": "",
        **data,
    }
    return client.post(reverse("admin:orgs_posting_add"), data)


def test_a_posting_is_granted_and_audited(city, client, security):
    user = make.make_user()
    assert grant(client, user, organization=city.yuehai.pk).status_code == 302
    posting = Posting.objects.get(user=user)
    assert (posting.organization, posting.role, posting.granted_by) == (city.yuehai, "officer", security)
    event = AuditEvent.objects.get(act="orgs.posting.grant")
    assert (event.actor, event.units, event.subjects) == (security, [city.yuehai.pk], [posting.pk])
    assert event.detail["user"] == user.pk


def test_a_posting_at_a_division(city, client, security):
    user = make.make_user()
    assert grant(client, user, division=city.divisions["nanshan"].pk, role="leader").status_code == 302
    assert Posting.objects.get(user=user).division == city.divisions["nanshan"]


def test_a_unit_is_begun_by_the_security_administrator_and_goes_on_by_its_manager(city, client, security):
    manager, other = make.make_user(name="王五"), make.make_user()
    assert grant(client, manager, organization=city.yuehai.pk, role="registrar", may_grant="on").status_code == 302
    refused = grant(client, other, organization=city.yuehai.pk)
    assert "这个单位已有授权人（王五）" in refused.content.decode() and not other.postings.exists()
    # Another unit has none, nor has a unit below, nor the locality; and none is who cannot sign in or is gone.
    assert grant(client, other, organization=city.shahe.pk).status_code == 302
    assert grant(client, other, division=city.divisions["yuehai"].pk).status_code == 302
    make.rewrite(User.objects.filter(pk=manager.pk), is_active=False)
    assert grant(client, other, organization=city.yuehai.pk).status_code == 302
    make.rewrite(User.objects.filter(pk=manager.pk), is_active=True)
    posting_end(posting=manager.postings.get(), ends_on=timezone.localdate(), by=security)
    assert grant(client, other, organization=city.yuehai.pk, role="leader").status_code == 302


@pytest.mark.parametrize("duty", ["system", "security", "audit"])
def test_an_administrator_gets_no_posting(city, client, security, duty):
    user = make.make_user(duty=duty)
    assert grant(client, user, organization=city.yuehai.pk).status_code == 200
    assert not Posting.objects.exists()
    with pytest.raises(PostingError, match="互斥"):
        posting_grant(user=user, role="officer", organization=city.yuehai, by=security)


def test_nobody_grants_or_ends_their_own(city):
    user = make.make_user("registrar", city.nanshan)
    with pytest.raises(PostingError, match="自己"):
        posting_grant(user=user, role="leader", organization=city.nanshan, by=user)
    with pytest.raises(PostingError, match="自己"):
        posting_end(posting=user.postings.get(), ends_on=TODAY + timedelta(days=1), by=user)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "二选一"),
        ({"organization": "yuehai", "division": "nanshan"}, "二选一"),
        ({"organization": "yuehai", "role": "secretary"}, "基层党组织"),
        ({"organization": "yuehai", "ends_on": TODAY}, "止期必须晚于起期"),
    ],
)
def test_a_wrong_posting_is_told_in_the_form(city, client, security, data, says):
    if "organization" in data:
        data = {**data, "organization": city[data["organization"]].pk}
    if "division" in data:
        data = {**data, "division": city.divisions[data["division"]].pk}
    response = grant(client, make.make_user(), **data)
    assert says in str(response.context["adminform"].form.errors)
    assert not Posting.objects.exists()


def test_the_same_posting_twice_is_told(city, client, security):
    user = make.make_user("officer", city.yuehai)
    assert "已有这项任职" in grant(client, user, organization=city.yuehai.pk).content.decode()
    beside_a_wrong_day = grant(client, user, organization=city.yuehai.pk, starts_on="13 月").content.decode()
    assert "已有这项任职" in beside_a_wrong_day and "posting_once" not in beside_a_wrong_day


def test_what_was_given_today_by_mistake_is_taken_back_today(city, client, security):
    user = make.make_user("officer", city.yuehai)
    posting = user.postings.get()
    page = reverse("admin:orgs_posting_change", args=[posting.pk])
    response = client.post(page, {"ends_on": TODAY - timedelta(days=1)})
    assert "起期当天" in str(response.context["adminform"].form.errors)
    assert client.post(page, {"ends_on": TODAY}).status_code == 302
    assert not type(user).objects.get(pk=user.pk).has_perm("stations.add_checkin")


def test_a_planned_end_may_be_brought_forward_and_not_put_off(city, client, security):
    posting = make.make_user("officer", city.yuehai).postings.get()
    make.rewrite(Posting.objects.filter(pk=posting.pk), ends_on=TODAY + timedelta(days=30))
    page = reverse("admin:orgs_posting_change", args=[posting.pk])
    response = client.post(page, {"ends_on": TODAY + timedelta(days=31)})
    assert "只能提前" in str(response.context["adminform"].form.errors)
    assert client.post(page, {"ends_on": TODAY}).status_code == 302
    assert not Posting.objects.live().exists()


def test_the_database_keeps_administrators_without_postings_and_holders_of_postings_without_a_duty(
    city, client, security
):
    admin, staff = make.make_user(duty="audit"), make.make_user("officer", city.yuehai)
    for act in (
        lambda: Posting.objects.create(user=admin, role="officer", organization=city.yuehai),
        lambda: make.rewrite(Posting.objects.filter(user=staff), user=admin),
        lambda: make.rewrite(User.objects.filter(pk=staff.pk), duty="system"),
    ):
        with pytest.raises(IntegrityError, match="管理员不能兼任业务岗位") as refusal, transaction.atomic():
            act()
        assert refusal.value.__cause__.diag.constraint_name == "posting_not_of_administrator"
    form = {"username": staff.username, "name": "", "duty": "system", "clearance": 3, "is_active": "on"}
    answer = client.post(reverse("admin:accounts_user_change", args=[staff.pk]), form)
    assert "还有 1 项任职" in str(answer.context["adminform"].form.errors)
    posting_end(posting=staff.postings.get(), ends_on=TODAY, by=security)
    assert client.post(reverse("admin:accounts_user_change", args=[staff.pk]), form).status_code == 302
    assert User.objects.get(pk=staff.pk).duty == "system"


def test_ending_takes_the_right_away_and_what_ended_stays(city, client, security):
    user = make.make_user("officer", city.yuehai)
    posting = user.postings.get()
    make.rewrite(Posting.objects.filter(pk=posting.pk), starts_on=TODAY - timedelta(days=9))
    page = reverse("admin:orgs_posting_change", args=[posting.pk])
    assert client.post(page, {"ends_on": TODAY, "role": "leader", "user": security.pk}).status_code == 302
    posting.refresh_from_db()
    assert (posting.ends_on, posting.role, posting.user) == (TODAY, "officer", user)
    assert AuditEvent.objects.get(act="orgs.posting.end").actor == security
    assert client.post(page, {"ends_on": ""}).status_code == 403
    assert not type(user).objects.get(pk=user.pk).has_perm("stations.add_checkin")


def test_the_chooser_shows_the_security_administrator_names_and_nothing_else_opens(city, client, security):
    query = {"app_label": "orgs", "model_name": "posting", "field_name": "organization"}
    answer = client.get(reverse("admin:autocomplete"), query).json()["results"]
    assert {"id": str(city.yuehai.pk), "text": city.yuehai.name} in answer
    assert all(set(row) == {"id", "text"} for row in answer)
    elsewhere = {"app_label": "orgs", "model_name": "organization", "field_name": "parent"}
    assert client.get(reverse("admin:autocomplete"), elsewhere).status_code == 403
    assert client.get(reverse("admin:orgs_organization_changelist")).status_code == 403
    assert client.get(reverse("orgs:list")).status_code == 403


@pytest.mark.parametrize("who", ["registrar", "system", "audit"])
def test_nobody_else_opens_postings(city, client, who):
    user = make.make_user("registrar", city.city) if who == "registrar" else make.make_user(duty=who)
    client.force_login(user, backend=BACKEND)
    assert client.get(reverse("admin:orgs_posting_changelist")).status_code == 403
    query = {"app_label": "orgs", "model_name": "posting", "field_name": "division"}
    if who != "registrar":
        assert client.get(reverse("admin:autocomplete"), query).status_code == 403
