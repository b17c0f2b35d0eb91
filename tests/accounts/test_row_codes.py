"""Who writes accounts, factors, tokens and postings past the product gets nothing of it, and is found out."""

import time
from base64 import b32decode
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import make_password
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from django_otp.oath import hotp

from accounts import idle, totp
from accounts.models import ApiToken, AuditEvent, Authenticator, User
from accounts.row_codes import RowChanged, coded_models, rows_changed
from accounts.services import AccountError, MeasureError, account_disable, code_check, password_change
from accounts.services.identities import identity_used
from accounts.tokens import token_digest
from orgs.doors import current_postings
from orgs.models import Posting
from orgs.services.postings import PostingError, posting_end
from reports.health import checks
from tests import factories as make

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
    return {f"{row._meta.label_lower}:{row.pk}" for row in rows_changed()}


def test_rows_as_the_product_wrote_them_are_whole(city, officer):
    assert not rows_changed()
    assert officer in User.objects.all() and current_postings(officer)
    assert {model.__name__ for model in coded_models()} == {
        "User", "Authenticator", "Passkey", "ApiToken", "OutsideIdentity", "Posting",
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
    assert not rows_changed()


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
    assert account in out and post in out and "共 2 行" in out
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
