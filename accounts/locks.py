"""Which accounts are locked now: by wrong passwords from an address, by wrong ones from everywhere, by wrong codes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Max, Sum
from django.utils import timezone

from accounts import limits
from accounts.models import AuditEvent, User
from accounts.services.factors import LOCKED_FOR, MOST_FAILURES


@dataclass(frozen=True)
class Lock:
    """One lock of an account. What nobody wrote down is None or empty; `failures`: as many or more."""

    user: User
    why: str
    since: datetime | None
    until: datetime | None
    address: str
    failures: int


def _attempts():
    """Failures that lock, by name and address, as axes counts them; of names that are nobody's too."""
    return (
        AccessAttempt.objects.filter(attempt_time__gt=timezone.now() - get_cool_off())
        .order_by()
        .values("username", "ip_address")
        .annotate(failures=Sum("failures_since_start"), since=Max("attempt_time"))
        .filter(failures__gte=settings.AXES_FAILURE_LIMIT)
    )


def _by_password(users: dict[str, User]) -> Iterable[Lock]:
    for row in _attempts().filter(username__in=users):
        user, since = users[row["username"]], row["since"]
        address = row["ip_address"] or ""
        yield Lock(user, "输错密码", since, since + get_cool_off(), address, row["failures"])


def _from_everywhere(users: dict[str, User]) -> Iterable[Lock]:
    for name in limits.used_up("sign_in_account", users):
        most = limits.LIMITS["sign_in_account"].most
        yield Lock(users[name], "多个地址输错密码", None, None, "多个地址", most)


def _by_code(users: dict[str, User]) -> Iterable[Lock]:
    now = timezone.now()
    for user in users.values():
        if (until := user.factor_locked_until) and until > now:
            yield Lock(user, "输错验证码", until - LOCKED_FOR, until, _address_of(user, until), MOST_FAILURES)


def _address_of(user: User, until: datetime) -> str:
    """Where the last wrong code came from: the audit knows."""
    refused = AuditEvent.objects.filter(
        act="accounts.factor.refuse", subjects__contains=[user.pk], at__lte=until - LOCKED_FOR
    )
    return refused.order_by("-pk").values_list("address", flat=True).first() or ""


def locks(users: Iterable[User] | None = None) -> list[Lock]:
    """Of everybody or of these, the latest first."""
    asked = {user.username: user for user in (User.objects.all() if users is None else users)}
    found = [*_by_password(asked), *_from_everywhere(asked), *_by_code(asked)]
    return sorted(found, key=lambda lock: (lock.since is None, lock.since or timezone.now()), reverse=True)


def nobodys() -> int:
    """How many names are locked that no account has: mistyped, or tried out."""
    return _attempts().exclude(username__in=User.objects.values("username")).values("username").distinct().count()
