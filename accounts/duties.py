"""Why somebody cannot become an administrator (三员), and why one cannot cease to be one.

Rooms that give rights to business data tell their reasons in AppConfig.ready(). Of each kind one who can sign in stays
(GB/T 22239-2019 8.1.4.2 c, d): without them nobody could do this work, or give it to anybody.
"""

from collections.abc import Callable
from datetime import datetime

from django.db.models import Q

from accounts import passwords
from accounts.models import User

_reasons: list[Callable[[User], str]] = []


def tell_reason(reason: Callable[[User], str]) -> None:
    """`reason(user)`: a sentence that says what to do first; empty where nothing is in the way."""
    _reasons.append(reason)


def why_not_administrator(user: User) -> str:
    return next(filter(None, (reason(user) for reason in _reasons)), "")


def usable_administrators(at: datetime | None = None) -> dict[str, set[int]]:
    """By duty, who can sign in at that moment by what they were given or chose."""
    usable: dict[str, set[int]] = {}
    for user in User.objects.exclude(duty=User.Duty.STAFF).filter(is_active=True):
        if user.is_whole and not passwords.given_is_over(user, at):
            usable.setdefault(user.duty, set()).add(user.pk)
    return usable


def is_last(user: User, usable: dict[str, set[int]]) -> bool:
    """Nobody else of `usable` could do this administrator's work."""
    return user.duty != User.Duty.STAFF and not usable.get(user.duty, set()) - {user.pk}


def why_kept(user: User) -> str:
    """A sentence that says what to do before this account is switched off or loses its duty; empty where it may.

    Sure only after lock_administrators, in the same transaction.
    """
    if not user.is_active or not is_last(user, usable_administrators()):
        return ""
    kind = user.get_duty_display()
    return (
        f"这是最后一个能登录的{kind}，停用或改任以后这项工作没有人能办。"
        f"请先开通另一个{kind}账号（已有的，先启用它或重置它过期的临时密码），再来办理。"
    )


def lock_administrators(user: User) -> None:
    """Until the transaction ends nobody else takes one away: two at the same moment would each find the other's.

    All kinds at once, and `user`, who may just become or cease to be one.
    """
    locked = User.objects.select_for_update(no_key=True).filter(~Q(duty=User.Duty.STAFF) | Q(pk=user.pk))
    list(locked.order_by("pk"))
