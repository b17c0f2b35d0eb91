"""An account that nobody uses is switched off at night, told beforehand, and never the last of its kind."""

from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts import idle
from accounts.models import AccountMeasure, ApiToken, AuditEvent, User
from accounts.services import account_disable, account_disable_idle, account_enable, token_create
from accounts.tasks import idle as nightly
from tests import factories as make

pytestmark = pytest.mark.django_db
PAGE = "/accounts/idle/"
Duty = User.Duty


def ago(days: float):
    return timezone.localtime() - timedelta(days=days)


def account(username: str, *, opened: float = 400, used: float | None = None, **more) -> User:
    """Opened and last used so many days ago."""
    seen = None if used is None else ago(used)
    return make.make_user(username=username, created_at=ago(opened), last_login=seen, **more)


@pytest.fixture
def security(client):
    admin = account("security1", used=0, duty=Duty.SECURITY, name="周安")
    client.force_login(admin)
    return admin


def active() -> set[str]:
    return set(User.objects.filter(is_active=True).values_list("username", flat=True))


def page(client) -> str:
    return client.get(PAGE).content.decode()


def test_what_nobody_used_for_ninety_days_is_switched_off_and_audited_with_the_reason():
    account("left", used=91, name="李四"), account("never", opened=91)
    account("used", used=89), account("new", opened=89)
    nightly()
    assert active() == {"used", "new"}
    events = AuditEvent.objects.filter(act="accounts.user.disable").order_by("pk")
    assert [event.actor for event in events] == [None, None]
    reasons = sorted(events.values_list("purpose", flat=True))
    assert reasons[0].startswith("连续 90 天没有使用（开通后没有用过") and f"最近一次 {ago(91):%Y-%m}" in reasons[1]
    assert AuditEvent.objects.get(act="accounts.idle.check").detail == {"disabled": 2}


@pytest.mark.parametrize(("days", "left"), [(0, {"left"}), (30, set()), (400, {"left"})])
def test_the_setting_says_how_many_days(settings, days, left):
    settings.IDLE_ACCOUNT_DAYS = days
    account("left", used=91)
    nightly()
    assert active() == left


def test_a_token_that_is_used_is_use():
    user = account("system-of-numbers", used=200)
    token, _ = token_create(
        user=user, label="统计平台", scopes=["numbers"], expires_at=timezone.now() + timedelta(days=1)
    )
    other, _ = token_create(user=user, label="旧的", scopes=["numbers"], expires_at=timezone.now() + timedelta(days=1))
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=ago(3))
    nightly()
    assert active() == {"system-of-numbers"}
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=ago(91))
    nightly()
    assert active() == set()


def test_signing_in_is_use(client):
    account("back", used=89.9)
    client.post("/accounts/sign-in/", {"username": "back", "password": make.PASSWORD})
    assert User.objects.get().last_login > ago(1)


def test_nothing_of_it_opens_anything_from_then_on(client):
    user = make.make_user("officer", make.make_city().yuehai, username="left", created_at=ago(400), last_login=ago(91))
    client.force_login(user)  # counts as a use
    _, plain = token_create(
        user=user, label="统计平台", scopes=["numbers"], expires_at=timezone.now() + timedelta(days=1)
    )
    headers = {"HTTP_AUTHORIZATION": f"Token {plain}"}
    asked = type(client)()
    assert asked.get("/api/v1/organizations/", **headers).status_code == 200
    User.objects.update(last_login=ago(91))
    ApiToken.objects.update(last_used_at=ago(91))
    nightly()
    assert asked.get("/api/v1/organizations/", **headers).status_code == 401
    assert client.get("/jobs/").status_code == 302
    account_enable(user=user, reason="调回", by=None)
    assert asked.get("/api/v1/organizations/", **headers).status_code == 401


def test_switched_on_again_it_stays_on_from_then_and_its_owner_is_told(client, security):
    user = account("left", used=91, name="李四")
    nightly()
    text = page(client)
    enable = reverse("accounts:measure", args=[user.pk, "enable"])
    assert "已自动停用（1）" in text and "李四" in text and f"{ago(91):%Y-%m-%d}" in text and enable in text
    assert client.post(enable, {"reason": " "}).status_code == 422 and active() == {"security1"}
    client.post(enable, {"reason": "产假回来，已当面核实"})
    page(client)  # tells once that it is done
    nightly()
    assert active() == {"security1", "left"} and "李四" not in page(client)
    person = type(client)()
    person.post("/accounts/sign-in/", {"username": "left", "password": make.PASSWORD})
    told = person.get("/accounts/sessions/").content.decode()
    assert "系统自动停用过您的账号，原因：连续 90 天没有使用" in told and "为您重新启用账号，原因：产假回来" in told


def test_days_are_counted_anew_from_when_it_was_switched_on():
    account_enable(user=account("left", used=200), reason="调回", by=None)
    AccountMeasure.objects.update(at=ago(91))
    nightly()
    assert active() == set()


def test_an_account_switched_off_by_hand_is_not_listed(client, security):
    user = account("left", used=91, name="李四")
    nightly()
    account_enable(user=user, reason="调回", by=None)
    account_disable(user=user, reason="离岗", by=None)
    assert not idle.switched_off().exists() and "李四" not in page(client)


def test_the_next_two_weeks_are_told_beforehand(client, security):
    account("tonight", used=91, name="今夜"), account("soon", used=77, name="两周内"), account("later", used=75)
    text = page(client)
    assert "14 天内将自动停用（2）" in text and "今晚" in text and "两周内" in text and "later" not in text
    assert f"{ago(77) + timedelta(days=90):%Y-%m-%d} 以后" in text
    assert active() == {"security1", "tonight", "soon", "later"}


def test_who_was_given_a_password_these_days_is_expected_to_come():
    user = account("back", used=91, password_is_temporary=True, password_set_at=ago(1))
    nightly()
    assert active() == {"back"}
    make.rewrite(User.objects.filter(pk=user.pk), password_set_at=ago(4))
    nightly()
    assert active() == set()


@pytest.mark.parametrize("duty", [Duty.SYSTEM, Duty.SECURITY, Duty.AUDIT])
def test_of_each_kind_of_administrator_the_last_who_can_sign_in_stays(duty):
    account("older", used=200, duty=duty), account("younger", used=100, duty=duty)
    nightly()
    assert active() == {"younger"}
    nightly()
    assert active() == {"younger"}


def test_a_colleague_who_cannot_sign_in_does_not_count():
    """Switched off, of another kind, or with a given password that is over."""
    account("only", used=100, duty=Duty.SECURITY)
    account("off", used=1, duty=Duty.SECURITY, is_active=False), account("other", used=1, duty=Duty.AUDIT)
    account("untaken", opened=5, duty=Duty.SECURITY, password_is_temporary=True, password_set_at=ago(5))
    nightly()
    assert active() == {"only", "other", "untaken"}


def test_the_page_says_who_stays_and_what_to_do(client, security):
    account("auditor", used=100, duty=Duty.AUDIT, name="郑审")
    text = page(client)
    assert "不会自动停用的管理员" in text and "审计管理员 郑审（auditor）" in text and "14 天内将自动停用（" not in text


def test_what_was_used_after_it_was_found_is_left(client):
    user = account("back", used=91)
    User.objects.update(last_login=timezone.now())
    assert account_disable_idle(user=user) is False and active() == {"back"}


def test_administrators_of_a_kind_are_looked_at_together():
    """Two of them at the same moment would each find the other."""
    one, _ = account("one", used=100, duty=Duty.AUDIT), account("two", used=100, duty=Duty.AUDIT)
    with connection.execute_wrapper(lambda run, sql, *rest: locked.append(sql) or run(sql, *rest)):
        locked: list[str] = []
        account_disable_idle(user=one)
    first = next(sql for sql in locked if "FOR NO KEY UPDATE" in sql)
    assert '"duty"' in first.split("WHERE")[1]


def test_the_queries_of_the_page_do_not_grow(client, security, django_assert_num_queries):
    counts = []
    for number in range(3):
        account(f"left{number}", used=91), account(f"soon{number}", used=80)
        nightly()
        with django_assert_num_queries(counts[0] if counts else 50, exact=False) as asked:
            page(client)
        counts.append(len(asked))
    assert counts[1] == counts[2]


def test_without_the_setting_the_page_says_so(client, security, settings):
    settings.IDLE_ACCOUNT_DAYS = 0
    account("left", used=4000)
    assert "没有开启自动停用" in page(client) and "left" not in page(client)


def test_nobody_takes_this_measure_by_hand(client, security):
    user = account("officer1")
    assert client.post(reverse("accounts:measure", args=[user.pk, "idle"]), {"reason": "x"}).status_code == 404
    assert active() == {"security1", "officer1"}
