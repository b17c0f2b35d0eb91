"""Managers grant and end postings inside their unit, at most their own rights and no longer than they hold them."""

import threading
from datetime import timedelta

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, User
from orgs.models import Posting
from orgs.services import organization_close, organization_move, posting_end, posting_grant
from orgs.services.postings import PostingError, check_posting
from tests import factories as make
from tests.at_once import at_once, somebody_waits
from tests.jobs.test_runner import wait_for

TODAY = timezone.localdate()
SOON = TODAY + timedelta(days=10)


def manager(role: str, unit, **more) -> User:
    user = make.make_user(role, unit)
    make.rewrite(user.postings, may_grant=True, **more)
    return user


def as_now(user: User) -> User:
    """As the next request reads the person."""
    return User.objects.get(pk=user.pk)


def page(client, user, **data):
    client.force_login(user)
    data = {"username": "new", "role": "registrar", "unit": "粤海指导站", "ends_on": "", **data}
    return client.post(reverse("orgs:grant_new"), data)


@pytest.mark.django_db
def test_a_manager_grants_on_the_page_and_sees_and_ends_what_is_held_inside_the_unit(city, client):
    boss, person = manager("registrar", city.nanshan), make.make_user(username="new", name="王五")
    make.make_user("registrar", city.lianhua, username="elsewhere")
    assert page(client, boss).status_code == 302
    posting = person.postings.get()
    assert (posting.organization, posting.role, posting.granted_by, posting.may_grant) == (
        city.yuehai, "registrar", boss, False,
    )  # fmt: skip
    event = AuditEvent.objects.get(act="orgs.posting.grant")
    assert (event.actor, event.units, event.subjects) == (boss, [city.yuehai.pk], [posting.pk])
    theirs = type(client)()
    theirs.force_login(person)
    assert theirs.get(reverse("markets:business_list")).status_code == 200
    told = theirs.get(reverse("reports:me")).content.decode()
    assert "登记人员" in told and str(boss) in told
    listed = client.get(reverse("orgs:grants")).content.decode()
    assert "王五" in listed and "elsewhere" not in listed
    end = reverse("orgs:grant_end", args=[posting.pk])
    assert client.post(end, {"ends_on": TODAY - timedelta(days=1)}).status_code == 422
    assert client.post(end, {"ends_on": TODAY}).status_code == 302
    assert theirs.get(reverse("markets:business_list")).status_code == 403  # the next request
    event = AuditEvent.objects.get(act="orgs.posting.end")
    assert (event.actor, event.units) == (boss, [city.yuehai.pk])
    assert len(client.get(reverse("orgs:grants")).context["table"]["rows"]) == 1  # the manager's own
    assert len(client.get(reverse("orgs:grants"), {"state": "ended"}).context["table"]["rows"]) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"username": "nobody"}, "没有这个在用的业务账号"),
        ({"username": "auditor"}, "没有这个在用的业务账号"),  # in the words of one that is nowhere
        ({"username": "boss"}, "不能给自己"),
        ({"unit": "莲花指导站"}, "没有这个单位"),
        ({"unit": "南山区"}, "没有这个单位"),  # the other line
        ({"role": "leader"}, "leader"),
        ({"role": "officer"}, "officer"),
        ({"ends_on": "2020-01-01"}, "止期"),
        ({"ends_on": "x\x00"}, ""),
        ({"unit": "粤\x00海"}, ""),
        ({"username": "张" * 5000}, ""),
    ],
)
def test_what_may_not_be_granted_is_told_and_nothing_typed_is_lost(city, client, wrong, says):
    boss = manager("registrar", city.nanshan)
    make.rewrite(User.objects.filter(pk=boss.pk), username="boss")
    make.make_user(username="new")
    make.make_user(username="auditor", duty="audit")
    answer = page(client, boss, **wrong)
    text = answer.content.decode()
    assert answer.status_code == 422 and says in text and 'value="粤海指导站"' in text or "unit" in wrong
    assert Posting.objects.count() == 1
    event = AuditEvent.objects.get(act="orgs.posting.refuse")
    assert (event.actor, event.succeeded, event.detail) == (boss, False, {"columns": [*wrong]})
    page(client, boss, **(dict.fromkeys(wrong, "") | {"username": ""}))
    assert AuditEvent.objects.filter(act="orgs.posting.refuse").count() == 1, "an empty box reaches for nothing"


@pytest.mark.django_db
def test_at_most_the_own_rights_where_and_as_long_as_they_are_held(city):
    boss, person = manager("registrar", city.nanshan), make.make_user()
    Posting.objects.create(user=boss, role="officer", organization=city.yuehai)

    def refused(match, by=boss, **asked):
        with pytest.raises(PostingError, match=match):
            posting_grant(user=person, by=as_now(by), **asked)

    posting_grant(user=person, role="officer", organization=city.yuehai, by=as_now(boss))
    refused("全部权限", role="officer", organization=city.shahe)  # an officer in the other guidance station only
    refused("全部权限", role="leader", organization=city.yuehai)
    refused("没有在这个单位授权", role="registrar", organization=city.city)
    refused("没有在这个单位授权", role="registrar", organization=city.lianhua)
    refused("没有在这个单位授权", role="registrar", division=city.divisions["nanshan"])
    refused("没有在这个单位授权", by=make.make_user("registrar", city.city), role="registrar", organization=city.yuehai)
    make.rewrite(boss.postings.filter(role="registrar"), ends_on=SOON)
    refused("不能更长", role="registrar", organization=city.shahe)
    refused("不能更长", role="registrar", organization=city.shahe, ends_on=SOON + timedelta(days=1))
    posting_grant(user=person, role="registrar", organization=city.shahe, by=as_now(boss), ends_on=SOON)
    city_boss = manager("leader", city.divisions["city"])
    posting_grant(user=person, role="leader", organization=city.shahe, by=city_boss)
    district_boss = manager("leader", city.divisions["nanshan"])
    posting_grant(user=person, role="leader", division=city.divisions["yuehai"], by=district_boss)
    refused("没有在这个单位授权", by=district_boss, role="leader", organization=city.yuehai)


@pytest.mark.django_db
def test_the_right_to_grant_goes_on_inside_the_unit_and_never_back_up(city):
    boss = manager("registrar", city.nanshan)
    deputy, third = make.make_user(), make.make_user()
    posting_grant(user=deputy, role="registrar", organization=city.nanshan, by=boss, may_grant=True)
    posting_grant(user=third, role="registrar", organization=city.yuehai, by=as_now(deputy), may_grant=True)
    with pytest.raises(PostingError, match="没有在这个单位授权"):
        posting_grant(user=deputy, role="registrar", organization=city.shahe, by=as_now(third))
    with pytest.raises(PostingError, match="互相收回"):
        posting_end(posting=boss.postings.get(), ends_on=TODAY, by=as_now(deputy))
    with pytest.raises(PostingError, match="没有在这个单位授权"):
        posting_end(posting=deputy.postings.get(), ends_on=TODAY, by=as_now(third))
    with pytest.raises(PostingError, match="全部权限"):
        posting_end(posting=make.make_user("leader", city.yuehai).postings.get(), ends_on=TODAY, by=as_now(boss))
    with pytest.raises(PostingError, match="自己"):
        posting_end(posting=deputy.postings.get(), ends_on=TODAY, by=as_now(deputy))
    posting_end(posting=deputy.postings.get(), ends_on=TODAY, by=as_now(boss))
    assert not as_now(deputy).has_perm("orgs.grant_posting")


@pytest.mark.django_db
def test_a_unit_that_moves_away_or_closes_is_nobodys_to_grant_in(city):
    boss, person = manager("registrar", city.nanshan), make.make_user()
    organization_move(organization=city.yuehai, parent=city.futian, by=None)
    city.yuehai.refresh_from_db()
    with pytest.raises(PostingError, match="没有在这个单位授权"):
        posting_grant(user=person, role="registrar", organization=city.yuehai, by=boss)
    organization_close(organization=city.shahe, by=None, on=TODAY)
    city.shahe.refresh_from_db()
    with pytest.raises(PostingError, match="已撤销"):
        posting_grant(user=person, role="registrar", organization=city.shahe, by=as_now(boss))


# --- at the same time -------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_same_grant_twice_at_once_is_one_posting_and_one_sentence():
    city = make.make_city()
    boss, other, person = manager("registrar", city.nanshan), manager("registrar", city.city), make.make_user()
    asked = {"user": person, "role": "registrar", "organization": city.yuehai}
    said = at_once(*(lambda by=by: posting_grant(**asked, by=by) for by in (boss, other, boss, other)))
    assert sorted(type(one).__name__ for one in said) == ["Posting", *["PostingError"] * 3]
    assert person.postings.count() == 1


@pytest.mark.django_db(transaction=True)
def test_who_loses_the_right_while_granting_grants_nothing():
    """The control beside it: judged without the lock, the same moment lets the grant through."""
    city = make.make_city()
    boss, person, security = manager("registrar", city.nanshan), make.make_user(), make.make_user(duty="security")
    asked = {"user": person, "role": "registrar", "organization": city.yuehai}
    ended, judged = threading.Event(), threading.Event()

    def revoke():
        with transaction.atomic():
            posting_end(posting=boss.postings.get(), ends_on=TODAY, by=security)
            ended.set()
            judged.wait(10)
            wait_for(somebody_waits)  # the grant, for this to commit

    def unlocked():
        ended.wait(10)
        check_posting(**asked, division=None, by=as_now(boss))
        judged.set()
        return "let through"

    def grant():
        ended.wait(10)
        return posting_grant(**asked, by=boss)

    _, control, refusal = at_once(revoke, unlocked, grant)
    assert control == "let through"
    assert isinstance(refusal, PostingError) and not person.postings.exists()


@pytest.mark.django_db
def test_the_unit_is_chosen_from_the_managers_own_subtree(city, client):
    boss, person = manager("registrar", city.nanshan), make.make_user(username="new", name="王五")
    branch = make.make_branch(city.yuehai, name="<b>粤海</b> · 党支部")
    client.force_login(boss)

    def shown(said: str) -> str:
        return client.get(reverse("orgs:grant_units"), {"unit": said}).content.decode()

    everything = client.get(reverse("orgs:grant_new")).content.decode() + shown("")
    assert str(city.yuehai) in everything and city.lianhua.code not in everything
    assert f"{city.city} · " not in everything
    assert f"{branch.code}" in shown("粤海") and "<b>" not in shown("粤海") and "option" not in shown("莲花")
    assert city.yuehai.code in shown(city.yuehai.code[-3:].lower())
    for nothing in ("没有" * 80, "%", "_"):
        assert client.get(reverse("orgs:grant_units"), {"unit": nothing}).status_code == 200
    assert page(client, boss, unit=f"{city.yuehai} · {city.yuehai.code}").status_code == 302
    assert person.postings.filter(organization=city.yuehai).exists()
    assert page(client, boss, unit=f"{city.lianhua} · {city.lianhua.code}").status_code == 422
