"""What the security administrator does to somebody's way in: each with a reason, audited, told to that person.

Nobody does it for oneself. `by=None` is the console of the server, or the nightly job. All raise MeasureError.
"""

from axes.utils import reset
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import audit, duties, idle, limits
from accounts.models import AccountMeasure, User
from accounts.row_codes import TOLD

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
    if not row.is_whole:
        raise MeasureError(TOLD)
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
def account_disable(*, user: User, reason: str, by: User | None, kind: Kind = Kind.DISABLE) -> None:
    """Nothing of the account opens anything from its next request on; its sessions and tokens do not come back with it.

    The last administrator of a kind who can sign in stays.
    """
    duties.lock_administrators(user)
    row = _begin(user, kind, reason, by, "accounts.user.disable")
    if kept := duties.why_kept(row):
        raise MeasureError(kept)
    row.is_active = False
    row.save(update_fields=["is_active"])
    row.sessions.all().delete()
    row.api_tokens.filter(revoked_at__isnull=True).update(revoked_at=timezone.now())


@transaction.atomic
def account_enable(*, user: User, reason: str, by: User | None) -> None:
    row = _begin(user, Kind.ENABLE, reason, by, "accounts.user.enable")
    row.is_active = True
    row.save(update_fields=["is_active"])


@transaction.atomic
def account_disable_idle(*, user: User) -> bool:
    """False where the account was used after all, or where nobody else could do this administrator's work any more."""
    duties.lock_administrators(user)
    due = [one for one in idle.plan(timezone.now(), User.objects.filter(pk=user.pk)) if not one.is_kept]
    if due:
        since = timezone.localtime(due[0].used_at) if due[0].used_at else None
        last = f"最近一次 {since:%Y-%m-%d}" if since else "开通后没有用过"
        reason = f"连续 {settings.IDLE_ACCOUNT_DAYS} 天没有使用（{last}）"
        account_disable(user=user, reason=reason, by=None, kind=Kind.IDLE)
    return bool(due)


def accounts_disable_idle() -> int:
    """Every night. Each account by itself: one that is just being used holds up nobody else. Returns how many there were."""
    due = [one.user for one in idle.plan(timezone.now()) if not one.is_kept and one.user.is_whole]
    disabled = sum(account_disable_idle(user=user) for user in due)
    audit.record("accounts.idle.check", by=None, detail={"disabled": disabled})
    return disabled


TAKE = {Kind.UNLOCK: lock_lift, Kind.RESET: factors_reset, Kind.DISABLE: account_disable, Kind.ENABLE: account_enable}


@transaction.atomic
def measures_told(*, user: User) -> list[AccountMeasure]:
    """What was done to this account and nobody has told its owner yet; from now on it counts as told."""
    untold = list(user.measures.select_for_update(of=("self",)).select_related("by").filter(told_at__isnull=True))
    user.measures.filter(pk__in=[one.pk for one in untold]).update(told_at=timezone.now())
    return sorted(untold, key=lambda one: one.pk)
