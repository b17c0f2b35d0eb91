"""Who asks, and the way back to an account."""

from typing import cast

from django.http import HttpRequest
from django.urls import reverse

from accounts.models import User


def crumbs(user: User, label: str) -> list[dict]:
    """From a page about somebody's account back to it, for the security administrator."""
    account = {"label": str(user), "url": reverse("admin:accounts_user_change", args=[user.pk])}
    return [{"label": "用户", "url": reverse("admin:accounts_user_changelist")}, account, {"label": label}]


def signed_in(request: HttpRequest) -> User:
    """The person of a request that a door has let in already: there `request.user` is never anonymous."""
    return cast(User, request.user)
