"""What the security administrator does to somebody's way in: each with a reason, audited, told to that person.

Nobody does it for oneself. `by=None` is the console of the server. All raise MeasureError.
"""

from axes.utils import reset
from django.db import transaction
from django.utils import timezone

from accounts import audit, limits
from accounts.models import AccountMeasure, User

Kind = AccountMeasure.Kind
OWN = "不能给自己办理，请由另一位安全管理员办理。"


class MeasureError(ValueError):
    """What was asked for is not allowed; the message is for the person who asked."""


def _begin(user: User, kind: Kind, reason: str, by: User | None, act: str) -> User:
    """The account, locked, with the measure written down."""
    if by is not None and by.pk == user.pk:
        raise MeasureError(OWN)
    if not (said := reason.strip()):
        raise MeasureError("请写明原因，本人下次登录会看到。")
    row = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    AccountMeasure.objects.create(user=row, kind=kind, reason=said, by=by)
    audit.record(act, by=by, subjects=[row], purpose=said)
    return row


@transaction.atomic
def lock_lift(*, user: User, reason: str, by: User | None) -> None:
    """Failures so far are forgotten, of the password at every address and of the second factor."""
    row = _begin(user, Kind.UNLOCK, reason, by, "accounts.lock.lift")
    reset(username=row.username)
    limits.forget("sign_in_account", row.username)
    row.factor_failures, row.factor_locked_until = 0, None
    row.save(update_fields=["factor_failures", "factor_locked_until"])


@transaction.atomic
def factors_reset(*, user: User, reason: str, by: User | None) -> None:
    """Take all of somebody's factors away: the sessions end, and at the next sign-in the person sets up new ones."""
    row = _begin(user, Kind.RESET, reason, by, "accounts.factors.reset")
    for theirs in (row.passkeys, row.recovery_codes, row.sessions, row.identities):
        theirs.all().delete()
    if hasattr(row, "authenticator"):
        row.authenticator.delete()
    row.factor_failures, row.factor_locked_until = 0, None
    row.save(update_fields=["factor_failures", "factor_locked_until"])


@transaction.atomic
def account_disable(*, user: User, reason: str, by: User | None) -> None:
    """Nothing of the account opens anything from its next request on; its sessions and tokens do not come back with it."""
    row = _begin(user, Kind.DISABLE, reason, by, "accounts.user.disable")
    row.is_active = False
    row.save(update_fields=["is_active"])
    row.sessions.all().delete()
    row.api_tokens.filter(revoked_at__isnull=True).update(revoked_at=timezone.now())


@transaction.atomic
def account_enable(*, user: User, reason: str, by: User | None) -> None:
    row = _begin(user, Kind.ENABLE, reason, by, "accounts.user.enable")
    row.is_active = True
    row.save(update_fields=["is_active"])


TAKE = {Kind.UNLOCK: lock_lift, Kind.RESET: factors_reset, Kind.DISABLE: account_disable, Kind.ENABLE: account_enable}


@transaction.atomic
def measures_told(*, user: User) -> list[AccountMeasure]:
    """What was done to this account and nobody has told its owner yet; from now on it counts as told."""
    untold = list(user.measures.select_for_update(of=("self",)).select_related("by").filter(told_at__isnull=True))
    user.measures.filter(pk__in=[one.pk for one in untold]).update(told_at=timezone.now())
    return sorted(untold, key=lambda one: one.pk)
