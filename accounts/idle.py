"""Accounts that nobody uses (GB/T 22239-2019 8.1.4.2 c): which are switched off, when, and which never.

Use is signing in, and a token that is used. It is counted from the last use, from when the account was opened or from when
it was switched on again, whichever came last. Of each kind of administrator one who can sign in stays (accounts/duties.py).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Greatest

from accounts import duties, passwords
from accounts.models import AccountMeasure, ApiToken, User

Kind = AccountMeasure.Kind
SOON = timedelta(days=14)  # so long before it is told


@dataclass(frozen=True)
class Idle:
    """An account and when it is due to be switched off; `is_kept`: it stays, being the last of its kind."""

    user: User
    used_at: datetime | None
    off_at: datetime
    is_kept: bool


def _latest(rows: QuerySet, column: str) -> Subquery:
    """Of each account."""
    return Subquery(rows.filter(user=OuterRef("pk")).order_by().values("user").annotate(at=Max(column)).values("at"))


def with_use(users: QuerySet[User]) -> QuerySet:
    """`used_at`: the last use, if any; `counted_from`: what the days are counted from. A NULL is no time to either."""
    by_token = _latest(ApiToken.objects.all(), "last_used_at")
    switched_on = _latest(AccountMeasure.objects.filter(kind=Kind.ENABLE), "at")
    return users.annotate(
        used_at=Greatest("last_login", by_token),
        counted_from=Greatest("created_at", "last_login", by_token, switched_on),
    )


def plan(at: datetime, users: QuerySet[User] | None = None) -> list[Idle]:
    """Whom the job would find if it ran at the moment `at` and nobody came in before, the longest unused first."""
    if not settings.IDLE_ACCOUNT_DAYS:
        return []
    patience = timedelta(days=settings.IDLE_ACCOUNT_DAYS)
    active = (User.objects.all() if users is None else users).filter(is_active=True)
    usable, found = duties.usable_administrators(at), []
    for user in with_use(active).filter(counted_from__lte=at - patience).order_by("counted_from", "pk"):
        # who was given a password these days is expected to come
        off_at = max(filter(None, (user.counted_from + patience, passwords.given_until(user))))
        if off_at > at:
            continue
        is_kept = duties.is_last(user, usable)
        if not is_kept:
            usable.get(user.duty, set()).discard(user.pk)
        found.append(Idle(user, user.used_at, off_at, is_kept))
    return found


def switched_off() -> QuerySet:
    """Accounts that the job switched off and nobody switched on since, the latest first: `off_at`, `reason`, `used_at`."""
    switches = AccountMeasure.objects.filter(user=OuterRef("pk"), kind__in=(Kind.DISABLE, Kind.IDLE, Kind.ENABLE))
    last = switches.order_by("-pk")
    return (
        with_use(User.objects.filter(is_active=False))
        .annotate(last=last.values("kind")[:1], off_at=last.values("at")[:1], reason=last.values("reason")[:1])
        .filter(last=Kind.IDLE)
        .order_by("-off_at", "-pk")
    )
