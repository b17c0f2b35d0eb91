"""The security administrator helps somebody in or shuts them out: with a reason, audited, told, never for oneself."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from accounts import limits
from accounts.locks import locks
from accounts.models import AccountMeasure, AuditEvent, User
from accounts.services import MeasureError, account_disable, code_check, measures, recovery_codes_renew
from tests import factories as make

pytestmark = pytest.mark.django_db
REASON = "李四本人来办公室办理，已核对工作证"
LOCKED = "/accounts/locked/"


@pytest.fixture(autouse=True)
def counters():
    """They stand in Redis, beside the test's transaction."""
    yield
    for key in ("officer1", "security1", "nobody-here"):
        limits.forget("sign_in_account", key)


@pytest.fixture
def user():
    return make.make_user("officer", make.make_city().yuehai, username="officer1", name="李四")


@pytest.fixture
def security(client):
    admin = make.make_user(duty=User.Duty.SECURITY, username="security1", name="周安")
    client.force_login(admin)
    return admin


def page_of(user: User, kind: str) -> str:
    return reverse("accounts:measure", args=[user.pk, kind])


def sign_in(client, password=make.PASSWORD, username="officer1", **more):
    return client.post("/accounts/sign-in/", {"username": username, "password": password}, **more)


def lock(client, address: str, name: str = "officer1") -> None:
    for _ in range(5):
        sign_in(client, "wrong", name, REMOTE_ADDR=address)


def lock_everything(client, user: User) -> None:
    """All three locks."""
    lock(client, "10.0.0.7")
    for _ in range(5):
        code_check(user=user, code="wrong")
    cache.set(limits.counter("sign_in_account", user.username), 200, 600)


def test_the_list_tells_who_is_locked_why_since_when_from_where_and_how_often(client, security, user):
    assert "现在没有锁定的账号" in client.get(LOCKED).content.decode()
    stranger = type(client)()
    lock_everything(stranger, user)
    lock(stranger, "10.0.0.8", "nobody-here")
    since = timezone.localtime(AccessAttempt.objects.get(username="officer1").attempt_time)
    page = client.get(LOCKED).content.decode()
    for told in ("officer1", "李四", "输错密码", "输错验证码", "多个地址输错密码", "10.0.0.7", f"{since:%m-%d %H:%M}"):
        assert told in page
    assert "另有 1 个不存在的账号名被锁" in page and "nobody-here" not in page and "10.0.0.8" not in page
    found = {one.why: (one.failures, one.address) for one in locks()}
    assert found == {"输错密码": (5, "10.0.0.7"), "多个地址输错密码": (200, "多个地址"), "输错验证码": (5, "")}


def test_a_lock_that_is_over_and_failures_that_do_not_lock_are_not_listed(client, user):
    lock(client, "10.0.0.7")
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=31))
    User.objects.update(factor_locked_until=timezone.now())
    sign_in(client, "wrong", REMOTE_ADDR="10.0.0.9")
    assert locks() == []


def test_unlocking_takes_a_reason_lets_the_person_in_and_is_told_once(client, security, user):
    person = type(client)()
    lock_everything(person, user)
    assert sign_in(person, REMOTE_ADDR="10.0.0.7").status_code == 429
    asked = client.get(page_of(user, "unlock")).content.decode()
    assert "输错密码 5 次，来源 10.0.0.7" in asked
    for reason in ("", "  \n", "长" * 201):
        assert client.post(page_of(user, "unlock"), {"reason": reason}).status_code == 422
    assert locks() and not AccountMeasure.objects.exists()
    assert client.post(page_of(user, "unlock"), {"reason": f" {REASON}\n"}).url == LOCKED
    event = AuditEvent.objects.get(act="accounts.lock.lift")
    assert (event.actor, event.subjects, event.purpose) == (security, [user.pk], REASON)
    assert locks() == []
    assert sign_in(person, REMOTE_ADDR="10.0.0.7").status_code == 302
    told = person.get("/accounts/sessions/").content.decode()
    assert "安全管理员周安为您解除登录锁定" in told and REASON in told and "不是您要求的" in told
    assert AccountMeasure.objects.get().told_at is not None
    again = type(client)()
    sign_in(again)
    assert REASON not in again.get("/accounts/sessions/").content.decode()


def test_a_second_factor_is_reset_and_never_set(client, security, user):
    recovery_codes_renew(user=user)
    person = type(client)()
    person.force_login(user)
    client.post(page_of(user, "reset"), {"reason": REASON})
    assert not user.recovery_codes.exists() and person.get("/jobs/").status_code == 302
    event = AuditEvent.objects.get(act="accounts.factors.reset")
    assert (event.actor, event.subjects, event.purpose) == (security, [user.pk], REASON)


def test_an_account_is_switched_off_and_on_and_nothing_old_comes_back(client, security, user):
    person = type(client)()
    person.force_login(user)
    client.post(page_of(user, "disable"), {"reason": REASON})
    assert person.get("/jobs/").status_code == 302 and sign_in(type(client)()).status_code == 200
    asked = client.get(page_of(user, "disable"), follow=True).content.decode()
    assert "账号已经停用" in asked
    client.post(page_of(user, "enable"), {"reason": "调回"})
    assert person.get("/jobs/").status_code == 302
    assert sign_in(person).status_code == 302
    told = person.get("/accounts/sessions/").content.decode()
    assert "停用账号，原因" in told and "重新启用账号，原因：调回。" in told
    acts = AuditEvent.objects.filter(act__startswith="accounts.user.").order_by("pk").values_list("act", "purpose")
    assert list(acts) == [("accounts.user.disable", REASON), ("accounts.user.enable", "调回")]


def test_nothing_is_done_where_there_is_nothing_to_do(client, security, user):
    assert client.post(page_of(user, "unlock"), {"reason": REASON}).url == LOCKED
    assert client.get(page_of(user, "erase")).status_code == 404
    assert not AccountMeasure.objects.exists()


@pytest.mark.parametrize("kind", measures.TAKE)
def test_never_for_oneself(client, security, kind):
    assert client.post(page_of(security, kind), {"reason": REASON}).status_code == 403
    with pytest.raises(MeasureError, match="另一位安全管理员"):
        measures.TAKE[kind](user=security, reason=REASON, by=security)
    lock(type(client)(), "10.0.0.7", "security1")
    assert page_of(security, "unlock") not in client.get(LOCKED).content.decode()


def test_the_account_page_leads_there_and_the_form_switches_nothing(client, security, user):
    address = reverse("admin:accounts_user_change", args=[user.pk])
    page = client.get(address).content.decode()
    assert page_of(user, "reset") in page and page_of(user, "disable") in page and page_of(user, "unlock") not in page
    facts = {"username": "officer1", "name": "李四", "duty": "staff", "clearance": 3, "password1": "", "password2": ""}
    client.post(address, facts)
    user.refresh_from_db()
    assert user.is_active
    own = client.get(reverse("admin:accounts_user_change", args=[security.pk])).content.decode()
    assert not any(page_of(security, kind) in own for kind in measures.TAKE)


def test_only_the_security_administrator(client, user):
    client.force_login(user)
    assert client.get(LOCKED).status_code == 403
    assert client.post(page_of(make.make_user(), "disable"), {"reason": REASON}).status_code == 403
    with pytest.raises(MeasureError, match="原因"):
        account_disable(user=user, reason=" ", by=None)
