"""Of each kind of administrator one who can sign in stays, whoever takes the others away and however many do at once."""

import threading
from datetime import timedelta

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts import duties
from accounts.models import AccountMeasure, AuditEvent, User
from accounts.services import AccountError, MeasureError, account_disable, account_enable, user_change
from tests import factories as make
from tests.at_once import at_once, somebody_waits
from tests.jobs.test_runner import wait_for

pytestmark = pytest.mark.django_db
Duty = User.Duty
ADMINISTRATORS = [Duty.SYSTEM, Duty.SECURITY, Duty.AUDIT]
LAST = "最后一个能登录的"
REASON = "离岗"


def account(username: str, duty: str = Duty.AUDIT, **more) -> User:
    return make.make_user(username=username, duty=duty, **more)


def given(days: float) -> dict:
    """A password that somebody else gave so long ago."""
    return {"password_is_temporary": True, "password_set_at": timezone.now() - timedelta(days=days)}


def to(user: User, duty: str, by: User) -> User:
    """The account as a form fills it in."""
    changed = User.objects.get(pk=user.pk)
    changed.duty = duty
    return user_change(user=changed, changed=["duty"], by=by)


def usable(duty: str) -> int:
    return User.objects.filter(duty=duty, is_active=True).count()


@pytest.mark.parametrize("duty", ADMINISTRATORS)
def test_the_last_is_neither_switched_off_nor_made_something_else(duty):
    last, by = account("last", duty), make.make_user()
    with pytest.raises(MeasureError, match=f"{LAST}{duty.label}.*请先开通另一个{duty.label}账号"):
        account_disable(user=last, reason=REASON, by=None)
    for other in {*Duty} - {duty}:
        with pytest.raises(AccountError, match=LAST):
            to(last, other, by)
    last.refresh_from_db()
    assert last.is_active and last.duty == duty
    assert not AccountMeasure.objects.exists() and not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    "colleague",
    [{"is_active": False}, {"duty": Duty.SYSTEM}, given(4)],
    ids=["switched off", "of another kind", "with a given password that is over"],
)
def test_a_colleague_who_cannot_sign_in_does_not_count(colleague):
    last = account("last")
    account("colleague", **colleague)
    with pytest.raises(MeasureError, match=LAST):
        account_disable(user=last, reason=REASON, by=None)


@pytest.mark.parametrize("colleague", [{}, given(1)], ids=["at work", "just opened"])
def test_with_a_colleague_it_goes(colleague):
    one, two, by = account("one"), account("two", **colleague), make.make_user()
    account_disable(user=one, reason=REASON, by=None)
    with pytest.raises(AccountError, match=LAST):
        to(two, Duty.STAFF, by)
    account_enable(user=one, reason="回来", by=None)
    to(two, Duty.STAFF, by)
    assert usable(Duty.AUDIT) == 1


def test_who_is_switched_off_may_lose_the_duty():
    """Nobody loses an administrator by it."""
    off, by = account("off", is_active=False), make.make_user()
    assert to(off, Duty.STAFF, by).duty == Duty.STAFF


def test_the_pages_say_it_before_anybody_asks(client):
    last, security = account("last", name="郑审"), account("security1", Duty.SECURITY)
    client.force_login(security)
    disable = reverse("accounts:measure", args=[last.pk, "disable"])
    form = reverse("admin:accounts_user_change", args=[last.pk])
    facts = {"username": "last", "name": "郑审", "duty": "staff", "clearance": 3, "password1": "", "password2": ""}
    assert LAST in client.get(disable, follow=True).content.decode()
    assert LAST in client.post(disable, {"reason": REASON}, follow=True).content.decode()
    answer = client.post(form, facts)
    assert answer.status_code == 200 and LAST in answer.content.decode()
    client.post(form, facts | {"duty": "audit", "name": "郑审计"})
    last.refresh_from_db()
    assert (last.is_active, last.duty, last.name) == (True, Duty.AUDIT, "郑审计")


@pytest.mark.parametrize("measure", [True, False], ids=["switched off", "another duty"])
def test_whom_somebody_else_was_faster_than_is_told_too(client, monkeypatch, measure):
    """Allowed when the page looked, over by the time that it is done."""
    last, security = account("last"), account("security1", Duty.SECURITY)
    client.force_login(security)
    truly, looks = duties.why_kept, []

    def was_allowed(user):
        looks.append(user)
        return "" if len(looks) == 1 else truly(user)

    for place in ("accounts.duties.why_kept", "accounts.forms.why_kept"):
        monkeypatch.setattr(place, was_allowed)
    if measure:
        answer = client.post(reverse("accounts:measure", args=[last.pk, "disable"]), {"reason": REASON})
        assert answer.status_code == 422
    else:
        facts = {"username": "last", "name": "", "duty": "staff", "clearance": 3, "password1": "", "password2": ""}
        answer = client.post(reverse("admin:accounts_user_change", args=[last.pk]), facts, follow=True)
    assert LAST in answer.content.decode() and len(looks) >= 2
    last.refresh_from_db()
    assert last.is_active and last.duty == Duty.AUDIT


# --- at the same moment -----------------------------------------------------------------------------------------------

WAYS = {
    "switched off": lambda user, by: account_disable(user=user, reason=REASON, by=by),
    "another duty": lambda user, by: to(user, Duty.STAFF, by),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("second", WAYS)
@pytest.mark.parametrize("first", WAYS)
def test_two_taken_away_at_once_leave_one(first, second):
    one, two, by = account("one"), account("two"), account("security1", Duty.SECURITY)
    done = threading.Event()

    def take_one():
        with transaction.atomic():
            WAYS[first](one, by)
            done.set()
            wait_for(somebody_waits)  # the other, for this to commit

    def take_two():
        done.wait(10)
        WAYS[second](two, by)

    said = at_once(take_one, take_two)
    assert said[0] is None and isinstance(said[1], MeasureError | AccountError) and LAST in str(said[1])
    assert usable(Duty.AUDIT) == 1 and User.objects.get(pk=two.pk).is_active


@pytest.mark.django_db(transaction=True)
def test_two_security_administrators_do_not_switch_each_other_off():
    one, two = account("one", Duty.SECURITY), account("two", Duty.SECURITY)
    for _ in range(5):
        said = at_once(
            lambda: account_disable(user=one, reason=REASON, by=two),
            lambda: account_disable(user=two, reason=REASON, by=one),
        )
        assert sorted(type(each).__name__ for each in said) == ["MeasureError", "NoneType"]
        assert usable(Duty.SECURITY) == 1
        account_enable(user=User.objects.get(is_active=False), reason="回来", by=None)


@pytest.mark.django_db(transaction=True)
def test_control_without_the_lock_nobody_is_left(monkeypatch):
    one, two = account("one"), account("two")
    looked, truly = threading.Barrier(2), duties.why_kept

    def slowly(user):
        said = truly(user)
        looked.wait(10)  # nobody has committed before both have looked
        return said

    monkeypatch.setattr(duties, "lock_administrators", lambda user: None)
    monkeypatch.setattr(duties, "why_kept", slowly)
    at_once(*(lambda user=user: account_disable(user=user, reason=REASON, by=None) for user in (one, two)))
    assert usable(Duty.AUDIT) == 0
