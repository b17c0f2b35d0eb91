"""The writes about second factors: setting up, checking, taking away."""

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit, totp
from accounts.crypto import blind_index
from accounts.models import Authenticator, Passkey, RecoveryCode, User

CODES = 10
CODE_LENGTH = 10
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that reads like something else: 49 bits in ten signs
MOST_FAILURES = 5
LOCKED_FOR = timedelta(minutes=30)


class FactorError(ValueError):
    """What was asked for is not allowed; the message is for the person who asked."""


def _locked(user: User) -> User:
    """One person's factors change one at a time: two requests with the same code do not both pass."""
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)


# --- setting up ------------------------------------------------------------------------------------------------------


@transaction.atomic
def authenticator_enable(*, user: User, secret: str, code: str, request=None) -> None:
    """Keep the secret if the code is right, in place of an older one. Raises FactorError."""
    _locked(user)
    step = totp.step_of(totp.normalised(code), secret=secret)
    if step is None:
        raise FactorError("验证码不对。请输入应用里正在显示的 6 位数字；若一直不对，请把手机的时间设为自动。")
    Authenticator.objects.update_or_create(
        user=user, defaults={"secret": secret, "last_step": step, "created_at": timezone.now()}
    )
    audit.record("accounts.authenticator.enable", by=user, subjects=[user], request=request)


@transaction.atomic
def passkey_add(
    *, user: User, name: str, credential_id: bytes, credential: bytes, sign_count: int, request=None
) -> Passkey:
    """Keep a credential that was verified. Raises FactorError."""
    _locked(user)
    if user.passkeys.count() >= Passkey.MOST:
        raise FactorError(f"每人最多登记 {Passkey.MOST} 个通行密钥，请先删去不用的。")
    try:
        with transaction.atomic():
            passkey = Passkey.objects.create(
                user=user, name=name, credential_id=credential_id, credential=credential, sign_count=sign_count
            )
    except IntegrityError:
        raise FactorError("这个通行密钥已经登记过。") from None
    audit.record("accounts.passkey.add", by=user, subjects=[passkey], request=request)
    return passkey


def _digest(user: User, code: str) -> bytes:
    """Keyed, for fifty bits could be tried out against a stolen table; bound to the person."""
    return blind_index(f"{user.pk}:{code}", kind="recovery_code", key=settings.DIGEST_KEY)


@transaction.atomic
def recovery_codes_renew(*, user: User, request=None) -> list[str]:
    """New codes in plain text, which exists nowhere else; the old ones are worth nothing from now on."""
    _locked(user)
    codes: set[str] = set()
    while len(codes) < CODES:
        codes.add("".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH)))
    user.recovery_codes.all().delete()
    RecoveryCode.objects.bulk_create([RecoveryCode(user=user, digest=_digest(user, code)) for code in codes])
    audit.record("accounts.recovery_codes.renew", by=user, subjects=[user], request=request)
    return sorted(codes)


# --- checking --------------------------------------------------------------------------------------------------------


@transaction.atomic
def code_check(*, user: User, code: str, request=None) -> str:
    """What the code was, "authenticator" or "recovery"; empty when it was wrong or the person is locked.

    Five wrong ones in a row lock for half an hour, wherever they come from: whoever gets here knows the password.
    """
    row = _locked(user)
    if locked_until(row):
        kind, act = "", "accounts.factor.lock"
    else:
        code = totp.normalised(code)
        kind, act = _take_authenticator(row, code) or _take_recovery(row, code), "accounts.factor.refuse"
        row.factor_failures = 0 if kind else row.factor_failures + 1
        row.factor_locked_until = None
        if row.factor_failures >= MOST_FAILURES:
            row.factor_failures, row.factor_locked_until = 0, timezone.now() + LOCKED_FOR
        row.save(update_fields=["factor_failures", "factor_locked_until"])
        user.factor_locked_until = row.factor_locked_until
    if not kind:
        audit.record(act, by=None, subjects=[user], succeeded=False, request=request)
    elif kind == "recovery":
        audit.record("accounts.recovery_codes.use", by=user, subjects=[user], request=request)
    return kind


def locked_until(user: User) -> datetime | None:
    """Until when no code of this person is looked at; None when they are."""
    until = user.factor_locked_until
    return until if until and until > timezone.now() else None


def _take_authenticator(user: User, code: str) -> str:
    app = Authenticator.objects.filter(user=user).first()
    if app is None or not app.is_whole:
        return ""
    step = totp.step_of(code, secret=app.secret, after=app.last_step)
    if step is None:
        return ""
    app.last_step = step
    app.save(update_fields=["last_step"])
    return "authenticator"


def _take_recovery(user: User, code: str) -> str:
    unused = user.recovery_codes.filter(digest=_digest(user, code), used_at__isnull=True)
    return "recovery" if unused.update(used_at=timezone.now()) else ""


@transaction.atomic
def passkey_use(*, passkey: Passkey, sign_count: int, request=None) -> bool:
    """Note a verified use. False when the count did not grow: then there is a copy of the key somewhere.

    Keys that are kept in a cloud always say zero; of them a copy cannot be told.
    """
    row = Passkey.objects.select_for_update().get(pk=passkey.pk)
    if (sign_count or row.sign_count) and sign_count <= row.sign_count:
        audit.record("accounts.passkey.refuse", by=None, subjects=[row], succeeded=False, request=request)
        return False
    row.sign_count, row.last_used_at = sign_count, timezone.now()
    row.save(update_fields=["sign_count", "last_used_at"])
    return True


# --- taking away -----------------------------------------------------------------------------------------------------


def _check_not_last(user: User) -> None:
    """Call after the removal, in its transaction."""
    if user.passkeys.exists() or Authenticator.objects.filter(user=user).exists():
        return
    if settings.SECOND_FACTOR_REQUIRED:
        raise FactorError("这是您唯一的第二因素，不能删去。请先登记另一个，再删这个。")
    user.recovery_codes.all().delete()


@transaction.atomic
def authenticator_remove(*, user: User, request=None) -> None:
    """Raises FactorError when nothing else would be left."""
    _locked(user)
    removed, _ = Authenticator.objects.filter(user=user).delete()
    _check_not_last(user)
    if removed:
        audit.record("accounts.authenticator.remove", by=user, subjects=[user], request=request)


@transaction.atomic
def passkey_remove(*, passkey: Passkey, request=None) -> None:
    """Raises FactorError when nothing else would be left."""
    user = _locked(passkey.user)
    audit.record("accounts.passkey.remove", by=user, subjects=[passkey], request=request)
    passkey.delete()
    _check_not_last(user)
