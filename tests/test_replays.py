"""Whatever opens a door, kept by somebody and used again after it was ended: it gets nothing, with the next request.

One table: a credential, and the events that end it. Every other event leaves it as it is, which is the control: a test
that only ever saw closed doors would prove nothing. There is no link to reset a password: what stands for it is the
temporary password that the security administrator gives.
"""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import oidc, passkeys
from accounts.models import ApiToken, Session, User
from accounts.services import (
    account_disable,
    authenticator_enable,
    factors_reset,
    identity_bind,
    identity_unbind,
    identity_used,
    password_change,
    recovery_codes_renew,
    sessions_end,
    token_create,
    token_revoke,
)
from accounts.totp import new_secret
from jobs.models import Job
from jobs.runner import job_run
from jobs.services import job_cancel
from members.identity import receipt_code
from members.models import Receipt
from members.services.rights import receipt_withdraw
from orgs.services import organization_move, posting_end
from reports.models import Screen
from reports.screens import screen_create, screen_revoke
from tables import taking
from tables.listing import exportable
from tables.models import Export
from tests import factories as make
from tests.accounts.test_factors import code_of
from tests.members.make import verified

pytestmark = pytest.mark.django_db
SIGN_IN = "/accounts/sign-in/"
ANOTHER = "Another-secret-7"
World = SimpleNamespace
Opens = Callable[[], bool]


@pytest.fixture
def world(settings, tmp_path) -> World:
    """A registrar of Nanshan who signed in, a security administrator, a business of Yuehai."""
    settings.MEDIA_ROOT = str(tmp_path)
    city = make.make_city()
    user = make.make_user("registrar", city.nanshan, username="registrar1")
    browser = Client()
    browser.post(SIGN_IN, {"username": "registrar1", "password": make.PASSWORD})
    return World(
        city=city, pk=user.pk, user=user, security=make.make_user(duty=User.Duty.SECURITY), browser=browser,
        branch=make.make_branch(city.yuehai), business=make.make_business(city.yuehai), revoke=None,
    )  # fmt: skip


def holding(browser: Client) -> Client:
    """Another browser with the first one's cookies, as they are now."""
    thief = Client(enforce_csrf_checks=browser.handler.enforce_csrf_checks)
    for name, kept in browser.cookies.items():
        thief.cookies[name] = kept.value
    return thief


# --- what opens ---


def page(w: World) -> str:
    return reverse("markets:business_detail", args=[w.business.pk])


def session(w: World) -> Opens:
    thief = holding(w.browser)
    w.revoke = lambda: sessions_end(user=w.user, by=w.security)
    return lambda: holding(thief).get(page(w)).status_code == 200


def unified_session(w: World) -> Opens:
    """By the unified sign-in, with what is needed to sign out there too."""
    kept = w.browser.session
    kept[oidc.LEAVING] = {"address": "https://id.example/out", "hint": "header.claims.signature"}
    kept.save()
    return session(w)


def unified_identity(w: World) -> Opens:
    """Bound once; the provider goes on to name the person."""
    identity_bind(user=w.user, issuer="https://id.example", subject="7")
    w.revoke = lambda: identity_unbind(user=w.user, by=w.user)
    return lambda: identity_used(issuer="https://id.example", subject="7") is not None


def left_alone(w: World) -> Callable[[], Client]:
    """The session of now, idle each time that it is asked for."""
    thief, mine = holding(w.browser), Session.objects.filter(session_key=w.browser.session.session_key)
    w.revoke = lambda: sessions_end(user=w.user, by=w.security)

    def idle() -> Client:
        mine.exclude(user=None).update(seen_at=timezone.now() - timedelta(minutes=20))
        return holding(thief)

    return idle


def reopening_by_password(w: World) -> Opens:
    idle = left_alone(w)
    return lambda: idle().post("/accounts/sessions/unlock/", {"password": make.PASSWORD}).json() == {}


def reopening_by_passkey(w: World, monkeypatch) -> Opens:
    """The device signs rightly whatever it is asked: what is left is whose key it is, and whether it still is one."""
    w.user.passkeys.create(name="手机", credential_id=b"x", credential=b"x")
    signed = SimpleNamespace(raw_id=b"x", response=SimpleNamespace(authenticator_data=SimpleNamespace(counter=0)))
    monkeypatch.setattr(passkeys, "_read", lambda request, text: ({}, {}))
    monkeypatch.setattr(passkeys, "_kept", lambda rows: [])
    monkeypatch.setattr(passkeys, "AuthenticationResponse", SimpleNamespace(from_dict=lambda answer: signed))
    right = SimpleNamespace(authenticate_complete=lambda *args: None)
    monkeypatch.setattr(passkeys, "_server", lambda request: right)
    idle = left_alone(w)
    return lambda: idle().post("/accounts/sessions/unlock/", {"credential": "{}"}).json() == {}


def csrf_of_a_form(w: World) -> Opens:
    """A form opened before and handed in after: a token of the API would be made by it."""
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = w.browser.cookies
    strict.get("/accounts/tokens/")
    form = {
        "csrfmiddlewaretoken": strict.cookies["csrftoken"].value, "action": "create", "label": "迟到的表单",
        "scopes": ["organizations"], "expires_on": f"{timezone.localdate():%Y-%m-%d}",
    }  # fmt: skip
    thief = holding(strict)
    w.revoke = lambda: sessions_end(user=w.user, by=w.security)

    def opens() -> bool:
        holding(thief).post("/accounts/tokens/", form)
        return ApiToken.objects.filter(label="迟到的表单").exists()

    return opens


def half_way(w: World) -> Opens:
    """The password was right and the code comes next; whoever replays it has a code that was right then."""
    secret = new_secret()
    authenticator_enable(user=w.user, secret=secret, code=code_of(secret, -1))
    code = recovery_codes_renew(user=w.user)[0]
    browser = Client()
    browser.post(f"{SIGN_IN}?next=/jobs/", {"username": "registrar1", "password": make.PASSWORD})

    def opens() -> bool:
        thief = holding(browser)
        thief.post("/accounts/sign-in/code/?recovery=1", {"code": code})
        return thief.get("/jobs/").status_code == 200

    return opens


def temporary_password(w: World) -> Opens:
    """The way back in, given by the security administrator: it leads to choosing another."""
    password_change(user=w.user, password="Given-by-admin-1", by=w.security)

    def opens() -> bool:
        answer = Client().post(SIGN_IN, {"username": "registrar1", "password": "Given-by-admin-1"})
        return answer.status_code == 302 and answer.url == "/accounts/sign-in/password/"

    return opens


def token(w: World) -> Opens:
    row, plain = token_create(
        user=w.user, label="系统", scopes=["businesses"], expires_at=timezone.now() + timedelta(days=9)
    )
    w.revoke = lambda: token_revoke(token=row, by=w.security)
    address = reverse("api:business-detail", args=[w.business.pk])
    return lambda: Client().get(address, headers={"authorization": f"Token {plain}"}).status_code == 200


def _asked_export(w: World) -> Job:
    kept = Export.objects.create(owner=w.user, table="business", purpose="例会", format="csv", columns=["name"])
    return taking.start(kept, exportable("business"))


def job(w: World) -> Opens:
    """Waiting for a worker."""
    row = _asked_export(w)
    w.revoke = lambda: job_cancel(job=row, by=w.user)
    return lambda: (ran := job_run(job_id=row.pk)) is not None and ran.state == Job.State.DONE


def download(w: World) -> Opens:
    row = _asked_export(w)
    job_run(job_id=row.pk)
    kept = Export.objects.get(job=row)
    w.revoke = lambda: taking.forget([kept.pk])  # a person was erased whose row it holds
    thief = holding(w.browser)
    return lambda: holding(thief).get(reverse("lists:download", args=[kept.pk])).status_code == 200


def wall_screen(w: World) -> Opens:
    """The unit's, not its maker's: it goes on when that person leaves, and whoever follows revokes it."""
    row, key = screen_create(
        unit=w.city.nanshan, name="大厅", pages=["overview"], seconds=20, by=w.user,
        expires_at=timezone.now() + timedelta(days=9),
    )  # fmt: skip
    w.revoke = lambda: screen_revoke(screen=row, by=w.user)
    address = reverse("reports:screen_shapes", args=[row.pk])
    return lambda: Client().get(address, headers={"authorization": f"Screen {key}"}).status_code == 200


def receipt(w: World) -> Opens:
    """The person's own; nobody's account has to do with it."""
    row = Receipt.objects.get(registration=verified(w.city.yuehai))
    address = reverse("members:receipt_copy", args=[receipt_code(row.form_token)])
    w.revoke = lambda: receipt_withdraw(receipt=row)
    return lambda: Client().get(address).status_code == 200


CREDENTIALS = (
    session, unified_session, unified_identity, reopening_by_password, reopening_by_passkey, csrf_of_a_form, half_way,
    temporary_password, token, job, download, wall_screen, receipt,
)  # fmt: skip


# --- what ends it ---


def signed_out(w: World) -> None:
    w.browser.post("/accounts/sign-out/")


def revoked(w: World) -> None:
    w.revoke()


def password_chosen(w: World) -> None:
    """By the person, elsewhere."""
    password_change(user=w.user, password=ANOTHER, by=w.user)


def password_given(w: World) -> None:
    password_change(user=w.user, password=ANOTHER, by=w.security)


def factor_reset(w: World) -> None:
    factors_reset(user=w.user, reason="手机丢失", by=w.security)


def disabled(w: World) -> None:
    account_disable(user=w.user, reason="调离", by=w.security)


def posting_ended(w: World) -> None:
    posting_end(posting=w.user.postings.get(), ends_on=timezone.localdate(), by=None)


def unit_moved(w: World) -> None:
    organization_move(organization=w.city.yuehai, parent=w.city.futian, by=None)


def branch_moved(w: World) -> None:
    organization_move(organization=w.branch, parent=w.city.lianhua, by=None)


def left_idle(w: World) -> None:
    Session.objects.exclude(user=None).update(seen_at=timezone.now() - timedelta(minutes=16))


def absolute_limit(w: World) -> None:
    Session.objects.exclude(user=None).update(opened_at=timezone.now() - timedelta(hours=13))


def expired(w: World) -> None:
    """The last day of each has passed."""
    long_ago = timezone.now() - timedelta(days=400)
    Session.objects.update(expire_date=long_ago)
    make.rewrite(ApiToken.objects.all(), created_at=long_ago, expires_at=long_ago + timedelta(days=90))
    Screen.objects.update(created_at=long_ago, expires_at=long_ago + timedelta(days=1))
    Export.objects.update(created_at=long_ago)
    taking.retention()


EVENTS = (
    signed_out, revoked, password_chosen, password_given, factor_reset, disabled, posting_ended, unit_moved,
    branch_moved, left_idle, absolute_limit, expired,
)  # fmt: skip

OF_A_SESSION = {
    signed_out, revoked, password_chosen, password_given, factor_reset, disabled, absolute_limit, expired,
}  # fmt: skip
ENDS = {
    session: OF_A_SESSION | {posting_ended, unit_moved, left_idle},
    unified_session: OF_A_SESSION | {posting_ended, unit_moved, left_idle},
    unified_identity: {revoked, factor_reset, disabled},
    reopening_by_password: OF_A_SESSION,
    reopening_by_passkey: OF_A_SESSION,
    csrf_of_a_form: OF_A_SESSION | {posting_ended, left_idle},
    half_way: {password_chosen, password_given, factor_reset, disabled, expired},
    temporary_password: {password_chosen, password_given, disabled},
    token: {revoked, password_chosen, password_given, disabled, posting_ended, unit_moved, expired},
    job: {revoked, disabled, posting_ended, unit_moved, branch_moved},
    download: OF_A_SESSION | {posting_ended, unit_moved, branch_moved, left_idle},
    wall_screen: {revoked, expired},
    receipt: {revoked},
}


def tried(opens: Opens) -> bool:
    """Whether it opens; what the try left behind is taken back."""
    with transaction.atomic():
        found = opens()
        transaction.set_rollback(True)
    return found


@pytest.mark.parametrize("credential", CREDENTIALS, ids=lambda made: made.__name__)
def test_after_its_end_it_opens_nothing_and_before_it_does(world, monkeypatch, credential):
    more = [monkeypatch] if credential is reopening_by_passkey else []
    opens = credential(world, *more)
    assert tried(opens), "the control: nothing has happened yet"
    found = set()
    for event in EVENTS:
        if event is revoked and world.revoke is None:
            continue
        with transaction.atomic():
            world.user = User.objects.get(pk=world.pk)
            event(world)
            if not tried(opens):
                found.add(event)
            transaction.set_rollback(True)
    assert {one.__name__ for one in found} == {one.__name__ for one in ENDS[credential]}
