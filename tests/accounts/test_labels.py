"""安全标记: a right opens what the account's label reaches, and nothing more, whoever granted it."""

from importlib import import_module

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts import wall
from accounts.labels import Clearance, label_of
from accounts.models import AuditEvent, User
from accounts.personal import HIGH, SENSITIVE, declared
from accounts.row_codes import rights_changed
from accounts.services import AccountError, user_change
from members.models import Member, Registration
from orgs.doors import ROLE_PERMISSIONS, reaches, rights_held
from orgs.grant_forms import roles_of
from orgs.selectors import reach_marks
from orgs.services import posting_grant
from orgs.services.postings import PostingError
from tests import factories as make
from tests.accounts.test_row_codes import by_sql
from tests.members import make as persons

pytestmark = pytest.mark.django_db


@pytest.fixture
def city():
    return make.make_city()


@pytest.fixture
def lead(city):
    return persons.registration(city.yuehai, name="孙悟空", phone="13912340001")


def officer_of(city, clearance: Clearance) -> User:
    return make.make_user("officer", city.yuehai, clearance=clearance)


def page(client, user, name: str, *args):
    client.force_login(user)
    return client.get(reverse(name, args=args))


def test_whatever_shows_persons_is_sensitive_and_whatever_shows_them_whole_is_high():
    sensitive = {
        held.model._meta.label_lower
        for held in declared()
        if {column.grade for column in held.columns.values()} & {SENSITIVE, HIGH}
    }
    for permission in frozenset().union(*ROLE_PERMISSIONS.values()):
        app, _, codename = permission.partition(".")
        if f"{app}.{codename.partition('_')[2]}" in sensitive:
            assert label_of(permission) > Clearance.INTERNAL, permission
    shown = ("members.view_member", "members.view_registration", "members.export_member", "stations.view_checkin")
    whole = ("members.reveal_member", "members.verify_registration", "members.add_registration", "members.import_roll")
    assert {label_of(permission) for permission in shown} == {Clearance.SENSITIVE}
    assert {label_of(permission) for permission in whole} == {Clearance.HIGH}
    assert label_of("markets.view_business") == label_of("reports.view_snapshot") == Clearance.INTERNAL


def test_an_officer_cleared_for_internal_things_meets_no_person(client, city, lead):
    officer = officer_of(city, Clearance.INTERNAL)
    for name, *args in (("members:queue",), ("members:registration", lead.pk), ("members:list",)):
        assert page(client, officer, name, *args).status_code == 403, name
    assert page(client, officer, "markets:business_list").status_code == 200
    assert reverse("members:queue") not in client.get("/").content.decode()
    assert not Registration.objects.visible_to(officer).exists() and not Member.objects.visible_to(officer).exists()
    assert wall.shown_to(officer) == wall.NOBODY
    assert not any(permission.startswith("stations.view_checkin") for permission in rights_held(officer))


def test_one_cleared_for_sensitive_things_sees_masks_and_no_more(client, city, lead):
    officer = officer_of(city, Clearance.SENSITIVE)
    lead.assigned_to = officer
    lead.save()
    shown = page(client, officer, "members:registration", lead.pk).content.decode()
    assert "孙*" in shown and "孙悟空" not in shown and "13912340001" not in shown and "拨打" not in shown
    acts = {"verify": {"method": "document"}, "reveal": {"fields_wanted": ["phone"], "purpose": "核实报到"}}
    for act, data in acts.items():
        assert client.post(reverse(f"members:registration_{act}", args=[lead.pk]), data).status_code in (403, 404)
    lead.refresh_from_db()
    assert lead.state == "submitted" and not AuditEvent.objects.filter(act__contains="reveal", succeeded=True).exists()


@pytest.mark.parametrize(("clearance", "first"), [(3, "reports:today"), (2, "reports:today"), (1, "reports:me")])
def test_work_begins_on_a_page_that_opens(client, city, clearance, first):
    officer = officer_of(city, clearance)
    answer = page(client, officer, "reports:home")
    assert answer.url == reverse(first) and client.get(answer.url).status_code == 200


def test_a_kept_page_is_not_shown_to_who_is_cleared_for_less(client, city):
    high, low = officer_of(city, Clearance.HIGH), officer_of(city, Clearance.INTERNAL)
    queue = reverse("members:queue")
    assert queue in page(client, high, "reports:dashboard").content.decode()
    assert queue not in page(client, low, "reports:dashboard").content.decode()


def test_it_holds_with_the_next_request_and_what_runs_loses_its_right(client, city, lead):
    officer, security = officer_of(city, Clearance.HIGH), make.make_user(duty="security")
    assert page(client, officer, "members:queue").status_code == 200 and reach_marks(officer, "members.view_member")
    officer.clearance = Clearance.INTERNAL
    user_change(user=officer, changed=["clearance"], by=security)
    assert client.get(reverse("members:queue")).status_code == 403
    officer = User.objects.get(pk=officer.pk)
    assert not reach_marks(officer, "members.view_member") and reach_marks(officer, "markets.view_business")
    event = AuditEvent.objects.get(act="accounts.user.change")
    assert event.detail == {"columns": ["clearance"], "clearance": 1} and event.actor == security


def test_a_right_that_the_label_holds_back_is_not_there_for_others_to_compare_with(city):
    high, low = officer_of(city, Clearance.HIGH), officer_of(city, Clearance.INTERNAL)
    assert reaches(high, high, "members.view_member") and not reaches(low, high, "members.view_member")


def test_only_another_security_administrator_sets_it(client, city):
    security, other = (make.make_user(duty="security") for _ in range(2))
    officer = officer_of(city, Clearance.HIGH)
    client.force_login(security)
    fields = {"username": officer.username, "name": "王五", "duty": "staff", "password1": "", "password2": ""}
    address = reverse("admin:accounts_user_change", args=[officer.pk])
    assert client.post(address, fields | {"clearance": 2}).status_code == 302
    officer.refresh_from_db()
    assert officer.clearance == Clearance.SENSITIVE and officer.is_whole
    client.post(
        reverse("admin:accounts_user_change", args=[security.pk]), fields | {"duty": "security", "clearance": 1}
    )
    security.refresh_from_db()
    assert security.clearance == Clearance.HIGH
    other.clearance = Clearance.INTERNAL
    with pytest.raises(AccountError, match="另一位安全管理员"):
        user_change(user=other, changed=["clearance"], by=other)
    client.force_login(make.make_user("registrar", city.city))
    assert client.post(address, fields | {"clearance": 3}).status_code == 403


def test_raised_past_the_product_it_opens_nothing(client, city):
    officer = officer_of(city, Clearance.INTERNAL)
    client.force_login(officer)
    by_sql("UPDATE accounts_user SET clearance = 3 WHERE id = %s", officer.pk)
    assert client.get(reverse("markets:business_list")).status_code == 302
    assert [row.row_name for row in rights_changed()] == [officer.row_name]
    with pytest.raises(IntegrityError), transaction.atomic():
        by_sql("UPDATE accounts_user SET clearance = 4 WHERE id = %s", officer.pk)


def test_who_grants_and_who_is_granted_are_told_what_the_label_holds_back(client, city):
    manager = make.make_user("officer", city.nanshan)
    make.rewrite(manager.postings, may_grant=True)
    person = make.make_user(username="low", name="小王", clearance=Clearance.SENSITIVE)
    client.force_login(manager)
    asked = {"username": "low", "role": "officer", "unit": "粤海指导站", "ends_on": ""}
    said = client.post(reverse("orgs:grant_new"), asked, follow=True).content.decode()
    sentence = "小王的安全标记是“敏感”，指导站工作人员的权限里超出标记的不起作用"
    assert "已授予小王" in said and sentence in said
    assert sentence in page(client, person, "reports:me").content.decode()
    assert "安全标记是" not in page(client, manager, "reports:me").content.decode()


def test_accounts_of_the_release_before_stay_whole_and_changed_ones_stay_changed(city):
    """The migration makes each code anew, but not of an account that somebody wrote to past the product."""
    migration = import_module("accounts.migrations.0017_clearance")
    good, bad = (make.make_user("officer", city.yuehai) for _ in range(2))
    migration._recode(migration.AFTER, migration.BEFORE)(apps, None)
    assert {row.pk for row in rights_changed()} >= {good.pk, bad.pk}
    by_sql("UPDATE accounts_user SET username = 'other' WHERE id = %s", bad.pk)
    migration._recode(migration.BEFORE, migration.AFTER)(apps, None)
    assert {row.pk for row in rights_changed()} & {good.pk, bad.pk} == {bad.pk}


def test_nobody_gives_away_what_their_own_label_holds_back(city):
    """A new account may do everything: a second one of the manager's own would have been the way round the label."""
    boss, other = officer_of(city, Clearance.SENSITIVE), make.make_user()
    make.rewrite(boss.postings, may_grant=True)
    assert roles_of(boss) == []
    with pytest.raises(PostingError, match="没有“指导站工作人员”的全部权限"):
        posting_grant(user=other, role="officer", organization=city.yuehai, by=boss)
    make.rewrite(User.objects.filter(pk=boss.pk), clearance=Clearance.HIGH)
    posting_grant(user=other, role="officer", organization=city.yuehai, by=boss)
