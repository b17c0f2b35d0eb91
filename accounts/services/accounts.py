"""The writes about accounts and passwords."""

import secrets

from django.db import transaction
from django.utils import timezone

from accounts import audit, duties
from accounts.models import User
from accounts.passwords import REMEMBERED
from accounts.row_codes import TOLD

ADMINISTRATORS = {
    User.Duty.SYSTEM: ("system_admin", "系统管理员"),
    User.Duty.SECURITY: ("security_admin", "安全管理员"),
    User.Duty.AUDIT: ("audit_admin", "审计管理员"),
}


class AccountError(ValueError):
    """What was asked for is not allowed; the message is for the person who asked."""


@transaction.atomic
def user_create(*, user: User, password: str, by: User | None) -> User:
    """Save a new account with its first password, which must be changed at the first sign-in, within TEMPORARY_CREDENTIAL_DAYS.

    `by=None` is the system itself. The caller has validated both.
    """
    user.set_password(password)
    user.password_is_temporary = True
    user.save(force_insert=True)
    audit.record(
        "accounts.user.create", by=by, subjects=[user], detail={"duty": user.duty, "clearance": user.clearance}
    )
    return user


@transaction.atomic
def user_change(*, user: User, changed: list[str], by: User, password: str = "") -> User:
    """Save the named columns of an account, and a new password if there is one. Raises AccountError.

    Nobody changes the own duty or label: that would be giving oneself rights; nor the own password, for here nobody is asked
    for the present one. The last administrator of a kind who can sign in keeps it. Switching an account off:
    services/measures.py.
    """
    if user.pk == by.pk and {"duty", "clearance"} & set(changed):
        raise AccountError("不能修改自己的职责和安全标记，请由另一位安全管理员办理。")
    if user.pk == by.pk and password:
        raise AccountError("自己的密码请在账号菜单“修改密码”里改，要先输入现在的密码。")
    if "duty" in changed and user.duty != User.Duty.STAFF and (reason := duties.why_not_administrator(user)):
        raise AccountError(reason)
    if "duty" in changed:
        duties.lock_administrators(user)
        if kept := duties.why_kept(User.objects.get(pk=user.pk)):
            raise AccountError(kept)
    if changed:
        user.save(update_fields=changed)
        detail = {"columns": changed} | {name: getattr(user, name) for name in ("duty", "clearance") if name in changed}
        audit.record("accounts.user.change", by=by, subjects=[user], detail=detail)
    if password:
        password_change(user=user, password=password, by=by)
    return user


@transaction.atomic
def password_change(*, user: User, password: str, by: User | None, reason: str = "", request=None) -> None:
    """Set a password that was validated. Every other session of the account ends with its next request, its tokens at once.

    One that somebody else chose must be changed at the next sign-in, within TEMPORARY_CREDENTIAL_DAYS.
    """
    before = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if not before.is_whole:
        raise AccountError(TOLD)
    user.old_passwords.create(password=before.password)
    kept = user.old_passwords.order_by("-pk").values("pk")[: REMEMBERED - 1]
    user.old_passwords.exclude(pk__in=kept).delete()
    user.set_password(password)
    user.password_is_temporary, user.password_set_at = by is None or user.pk != by.pk, timezone.now()
    user.save(update_fields=["password", "password_is_temporary", "password_set_at"])
    ended = user.api_tokens.filter(revoked_at__isnull=True).update(revoked_at=user.password_set_at)
    detail = {"tokens": ended}
    audit.record("accounts.password.change", by=by, subjects=[user], purpose=reason, detail=detail, request=request)


def _random_password() -> str:
    return secrets.token_urlsafe(15)


def password_give(*, user: User, reason: str) -> str:
    """By the console of the server: a random password, which exists nowhere else. It is a temporary one. Raises AccountError."""
    if not (said := reason.strip()):
        raise AccountError("请写明原因，审计长期保存。")
    password = _random_password()
    password_change(user=user, password=password, by=None, reason=said)
    return password


@transaction.atomic
def administrators_create() -> list[tuple[User, str]]:
    """The three administrators with random passwords, once. Raises AccountError if there is any already."""
    if User.objects.exclude(duty=User.Duty.STAFF).exists():
        raise AccountError("已经有管理员账号，没有新建任何账号。需要更多账号时，请由安全管理员在管理后台开通。")
    if User.objects.filter(username__in=[username for username, _ in ADMINISTRATORS.values()]).exists():
        raise AccountError("管理员的账号名已被业务人员占用，没有新建任何账号。请先改名或停用这些账号。")
    made = []
    for duty, (username, name) in ADMINISTRATORS.items():
        password = _random_password()
        made.append(
            (user_create(user=User(username=username, name=name, duty=duty), password=password, by=None), password)
        )
    return made
