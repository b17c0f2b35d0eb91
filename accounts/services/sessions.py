"""The writes about sessions."""

from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import Session, User


@transaction.atomic
def sessions_end(*, user: User, by: User, number=None, keep: str | None = None, request=None) -> int:
    """End one session of somebody (`number`), or all but the one with the key `keep`. They are strangers from the next
    request on. Returns how many there were."""
    rows = user.sessions.all()
    if number is not None:
        rows = rows.filter(number=number)
    if keep:
        rows = rows.exclude(session_key=keep)
    ended, _ = rows.delete()
    if ended:
        audit.record("accounts.session.end", by=by, subjects=[user], detail={"sessions": ended}, request=request)
    return ended


def sessions_remove_old() -> int:
    """Rows that no browser can use any more, and failed tries that lock nobody any more: people type their phone there.
    Returns how many sessions there were; the nightly job writes that down."""
    AccessAttempt.objects.filter(attempt_time__lt=timezone.now() - get_cool_off()).delete()
    return Session.objects.filter(expire_date__lt=timezone.now()).delete()[0]
