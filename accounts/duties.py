"""Why somebody cannot become an administrator (三员). Rooms that give rights to business data tell in AppConfig.ready()."""

from collections.abc import Callable

from accounts.models import User

_reasons: list[Callable[[User], str]] = []


def tell_reason(reason: Callable[[User], str]) -> None:
    """`reason(user)`: a sentence that says what to do first; empty where nothing is in the way."""
    _reasons.append(reason)


def why_not_administrator(user: User) -> str:
    return next(filter(None, (reason(user) for reason in _reasons)), "")
