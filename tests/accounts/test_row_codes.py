"""Who writes rows under a code past the product gets nothing of it, and is found out."""

import time
from base64 import b32decode
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import make_password
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone
from django_otp.oath import hotp

from accounts import idle, totp, wall
from accounts.checking import RECORDS, records_check
from accounts.models import ApiToken, AuditEvent, Authenticator, User
from accounts.row_codes import RowChanged, coded_models, records_changed, rights_changed
from accounts.services import AccountError, MeasureError, account_disable, code_check, password_change
from accounts.services.identities import identity_used
from accounts.tokens import token_digest
from members.errors import Refused
from members.models import Affiliation, Member, Registration
from members.services import receipt_withdraw, registration_contact
from members.services.people import affiliation_end, member_edit
from members.services.retention import erase
from members.services.rolls import Entry, members_change, roll_enter
from orgs.doors import current_postings
from orgs.errors import TreeError
from orgs.models import Organization, Posting
from orgs.services import organization_edit, organization_merge, organization_move
from orgs.services.many import organizations_change
from orgs.services.postings import PostingError, posting_end
from reports.health import checks
from tests import factories as make
from tests.members import make as persons

pytestmark = pytest.mark.django_db


@pytest.fixture
def city():
    return make.make_city()


@pytest.fixture
def officer(city):
    return make.make_user("officer", city.yuehai, username="officer")


def by_sql(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        assert cursor.rowcount == 1


def enter(client, username="officer", password=make.PASSWORD):
    return client.post("/accounts/sign-in/", {"username": username, "password": password})


def code_of(secret):
    return f"{hotp(b32decode(secret), int(time.time()) // totp.STEP):06d}"


def names():
    return {row.row_name for row in (*rights_changed(), *records_changed())}


def test_rows_as_the_product_wrote_them_are_whole(city, officer):
    assert not names()
    assert officer in User.objects.all() and current_postings(officer)
    assert {model.__name__ for model in coded_models()} == {
        "User", "Authenticator", "Passkey", "ApiToken", "OutsideIdentity", "Posting", "Organization", "Member",
        "Registration", "Consent", "Affiliation",
    }  # fmt: skip


def test_a_posting_put_in_by_sql_opens_nothing(client, city, officer):
    client.force_login(officer)
    assert client.get(f"/organizations/{city.lianhua.pk}/").status_code == 404
    by_sql(
        "INSERT INTO orgs_posting (user_id, organization_id, role, starts_on, may_grant, row_code)"
        " SELECT user_id, %s, 'leader', starts_on, true, row_code FROM orgs_posting WHERE user_id = %s",
        city.city.pk, officer.pk,
    )  # fmt: skip
    assert client.get(f"/organizations/{city.lianhua.pk}/").status_code == 404
    forged = Posting.objects.latest("pk")
    assert names() == {f"orgs.posting:{forged.pk}"}
    assert [posting.role for posting in current_postings(User.objects.get(pk=officer.pk))] == ["officer"]
    make.rewrite(Posting.objects.filter(user=officer, role="officer"), organization=city.lianhua)
    assert client.get(f"/organizations/{city.lianhua.pk}/").status_code == 200, "a posting of the product's does"


@pytest.mark.parametrize(
    "change", ["role = 'leader'", "ends_on = NULL", "may_grant = true", "starts_on = '2020-01-01'"]
)
def test_a_posting_changed_by_sql_opens_nothing(city, officer, change):
    make.rewrite(officer.postings, ends_on=timezone.localdate() + timedelta(days=9))
    by_sql(f"UPDATE orgs_posting SET {change} WHERE user_id = %s", officer.pk)
    assert not current_postings(User.objects.get(pk=officer.pk))
    with pytest.raises(PostingError, match="verify_rows"):
        posting_end(posting=officer.postings.get(), ends_on=timezone.localdate(), by=None)


def test_a_known_password_put_into_an_account_does_not_open_it(client, officer):
    by_sql("UPDATE accounts_user SET password = %s WHERE id = %s", make_password("known-to-the-thief"), officer.pk)
    enter(client, password="known-to-the-thief")
    assert "_auth_user_id" not in client.session
    assert "signing_in" not in client.session
    assert names() == {f"accounts.user:{officer.pk}"}


def test_a_session_ends_with_the_request_after_its_account_was_changed(client, officer):
    client.force_login(officer)
    assert client.get("/me/").status_code == 200
    by_sql("UPDATE accounts_user SET password_is_temporary = NOT password_is_temporary WHERE id = %s", officer.pk)
    assert client.get("/me/").status_code == 302


def test_a_duty_changed_by_sql_gives_no_duty_and_nobody_blesses_it(officer, city):
    officer.postings.all().delete()
    by_sql("UPDATE accounts_user SET duty = 'security' WHERE id = %s", officer.pk)
    officer = User.objects.get(pk=officer.pk)
    assert not officer.may_enter
    with pytest.raises(AccountError, match="verify_rows"):
        password_change(user=officer, password="another-horse-9", by=make.make_user(username="boss", duty="security"))
    with pytest.raises(MeasureError, match="verify_rows"):
        account_disable(user=officer, reason="看", by=None)
    with pytest.raises(RowChanged):
        officer.save()
    assert not User.objects.get(pk=officer.pk).is_whole


def test_an_administrator_who_cannot_come_in_keeps_no_other_from_staying(settings):
    settings.IDLE_ACCOUNT_DAYS = 30
    first, second = (make.make_user(username=name, duty="audit") for name in ("first", "second"))
    later = timezone.now() + timedelta(days=40)
    assert [one.is_kept for one in idle.plan(later)] == [False, True]
    by_sql("UPDATE accounts_user SET password_set_at = now() WHERE id = %s", second.pk)
    assert {one.user.pk: one.is_kept for one in idle.plan(later)}[first.pk], "the only one who can still sign in"


def test_a_token_put_in_by_sql_opens_nothing(client, officer):
    by_sql(
        "INSERT INTO accounts_apitoken (user_id, label, scopes, digest, created_at, expires_at, row_code)"
        " VALUES (%s, 'x', '{organizations}', %s, now(), now() + interval '1 day', '')",
        officer.pk, token_digest("thief"),
    )  # fmt: skip
    asked = {"HTTP_AUTHORIZATION": "Token thief"}
    assert client.get("/api/v1/organizations/", **asked).status_code == 401
    assert names() == {f"accounts.apitoken:{ApiToken.objects.get().pk}"}


def test_another_persons_factor_copied_by_sql_is_not_taken(officer, city):
    thief = make.make_user(username="thief")
    for user, secret in ((officer, totp.new_secret()), (thief, totp.new_secret())):
        Authenticator.objects.create(user=user, secret=secret, last_step=0)
    known = thief.authenticator.secret
    assert code_check(user=thief, code=code_of(known))
    by_sql(
        "UPDATE accounts_authenticator SET (secret, row_code) ="
        " (SELECT secret, row_code FROM accounts_authenticator WHERE user_id = %s) WHERE user_id = %s",
        thief.pk, officer.pk,
    )  # fmt: skip
    assert Authenticator.objects.get(user=officer).secret == known, "the ciphertext itself opens"
    assert not code_check(user=officer, code=code_of(known))


def test_a_binding_to_the_unified_sign_in_put_in_by_sql_is_nobodys(officer):
    by_sql(
        "INSERT INTO accounts_outsideidentity (user_id, issuer, subject, created_at, row_code)"
        " VALUES (%s, 'https://id', 'thief', now(), '')",
        officer.pk,
    )
    assert identity_used(issuer="https://id", subject="thief") is None


def test_saving_some_columns_takes_the_others_as_they_are_stored(officer):
    stale = User.objects.get(pk=officer.pk)
    make.rewrite(User.objects.filter(pk=officer.pk), is_active=False)
    stale.set_password("another-horse-9")
    stale.save(update_fields=["password"])
    now = User.objects.get(pk=officer.pk)
    assert now.is_whole and not now.is_active and now.check_password("another-horse-9")


def test_update_of_a_covered_column_is_refused(officer):
    with pytest.raises(TypeError, match="row's code"):
        User.objects.update(is_active=False)
    with pytest.raises(TypeError, match="row's code"):
        officer.postings.update(role="leader")
    User.objects.update(name="未覆盖")
    assert not names()


def test_the_command_names_and_accepts_only_what_it_is_told(officer, city, capsys):
    call_command("verify_rows")
    assert "一致" in capsys.readouterr().out
    by_sql("UPDATE accounts_user SET username = 'moved' WHERE id = %s", officer.pk)
    by_sql("UPDATE orgs_posting SET may_grant = true WHERE user_id = %s", officer.pk)
    with pytest.raises(SystemExit):
        call_command("verify_rows")
    posting = officer.postings.get()
    account, post = f"accounts.user:{officer.pk}", f"orgs.posting:{posting.pk}"
    out = capsys.readouterr().out
    assert account in out and post in out and "共 2 处" in out
    told = {check.name: check for check in checks()}["账号和任职的校验码"]
    assert told.state == "bad" and "2 条" in told.told and f"用户 {officer.pk}" in told.told
    for wrong in (["--accept", account], ["--accept", account, "orgs.posting:0", "--reason", "改名"]):
        with pytest.raises(CommandError):
            call_command("verify_rows", *wrong)
    assert names() == {account, post}
    call_command("verify_rows", "--accept", account, "--reason", "按请示改名")
    assert names() == {post}
    event = AuditEvent.objects.get(act="accounts.row.accept")
    assert event.purpose == "按请示改名" and event.subjects == [officer.pk]


@pytest.fixture
def chen(city):
    member = make.make_member("陈某", phone="13800000001", id_number="440301199001010014")
    make.make_affiliation(member, make.make_branch(city.yuehai))
    return member


def test_an_organization_changed_by_sql_is_named_and_nothing_is_done_with_it(client, city):
    registrar = make.make_user("registrar", city.city)
    client.force_login(registrar)
    page, form = f"/organizations/{city.yuehai.pk}/", f"/admin/orgs/organization/{city.yuehai.pk}/change/"
    assert "在系统之外" not in client.get(page).content.decode()
    by_sql("UPDATE orgs_organization SET name = '假站' WHERE id = %s", city.yuehai.pk)
    assert names() == {f"orgs.organization:{city.yuehai.pk}"}
    assert "在系统之外被改动过" in client.get(page).content.decode()
    sent = client.get(form).context["adminform"].form.initial | {"name": "真站"}
    answer = client.post(form, {name: value or "" for name, value in sent.items()})
    assert answer.status_code == 200 and "verify_rows" in answer.content.decode()
    with pytest.raises(TreeError, match="verify_rows"):
        organization_edit(organization=city.yuehai, by=None, short_name="粤海")
    with pytest.raises(TreeError, match="verify_rows"):
        organizations_change([(Organization.objects.get(pk=city.yuehai.pk), {"short_name": "粤海"})], by=None)
    organization_edit(organization=city.lianhua, by=None, short_name="莲花")
    assert names() == {f"orgs.organization:{city.yuehai.pk}"}


def test_tree_acts_leave_every_row_whole(city, chen):
    branch = Affiliation.objects.get().organization
    organization_move(organization=city.yuehai, parent=city.futian, by=None)
    organization_merge(source=city.yuehai, target=city.lianhua, by=None, on=timezone.localdate())
    branch.refresh_from_db()
    assert branch.parent == city.lianhua and branch.district_committee == city.futian
    assert not names()


def test_a_member_changed_by_sql_is_named_and_nothing_is_done_with_them(city, chen):
    by_sql("UPDATE members_member SET standing = 'probationary' WHERE id = %s", chen.pk)
    assert names() == {f"members.member:{chen.pk}"}
    with pytest.raises(Refused, match="verify_rows"):
        member_edit(member=chen, by=None, workplace="甲店")
    with pytest.raises(Refused, match="verify_rows"):
        members_change([(Member.objects.get(pk=chen.pk), {"workplace": "甲店"})])
    assert Member.objects.get(pk=chen.pk).workplace == ""


def test_erasing_reaches_a_changed_row_too_and_makes_it_no_truer(city, chen):
    other = make.make_member("李某", phone="13800000002")
    by_sql("UPDATE members_member SET standing = 'probationary' WHERE id = %s", chen.pk)
    with transaction.atomic():
        erase([chen, other], [])
    assert list(Member.objects.order_by("pk").values_list("name", "phone")) == [("", None), ("", None)]
    assert names() == {f"members.member:{chen.pk}"}


def test_somebody_put_on_another_roll_by_sql_is_named(city, chen):
    other = make.make_branch(city.lianhua)
    row = Affiliation.objects.get()
    by_sql("UPDATE members_affiliation SET organization_id = %s WHERE id = %s", other.pk, row.pk)
    assert names() == {f"members.affiliation:{row.pk}"}
    affiliation_end(affiliation=row, by=None, ends_on=timezone.localdate() + timedelta(days=1))
    assert names() == {f"members.affiliation:{row.pk}"}, "it may end, and is no truer"


def test_what_is_said_of_one_person_cannot_be_put_over_another(city, chen):
    other = make.make_member("李某", phone="13800000002")
    columns = "name, sex, id_number, phone, standing, ended, joined_on, workplace, entered_at, row_code"
    by_sql(
        f"UPDATE members_member SET ({columns}) = (SELECT {columns} FROM members_member WHERE id = %s) WHERE id = %s",
        chen.pk, other.pk,
    )  # fmt: skip
    assert Member.objects.get(pk=other.pk).name == "陈某"
    assert names() == {f"members.member:{other.pk}"}


def test_a_ciphertext_that_does_not_open_is_named_and_hides_no_other(city, chen, officer, capsys):
    other = make.make_member("李某", phone="13800000002")
    by_sql("UPDATE members_member SET phone = '\\x00' WHERE id = %s", chen.pk)
    by_sql("UPDATE members_member SET name = '王某' WHERE id = %s", other.pk)
    broken = f"members.member:{chen.pk}"
    assert names() == {broken, f"members.member:{other.pk}"}
    with pytest.raises(CommandError, match="备份"):
        call_command("verify_rows", "--accept", broken, "--reason", "看过")
    Authenticator.objects.create(user=officer, secret=totp.new_secret(), last_step=0)
    by_sql("UPDATE accounts_authenticator SET secret = '\\x00' WHERE user_id = %s", officer.pk)
    assert f"accounts.authenticator:{Authenticator.objects.only('pk').get().pk}" in names()


def test_what_is_stored_as_nothing_was_nothing_when_it_was_written(city):
    make.make_member("李某", phone="", id_number="")
    assert persons.verified(city.yuehai).member.id_number is None
    assert not names()


def test_many_at_once_are_coded_as_one_by_one(city, chen):
    branch = Affiliation.objects.get().organization
    entries = [Entry(branch, {"name": f"甲{n}", "phone": f"1390000000{n}"}) for n in range(3)]
    roll_enter(entries=entries)
    stale = Member.objects.get(pk=chen.pk)
    make.rewrite(Member.objects.filter(pk=chen.pk), name="陈某某")
    members_change([(stale, {"workplace": "甲店"})])
    now = Member.objects.get(pk=chen.pk)
    assert (now.name, now.workplace) == ("陈某某", "甲店"), "the other columns as they are stored"
    assert Member.objects.count() == 4 and not names()


def test_the_night_tells_what_was_changed_until_somebody_has_looked(city, chen):
    name = f"members.member:{chen.pk}"
    with wall.within(wall.NOBODY):
        records_check()
    by_sql("UPDATE members_member SET name = '王某' WHERE id = %s", chen.pk)
    with wall.within(wall.NOBODY):
        records_check(), records_check()
    events = AuditEvent.objects.filter(act=RECORDS).order_by("pk")
    assert [(one.succeeded, one.detail["new"]) for one in events] == [(True, 0), (False, 1), (False, 0)]
    assert events.last().detail["findings"] == [name]
    told = {check.name: check for check in checks()}["党组织、党员和报到的校验码"]
    assert told.state == "bad" and name in told.told
    call_command("verify_rows", "--accept", name, "--reason", "按更正申请补改")
    assert "党组织、党员和报到的校验码" not in {check.name for check in checks()}


def test_what_a_person_takes_back_is_taken_back_though_its_row_was_changed(city, officer):
    registration = persons.registration(city.yuehai)
    receipt = registration.receipts.get()
    by_sql("UPDATE members_registration SET home_branch = '别处' WHERE id = %s", registration.pk)
    by_sql(
        "UPDATE members_consent SET channel = 'counter' WHERE registration_id = %s AND item = 'membership'",
        registration.pk,
    )
    consent = registration.consents.get(item="membership")
    changed = {f"members.registration:{registration.pk}", f"members.consent:{consent.pk}"}
    assert names() == changed
    with pytest.raises(Refused, match="verify_rows"):
        registration_contact(registration=Registration.objects.get(pk=registration.pk), outcome="reached", by=officer)
    receipt_withdraw(receipt=receipt)
    assert Registration.objects.get(pk=registration.pk).state == "withdrawn"
    assert not registration.consents.live().exists()
    assert names() == changed
