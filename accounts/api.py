"""Tokens for the API: `Authorization: Token …`."""

import hashlib

from django.utils import timezone
from rest_framework.authentication import TokenAuthentication as Base
from rest_framework.exceptions import AuthenticationFailed

from accounts.models import ApiToken


def token_digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class TokenAuthentication(Base):
    """Looks the token up by its hash. A token never becomes a session."""

    def authenticate_credentials(self, key):
        now = timezone.now()
        token = (
            ApiToken.objects.select_related("user")
            .filter(digest=token_digest(key), revoked_at__isnull=True, expires_at__gt=now, user__is_active=True)
            .first()
        )
        if token is None:
            raise AuthenticationFailed("令牌无效或已过期。")
        return token.user, token
