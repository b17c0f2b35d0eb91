"""The second factor by code: set up, asked for, refused, replaced by paper, taken away by the security administrator."""

import re
from base64 import b32decode
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django_otp.oath import hotp

from accounts import totp
from accounts.models import AuditEvent, Authenticator, RecoveryCode, User
from accounts.services import authenticator_enable, code_check, locked_until, recovery_codes_renew
from tests import factories as make

pytestmark = pytest.mark.django_db
SIGN_IN = "/accounts/sign-in/"
CODE, SET_UP, APP = "/accounts/sign-in/code/", "/accounts/factors/new/", "/accounts/factors/authenticator/"


@pytest.fixture(autouse=True)
def required(settings):
    settings.SECOND_FACTOR_REQUIRED = True


@pytest.fixture
def user():
    return make.make_user(username="officer1", name="李四")


def code_of(secret: str, steps: int = 0) -> str:
    now = int(timezone.now().timestamp()) // totp.STEP
    return f"{hotp(b32decode(secret), now + steps):06d}"


@pytest.fixture
def secret(user):
    """Set up a step ago, so that the code of now has not been used."""
    secret = totp.new_secret()
    authenticator_enable(user=user, secret=secret, code=code_of(secret, -1))
    return secret


def wrong_for(secret: str) -> str:
    near = {code_of(secret, steps) for steps in range(-3, 4)}
    return next(code for code in map("{:06d}".format, range(10)) if code not in near)


def begin(client, target="/jobs/", password=make.PASSWORD):
    return client.post(f"{SIGN_IN}?next={target}", {"username": "officer1", "password": password})


def is_in(client) -> bool:
    return "_auth_user_id" in client.session


def acts() -> list[str]:
    return list(AuditEvent.objects.filter(act__startswith="accounts.").order_by("pk").values_list("act", flat=True))


# --- the way in ---


def test_the_password_alone_lets_nobody_in(client, user, secret):
    assert begin(client).url == CODE
    assert not is_in(client) and client.get("/jobs/").status_code == 302
    assert client.get("/api/v1/organizations/").status_code == 401
    assert client.get("/admin/").status_code == 302


def test_the_code_of_the_app_is_the_second_step_and_leads_on(client, user, secret):
    begin(client)
    assert "6 位验证码" in client.get(CODE).content.decode()
    assert client.post(CODE, {"code": code_of(secret)}).url == "/jobs/"
    assert client.get("/jobs/").status_code == 200
    opened = AuditEvent.objects.get(act="accounts.session.open")
    assert opened.actor == user and opened.detail == {"factor": "authenticator"}


def test_a_code_works_once(client, user, secret):
    code = code_of(secret)
    begin(client)
    client.post(CODE, {"code": code})
    other = type(client)()
    begin(other)
    answer = other.post(CODE, {"code": code})
    assert "已经用过" in answer.content.decode() and not is_in(other)
    assert acts()[-1] == "accounts.factor.refuse"


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_off_by_one_step(user, secret, steps, taken):
    Authenticator.objects.update(last_step=0)
    assert bool(code_check(user=user, code=code_of(secret, steps))) is taken


@pytest.mark.parametrize("shape", ["{} {}", "{}-{}", "　{}　{}　"])
def test_how_the_digits_are_typed_does_not_matter(user, secret, shape):
    code = code_of(secret)
    wide = str.maketrans("0123456789", "０１２３４５６７８９")
    assert code_check(user=user, code=shape.format(code[:3], code[3:]).translate(wide)) == "authenticator"


@pytest.mark.parametrize("code", ["", "一二三四五六", "1" * 40, "\x00", "²³²³²³", "' OR 1=1"])
def test_ugly_codes_get_a_sentence(client, user, secret, code):
    begin(client)
    answer = client.post(CODE, {"code": code})
    assert answer.status_code == 200 and "还不能提交" in answer.content.decode() and not is_in(client)


def test_five_wrong_codes_lock_even_the_right_one_and_say_until_when(client, user, secret):
    begin(client)
    for _ in range(5):
        answer = client.post(CODE, {"code": wrong_for(secret)})
    user.refresh_from_db()
    until = locked_until(user)
    assert until is not None and f"{timezone.localtime(until):%H:%M}" in answer.content.decode()
    client.post(CODE, {"code": code_of(secret)})
    assert not is_in(client) and acts()[-1] == "accounts.factor.lock"
    User.objects.update(factor_locked_until=timezone.now() - timedelta(seconds=1))
    client.post(CODE, {"code": code_of(secret)})
    assert is_in(client)


def test_starting_over_does_not_forget_the_failures(client, user, secret):
    for _ in range(5):
        begin(client)
        client.post(CODE, {"code": wrong_for(secret)})
    user.refresh_from_db()
    assert locked_until(user)


def test_the_way_in_ends_after_ten_minutes(client, user, secret):
    begin(client)
    session = client.session
    session["signing_in"] |= {"at": timezone.now().timestamp() - 601}
    session.save()
    answer = client.post(CODE, {"code": code_of(secret)}, follow=True)
    assert "重新登录" in answer.content.decode() and not is_in(client)


def test_the_way_in_ends_with_the_password_it_began_with(client, user, secret):
    begin(client)
    user.set_password("another-long-secret")
    user.save()
    assert client.post(CODE, {"code": code_of(secret)}).url == SIGN_IN and not is_in(client)


def test_a_deactivated_account_does_not_finish(client, user, secret):
    begin(client)
    make.rewrite(User.objects.all(), is_active=False)
    assert client.post(CODE, {"code": code_of(secret)}).url == SIGN_IN and not is_in(client)


@pytest.mark.parametrize("page", [SET_UP, APP, "/accounts/sign-in/password/", "/accounts/factors/passkey/"])
def test_no_later_step_opens_before_its_turn(client, user, secret, page):
    """Else whoever knows the password would set up a factor of their own."""
    begin(client)
    assert client.get(page).url == CODE
    assert client.post(page, {"code": "000000"}).url == CODE
    assert client.post("/accounts/factors/remove/").url == CODE
    assert client.post("/accounts/factors/codes/").url == CODE
    assert client.post("/accounts/sign-in/next/").url == CODE
    assert Authenticator.objects.count() == 1


def test_the_key_of_the_session_changes_on_the_way_in(client, user, secret):
    client.get(SIGN_IN)
    begin(client)
    first = client.cookies["sessionid"].value
    client.post(CODE, {"code": code_of(secret)})
    assert client.cookies["sessionid"].value != first


# --- setting up ---


def shown_secret(page: str) -> str:
    found = re.search(r'code-text">([A-Z2-7 ]+)<', page)
    assert found
    return found[1].replace(" ", "")


def test_first_sign_in_is_password_then_own_password_then_factor_then_work(client):
    admin = make.make_user(duty=User.Duty.SECURITY)
    make_client = type(client)()
    make_client.force_login(admin)
    given = {"username": "officer1", "name": "李四", "duty": "staff", "clearance": 3}
    make_client.post(
        "/admin/accounts/user/add/", given | {"password1": "Given-by-admin", "password2": "Given-by-admin"}
    )
    assert begin(client, password="Given-by-admin").url == "/accounts/sign-in/password/"
    own = {"new_password1": "My-own-long-secret", "new_password2": "My-own-long-secret"}
    assert client.post("/accounts/sign-in/password/", own).url == SET_UP
    secret = shown_secret(client.get(APP).content.decode())
    wrong = client.post(APP, {"code": wrong_for(secret)}).content.decode()
    assert "验证码不对" in wrong and shown_secret(wrong) == secret, "the phone has this one already"
    codes = client.post(APP, {"code": code_of(secret)}).content.decode()
    assert len(re.findall(r"<code>[a-z2-9]{5} [a-z2-9]{5}</code>", codes)) == 10
    assert not is_in(client)
    assert client.post("/accounts/sign-in/next/").url == "/jobs/"
    assert is_in(client)


def test_the_given_password_is_not_ones_own(client, user):
    make.rewrite(User.objects.all(), password_is_temporary=True)
    begin(client)
    same = {"new_password1": make.PASSWORD, "new_password2": make.PASSWORD}
    assert "最近 5 次" in client.post("/accounts/sign-in/password/", same).content.decode()


def test_the_secret_is_ciphertext_in_table_and_session(client, user, secret):
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM accounts_authenticator")
        assert secret.encode() not in bytes(cursor.fetchone()[0])
    other = make.make_user(username="officer2")
    fresh = type(client)()
    fresh.post(SIGN_IN, {"username": "officer2", "password": make.PASSWORD})
    pending = shown_secret(fresh.get(APP).content.decode())
    assert other.has_factor is False and pending not in str(dict(fresh.session))


def test_pages_of_the_way_are_kept_by_nobody(client, user):
    begin(client)
    assert "no-store" in client.get(APP)["Cache-Control"]


def test_where_it_is_only_offered_the_password_is_enough(client, user, settings):
    settings.SECOND_FACTOR_REQUIRED = False
    assert begin(client).url == "/jobs/" and is_in(client)


def test_where_it_is_only_offered_who_has_one_is_asked(client, user, secret, settings):
    settings.SECOND_FACTOR_REQUIRED = False
    assert begin(client).url == CODE


# --- paper ---


def test_a_recovery_code_works_once_and_says_how_many_are_left(client, user, secret):
    codes = recovery_codes_renew(user=user)
    begin(client)
    answer = client.post(f"{CODE}?recovery=1", {"code": f" {codes[0][:5].upper()} {codes[0][5:]} "}, follow=True)
    assert "还剩 9 个" in answer.content.decode() and is_in(client)
    assert "accounts.recovery_codes.use" in acts()
    assert code_check(user=user, code=codes[0]) == ""


def test_new_recovery_codes_void_the_old(user, secret):
    old = recovery_codes_renew(user=user)
    new = recovery_codes_renew(user=user)
    assert code_check(user=user, code=old[0]) == "" and code_check(user=user, code=new[0]) == "recovery"


def test_codes_are_not_in_the_table_and_are_their_owners(user):
    codes = recovery_codes_renew(user=user)
    kept = b"".join(bytes(digest) for digest in RecoveryCode.objects.values_list("digest", flat=True))
    assert not any(code.encode() in kept for code in codes)
    assert code_check(user=make.make_user(), code=codes[0]) == ""


# --- later ---


def go_in(client, secret):
    begin(client)
    client.post(CODE, {"code": code_of(secret)})


def test_who_signed_in_just_now_changes_factors_who_did_long_ago_signs_in_again(client, user, secret):
    go_in(client, secret)
    assert client.get(APP).status_code == 200
    session = client.session
    session["signed_in_at"] -= 16 * 60
    session.save()
    assert client.get(APP).url == f"{SIGN_IN}?again=1&next=%2Faccounts%2Ffactors%2F"
    assert client.post("/accounts/factors/codes/").url.startswith(SIGN_IN)
    assert client.get(f"{SIGN_IN}?again=1").status_code == 200


def test_the_last_factor_stays_where_one_is_required(client, user, secret, settings):
    go_in(client, secret)
    page = client.post("/accounts/factors/remove/", follow=True).content.decode()
    assert "唯一的第二因素" in page and Authenticator.objects.count() == 1
    settings.SECOND_FACTOR_REQUIRED = False
    recovery_codes_renew(user=user)
    client.post("/accounts/factors/remove/")
    assert Authenticator.objects.count() == 0 and RecoveryCode.objects.count() == 0


def test_nobody_removes_what_is_anothers(client, user, secret):
    go_in(client, secret)
    assert client.post("/accounts/factors/remove/", {"passkey": "99999999"}).status_code == 404
    assert client.post("/accounts/factors/remove/", {"passkey": "²"}).status_code == 404


def change_page(client, user, **sent):
    return client.post(reverse("admin:accounts_user_change", args=[user.pk]), sent)


def test_a_password_that_somebody_else_set_is_temporary(client, user):
    client.force_login(make.make_user(duty=User.Duty.SECURITY))
    facts = {"username": user.username, "name": user.name, "duty": user.duty, "clearance": 3}
    change_page(client, user, **facts, password1="Given-by-admin", password2="Given-by-admin")
    person = type(client)()
    assert begin(person, password="Given-by-admin").url == "/accounts/sign-in/password/"


def test_the_console_resets_too(user, secret):
    call_command("reset_factors", "officer1", "--reason", "手机丢失")
    assert not Authenticator.objects.exists()
    assert AuditEvent.objects.filter(act="accounts.factors.reset", actor=None).count() == 1
    with pytest.raises(CommandError):
        call_command("reset_factors", "nobody", "--reason", "手机丢失")
