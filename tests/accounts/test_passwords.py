"""What a password must be, how long it lasts, and what happens after too many wrong ones."""

import re
from datetime import timedelta
from io import StringIO

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import checks
from accounts.models import AuditEvent, OldPassword, User
from accounts.passwords import kinds
from accounts.services import password_change
from tests import factories as make

pytestmark = pytest.mark.django_db
SIGN_IN, FIRST = "/accounts/sign-in/", "/accounts/sign-in/password/"


@pytest.fixture
def user():
    return make.make_user(username="officer1", name="李四")


def sign_in(client, password=make.PASSWORD, username="officer1", **more):
    return client.post(SIGN_IN, {"username": username, "password": password}, **more)


def plain(answer) -> str:
    """A page without its form's token."""
    return re.sub(r'csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())


def sentences(password: str, user=None) -> str:
    try:
        validate_password(password, user)
    except ValidationError as error:
        return "".join(error.messages)
    return ""


@pytest.mark.parametrize(
    ("password", "number"),
    [
        ("", 0),
        ("abc", 1),
        ("abcABC", 2),
        ("abcABC1", 3),
        ("abcABC1-", 4),
        ("市场监管", 1),
        ("市场jianguan1", 3),
        ("Ａb１", 3),
    ],
)
def test_kinds_of_signs_are_counted(password, number):
    assert kinds(password) == number


@pytest.mark.parametrize(
    ("password", "said"),
    [("Short-1", "10"), ("only-small-letters", "至少三种"), ("Password123", "常见"), ("Three-kinds-1", "")],
)
def test_the_rules_speak_chinese(password, said):
    found = sentences(password)
    assert said in found and bool(found) is bool(said)


def test_none_of_the_last_five_comes_back_and_older_ones_may(user):
    used = [f"Good-password-{number}" for number in range(7)]
    for password in used:
        password_change(user=user, password=password, by=user)
    assert [password for password in used if sentences(password, user)] == used[2:]
    assert OldPassword.objects.count() == 4
    assert "最近 5 次" in sentences(used[6], user)


def test_somebody_elses_old_password_says_nothing(user):
    password_change(user=user, password="Good-password-1", by=user)
    assert sentences("Good-password-1", make.make_user()) == ""


def aged(user, **more):
    make.rewrite(User.objects.filter(pk=user.pk), password_set_at=timezone.now() - timedelta(**more))


def test_a_password_of_ninety_days_is_changed_before_anything_else(client, user):
    aged(user, days=90)
    assert sign_in(client).url == FIRST
    assert "用得太久" in client.get(FIRST).content.decode() and client.get("/jobs/").status_code == 302
    assert client.get("/api/v1/organizations/").status_code == 401 and client.get("/admin/").status_code == 302
    new = {"new_password1": "Another-long-secret", "new_password2": "Another-long-secret"}
    assert client.post(FIRST, new).url == "/"
    assert client.get("/jobs/").status_code == 200
    assert sign_in(type(client)(), "Another-long-secret").url == "/", "the new one is new"


@pytest.mark.parametrize(("days", "told"), [(82, False), (84, True)])
def test_in_the_last_week_the_end_is_told_at_signing_in(client, user, days, told):
    aged(user, days=days)
    answer = sign_in(client)
    page = client.get("/accounts/factors/").content.decode()
    assert answer.url == "/" and ("您的密码" in page and "到期" in page) is told


def test_where_passwords_do_not_age_nobody_is_asked(client, user, settings):
    settings.CREDENTIAL_DAYS = 0
    aged(user, days=4000)
    assert sign_in(client).url == "/"


def test_the_demos_token_asks_for_the_same(client, settings):
    settings.DEMO = True
    user = make.make_user("officer", make.make_city().yuehai, username="officer1")
    given = {"username": "officer1", "password": make.PASSWORD}
    assert client.post("/api/v1/token/", given, content_type="application/json").status_code == 200
    aged(user, days=90)
    assert client.post("/api/v1/token/", given, content_type="application/json").status_code == 403


def test_a_wrong_present_password_counts_and_locks_as_at_the_door(client, user):
    """Whoever finds a session open could try them all."""
    client.force_login(user)
    new = {"new_password1": "Another-secret-1", "new_password2": "Another-secret-1"}
    answers = [client.post("/accounts/password/", {"old_password": f"no{at}", **new}) for at in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429]
    assert client.post("/accounts/password/", {"old_password": make.PASSWORD, **new}).status_code == 429
    user.refresh_from_db()
    assert user.check_password(make.PASSWORD)
    events = AuditEvent.objects.filter(succeeded=False, subjects=[user.pk]).values_list("act", flat=True)
    assert sorted(events) == ["accounts.session.lock"] * 2 + ["accounts.session.refuse"] * 4


def test_settings_below_level_three_are_told(settings):
    settings.SECOND_FACTOR_REQUIRED = True
    assert checks.signing_in(None) == []
    weak = {"SECOND_FACTOR_REQUIRED": 0, "CREDENTIAL_DAYS": 0, "SESSION_IDLE_MINUTES": 31, "SESSION_HOURS": 13}
    for number, (name, value) in enumerate(weak.items(), 1):
        setattr(settings, name, value)
        found = checks.signing_in(None)
        assert len(found) == number and any(name in warning.msg for warning in found)
    settings.CREDENTIAL_DAYS = 91
    assert len(checks.signing_in(None)) == 4
    settings.IS_PUBLIC_FACE = True
    assert checks.signing_in(None) == []


# --- one that somebody else chose ---


@pytest.fixture
def given(user):
    """An account whose owner has not come yet, and when its password was given."""

    def at(**ago):
        since = timezone.now() - timedelta(**ago)
        make.rewrite(User.objects.filter(pk=user.pk), password_is_temporary=True, password_set_at=since)

    return at


@pytest.mark.parametrize(("ago", "is_let"), [({"hours": 71}, True), ({"hours": 72}, False)])
def test_a_given_password_waits_three_days_for_its_first_use(client, given, ago, is_let):
    given(**ago)
    assert (sign_in(client).status_code == 302) is is_let


def test_the_setting_says_how_many_days(client, given, settings):
    given(days=10)
    settings.TEMPORARY_CREDENTIAL_DAYS = 11
    assert sign_in(client).url == FIRST


def test_one_that_is_over_is_answered_and_written_down_as_a_wrong_one(client, given):
    given(days=4)
    pages = [plain(sign_in(type(client)(), password)) for password in (make.PASSWORD, "no")]
    assert pages[0] == pages[1] and "账号或密码不正确" in pages[0] and "过期" not in pages[0]
    events = AuditEvent.objects.order_by("pk").values_list("act", "subjects", "detail", "succeeded")
    assert events[0] == events[1]


def test_it_is_over_for_the_demos_token_and_for_an_idle_session_too(client, user, given, settings):
    settings.DEMO, settings.SESSION_IDLE_MINUTES = True, 0
    client.force_login(user)
    given(days=4)
    assert "error" in client.post("/accounts/sessions/unlock/", {"password": make.PASSWORD}).json()
    answer = client.post(
        "/api/v1/token/", {"username": "officer1", "password": make.PASSWORD}, content_type="application/json"
    )
    assert answer.status_code == 400 and answer.json() == {"detail": "账号或密码不正确。"}


def test_ones_own_password_does_not_wait(client, user):
    aged(user, days=80)
    assert sign_in(client).status_code == 302


def test_the_security_administrator_sees_it_and_gives_another(client, user, given):
    client.force_login(make.make_user(duty=User.Duty.SECURITY))
    users, locked, change = "/admin/accounts/user/", "/accounts/locked/", f"/admin/accounts/user/{user.pk}/change/"
    assert ">None<" not in client.get(change).content.decode()
    given(days=1)
    assert "前有效" in client.get(users).content.decode() and "已过期" not in client.get(locked).content.decode()
    given(days=4)
    for page in (users, locked):
        assert "临时密码已过期，请重置" in client.get(page).content.decode()
    assert change in client.get(locked).content.decode()
    facts = {"username": "officer1", "name": "李四", "duty": "staff", "clearance": 3}
    client.post(change, facts | {"password1": "Another-secret-1", "password2": "Another-secret-1"})
    assert "已过期" not in client.get(users).content.decode() + client.get(locked).content.decode()
    assert sign_in(type(client)(), "Another-secret-1").url == FIRST


def test_switching_an_account_on_tells_that_its_password_is_over(client, user, given):
    client.force_login(make.make_user(duty=User.Duty.SECURITY))
    given(days=4)
    make.rewrite(User.objects.filter(pk=user.pk), is_active=False)
    assert "临时密码已过期" in client.get(f"/accounts/of/{user.pk}/enable/").content.decode()
    assert "临时密码已过期" not in client.get("/accounts/locked/").content.decode(), "nobody waits for it"


def test_the_console_gives_one_where_nobody_else_can(client, user, given):
    given(days=4)
    out = StringIO()
    call_command("reset_password", "officer1", reason="三个管理员的初始密码都过期了", stdout=out)
    password = out.getvalue().rsplit("：", 1)[1].strip()
    assert sign_in(client, password).url == FIRST
    event = AuditEvent.objects.get(act="accounts.password.change")
    assert (event.actor, event.subjects, event.purpose) == (None, [user.pk], "三个管理员的初始密码都过期了")
    assert password not in str(AuditEvent.objects.values())
    make.rewrite(User.objects.filter(pk=user.pk), is_active=False)
    for name, reason in (("officer1", "x"), ("nobody", "x")):
        with pytest.raises(CommandError, match="没有这个账号"):
            call_command("reset_password", name, reason=reason)


def test_the_console_gives_none_without_a_reason(user):
    with pytest.raises(CommandError, match="原因"):
        call_command("reset_password", "officer1", reason=" ")


def test_the_first_administrators_passwords_wait_no_longer(client):
    out = StringIO()
    call_command("bootstrap_admins", stdout=out)
    name, password = out.getvalue().splitlines()[-1].split("\t")[1:]
    assert "3 天内" in out.getvalue() and sign_in(client, password, name).url == FIRST
    make.rewrite(User.objects.all(), password_set_at=timezone.now() - timedelta(days=3))
    assert sign_in(type(client)(), password, name).status_code == 200


# --- too many wrong ones ---


def test_an_unknown_name_costs_as_many_hashes_as_a_wrong_password(client, user, monkeypatch):
    made: list[str] = []
    original = MD5PasswordHasher.encode

    def counted(self, password, salt):
        made.append(password)
        return original(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    pages = []
    for name in ("officer1", "nobody-here"):
        made.clear()
        pages.append((plain(sign_in(client, "wrong", name)).replace(name, ""), len(made)))
    assert pages[0] == pages[1] and pages[0][1] == 1


def lock(client, name="officer1"):
    for _ in range(5):
        answer = sign_in(client, "wrong", name)
    return answer


@pytest.mark.parametrize("name", ["officer1", "nobody-here"])
def test_the_lock_tells_its_end_and_later_tries_do_not_move_it(client, user, name):
    page = lock(client, name).content.decode()
    end = f"{timezone.localtime(AccessAttempt.objects.get().attempt_time + timedelta(minutes=30)):%H:%M}"
    assert f"{end} 以后可以再试" in page
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=20))
    before = AccessAttempt.objects.get().attempt_time
    assert sign_in(client, username=name).status_code == 429
    assert AccessAttempt.objects.get().attempt_time == before


def test_the_rules_say_you_as_every_other_page_does():
    told = "".join(password_validators_help_texts())
    assert "至少要有 10 个字符" in told and "您的账号、姓名" in told and "你" not in told
