from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.test import APIRequestFactory

from accounts.api import DemoTokenView
from accounts.authentication import TokenAuthentication
from accounts.models import ApiToken, AuditEvent
from accounts.services import token_create
from accounts.tokens import token_digest
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def user():
    return make.make_user("officer", make.make_city().yuehai, username="officer1")


@pytest.fixture
def tokens_page(client, user):
    client.force_login(user)
    address = reverse("accounts:tokens")
    return lambda **fields: client.post(address, fields) if fields else client.get(address)


def in_days(days: int) -> str:
    return str(timezone.localdate() + timedelta(days=days))


def in_hours(hours: float):
    return timezone.now() + timedelta(hours=hours)


def authenticate(plain: str):
    return TokenAuthentication().authenticate(RequestFactory().get("/", HTTP_AUTHORIZATION=f"Token {plain}"))


def acts() -> list[tuple]:
    return list(AuditEvent.objects.filter(act__startswith="accounts.token").order_by("pk").values_list("act", "actor"))


def test_a_token_is_shown_once_and_only_its_hash_is_kept(tokens_page, user):
    answer = tokens_page(action="create", label="统计平台", scopes=["numbers"], expires_on=in_days(90))
    plain = answer.context["new_token"]
    assert len(plain) >= 40 and plain in answer.content.decode()
    token = ApiToken.objects.get()
    assert token.digest == token_digest(plain) and plain not in str(vars(token))
    assert timezone.localtime(token.expires_at).strftime("%Y-%m-%d %H:%M") == f"{in_days(90)} 23:59"
    again = tokens_page().content.decode()
    assert plain not in again and token.digest not in again and "统计平台" in again and in_days(90) in again
    assert authenticate(plain) == (user, token)
    assert acts() == [("accounts.token.create", user.pk)]
    assert plain not in str(list(AuditEvent.objects.values()))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"expires_on": in_days(91)}, "最长 90 天"),
        ({"expires_on": in_days(-1)}, "不能早于今天"),
        ({"expires_on": "明年"}, "格式"),
        ({"label": ""}, "用途"),
    ],
)
def test_a_wrong_form_says_why_and_loses_nothing(tokens_page, fields, sentence):
    answer = tokens_page(
        **{"action": "create", "label": "统计平台", "scopes": ["numbers"], "expires_on": in_days(9), **fields}
    )
    text = answer.content.decode()
    assert sentence in text and "还不能提交" in text
    assert all(f'value="{value}"' in text for value in fields.values() if value)
    assert not ApiToken.objects.exists()


def test_a_revoked_token_opens_nothing(tokens_page, user):
    token, plain = token_create(user=user, label="旧系统", scopes=["numbers"], expires_at=in_hours(1))
    assert tokens_page(action="revoke", token=token.pk).status_code == 302
    assert "已作废" in tokens_page().content.decode()
    with pytest.raises(AuthenticationFailed):
        authenticate(plain)
    tokens_page(action="revoke", token=token.pk)
    assert acts() == [
        ("accounts.token.create", user.pk),
        ("accounts.token.revoke", user.pk),
        ("accounts.token.refuse", None),
    ]


@pytest.mark.parametrize("number", ["", "x", "9" * 30, "-1"])
def test_a_token_that_is_not_there_answers_404(tokens_page, number):
    assert tokens_page(action="revoke", token=number).status_code == 404


def test_the_token_of_somebody_else_is_not_there(tokens_page):
    token, _ = token_create(user=make.make_user(), label="别人的系统", scopes=["numbers"], expires_at=in_hours(1))
    assert "别人的系统" not in tokens_page().content.decode()
    assert tokens_page(action="revoke", token=token.pk).status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None


def test_an_expired_token_and_one_of_a_deactivated_account_open_nothing(user):
    token, plain = token_create(user=user, label="系统", scopes=["numbers"], expires_at=in_hours(1))
    make.rewrite(ApiToken.objects.filter(pk=token.pk), created_at=in_hours(-2), expires_at=in_hours(-1))
    with pytest.raises(AuthenticationFailed):
        authenticate(plain)
    make.rewrite(ApiToken.objects.filter(pk=token.pk), expires_at=in_hours(1))
    assert authenticate(plain)
    user.is_active = False
    user.save()
    with pytest.raises(AuthenticationFailed):
        authenticate(plain)


def test_an_unknown_token_is_refused_and_audited_without_the_token():
    with pytest.raises(AuthenticationFailed):
        authenticate("no-such-token")
    assert acts() == [("accounts.token.refuse", None)]
    assert "no-such-token" not in str(list(AuditEvent.objects.values()))


def test_last_use_is_noted_at_most_once_an_hour(user, django_assert_num_queries):
    token, plain = token_create(user=user, label="系统", scopes=["numbers"], expires_at=in_hours(9))
    with django_assert_num_queries(3):  # the token, its use, the postings that the request asks of anyway
        authenticate(plain)
    with django_assert_num_queries(2):
        authenticate(plain)
    long_ago = in_hours(-1.1)
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=long_ago)
    authenticate(plain)
    token.refresh_from_db()
    assert token.last_used_at > long_ago


def test_a_token_makes_no_session(client, user):
    _, plain = token_create(user=user, label="系统", scopes=["numbers"], expires_at=in_hours(9))
    answer = client.get("/jobs/", HTTP_AUTHORIZATION=f"Token {plain}")
    assert answer.status_code == 302 and "sessionid" not in answer.cookies


@pytest.mark.parametrize(("created", "expires"), [(0, 366.1), (0, 0), (0, -1)])
def test_the_database_refuses_a_token_without_an_end_within_the_year(user, created, expires):
    now = timezone.now()
    with pytest.raises(IntegrityError, match="apitoken_expires_within_a_year"), transaction.atomic():
        ApiToken.objects.create(
            user=user,
            label="x",
            scopes=["numbers"],
            digest="d",
            created_at=now,
            expires_at=now + timedelta(days=expires),
        )


def test_the_database_refuses_two_tokens_with_one_hash(user):
    with pytest.raises(IntegrityError, match="digest"), transaction.atomic():
        for _ in range(2):
            ApiToken.objects.create(user=user, label="x", scopes=["numbers"], digest="d", expires_at=in_hours(1))


# --- POST /api/v1/token/ ---


def ask(**fields):
    request = APIRequestFactory().post("/api/v1/token/", {"username": "officer1", "password": make.PASSWORD, **fields})
    return DemoTokenView.as_view()(request)


@pytest.fixture
def demo(settings):
    settings.DEMO = True


def test_outside_the_demo_there_is_no_such_address(user, settings):
    settings.DEMO = False
    assert ask().status_code == 404
    assert not ApiToken.objects.exists()


def test_in_the_demo_a_password_gives_a_token(user, demo):
    answer = ask()
    assert answer.status_code == 200 and set(answer.data) == {"token"}
    assert authenticate(answer.data["token"])[0] == user
    assert acts() == [("accounts.token.create", user.pk)]


@pytest.mark.parametrize("fields", [{"password": ""}, {"username": ""}])
def test_something_missing_is_said(user, demo, fields):
    answer = ask(**fields)
    assert answer.status_code == 400 and set(answer.data) == set(fields)


def test_wrong_passwords_are_audited_and_lock(user, demo, settings):
    answers = [ask(password="wrong") for _ in range(settings.AXES_FAILURE_LIMIT + 1)]
    assert [answer.status_code for answer in answers] == [400] * (settings.AXES_FAILURE_LIMIT - 1) + [429, 429]
    assert ask().status_code == 429
    refusals = AuditEvent.objects.filter(act__startswith="accounts.session", succeeded=False)
    assert refusals.count() == settings.AXES_FAILURE_LIMIT + 2
    assert refusals.filter(act="accounts.session.lock").exists()
    assert not ApiToken.objects.exists()
