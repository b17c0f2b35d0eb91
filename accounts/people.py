"""Who asks."""

from typing import cast

from django.http import HttpRequest

from accounts.models import User


def signed_in(request: HttpRequest) -> User:
    """The person of a request that a door has let in already: there `request.user` is never anonymous."""
    return cast(User, request.user)
