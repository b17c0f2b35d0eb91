"""Writing down who came in, who did not, and who left; the same for the page and the API."""

from datetime import datetime, timedelta

from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from django.shortcuts import render
from django.utils import timezone

from accounts import audit, limits, networks, passwords
from accounts.models import Passkey, User

AT = "signed_in_at"  # in the session: seconds
FRESH = timedelta(minutes=15)


def signed_in(request, user: User, factor: str) -> None:
    """`factor`: what was shown besides the password, if anything."""
    audit.record("accounts.session.open", by=user, subjects=[user], detail={"factor": factor}, request=request)


def may_come(user: User, request) -> bool:
    """Whether the right password opens the way in. Where not, nobody outside learns that it was right."""
    return user.may_enter and not passwords.given_is_over(user) and networks.lets(user, request)


def is_fresh(request) -> bool:
    """Whether the person signed in just now: needed to change what one signs in with."""
    return timezone.now().timestamp() - request.session.get(AT, 0) < FRESH.total_seconds()


def signed_out(request, user: User) -> None:
    audit.record("accounts.session.close", by=user, subjects=[user], request=request)


def locked_out(request) -> bool:
    """Did axes refuse this try without looking at the password?"""
    return bool(getattr(request, "axes_locked_out", False))


def too_many(request, username: str) -> bool:
    """Wrong passwords of many accounts from one address, or of one account from many: then no password is looked at.

    The lock of axes counts an account at an address only.
    """
    return limits.is_used_up("sign_in_address", _address(request)) or limits.is_used_up("sign_in_account", username)


def _address(request) -> str:
    return request.META.get("REMOTE_ADDR", "")


def refused(request, username: str) -> None:
    """A failed try. The account is named only if it exists: people type passwords and phones into this box."""
    limits.within("sign_in_address", _address(request))
    limits.within("sign_in_account", username)
    known = list(User.objects.filter(username=username))
    act = "accounts.session.lock" if locked_out(request) else "accounts.session.refuse"
    if act == "accounts.session.refuse" and known and not networks.lets(known[0], request):
        act = "accounts.network.refuse"
    audit.record(
        act,
        by=None,
        subjects=known,
        subject_type="accounts.user",
        detail={"known": bool(known)},
        succeeded=False,
        request=request,
    )


def passkey_refused(request, passkey: Passkey | None) -> None:
    """A passkey that did not pass, or an answer that no device gave (None). Floods are not written down."""
    if limits.within("sign_in_address", _address(request)):
        known = [passkey] if passkey else []
        audit.record(
            "accounts.passkey.refuse", by=None, subjects=known, subject_type="accounts.passkey", succeeded=False,
            request=request,
        )  # fmt: skip


def clock(at: datetime) -> str:
    """The time of a lock's end, as it is told."""
    return f"{timezone.localtime(at):%H:%M}"


def busy_page(request):
    """`too_many`: the same for every name."""
    page = render(request, "accounts/locked.html", {"is_busy": True}, status=429)
    page["Retry-After"] = str(limits.WINDOW)
    return page


def locked_page(request, response=None, credentials=None):
    """In place of axes' own: it tells until when. The same for a name that exists and for one that does not."""
    name = (credentials or {}).get("username") or request.POST.get("username", "")
    attempt = AccessAttempt.objects.filter(username=name, ip_address=request.META.get("REMOTE_ADDR")).first()
    until = clock(attempt.attempt_time + get_cool_off(request)) if attempt else ""
    return render(request, "accounts/locked.html", {"until": until}, status=429)
