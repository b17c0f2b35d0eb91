"""What a password must be, how long it lasts, and what happens after too many wrong ones."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import OldPassword, User
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
    User.objects.filter(pk=user.pk).update(password_set_at=timezone.now() - timedelta(**more))


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
    assert client.post("/api/v1/token/", given).status_code == 200
    aged(user, days=90)
    assert client.post("/api/v1/token/", given).status_code == 403


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
        pages.append((sign_in(client, "wrong", name).content.decode().replace(name, "").split("csrf")[0], len(made)))
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
