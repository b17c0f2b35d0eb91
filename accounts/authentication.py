"""How an API call says who it is. Apart from api.py, because REST framework imports it while it loads itself."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import TokenAuthentication as Base
from rest_framework.exceptions import AuthenticationFailed, Throttled

from accounts import audit, limits, networks, scopes, wall
from accounts.models import ApiToken
from accounts.tokens import token_digest

USED_AGAIN = timedelta(hours=1)  # `last_used_at` is that exact and no more, so that reading writes next to nothing


class TokenAuthentication(Base):
    """Looks the token up by its hash. A token never becomes a session. Refusals are audited,
    but for floods: those would flood the audit too.
    """

    def authenticate(self, request):
        self.asked = request
        try:
            return super().authenticate(request)
        except AuthenticationFailed:
            if not limits.within("token_address", request.META.get("REMOTE_ADDR", "")):
                raise Throttled(limits.WINDOW, "令牌被拒绝的次数太多，请核对令牌，稍后再试。") from None
            audit.record("accounts.token.refuse", by=None, succeeded=False, request=request)
            raise

    def authenticate_credentials(self, key):
        now = timezone.now()
        token = (
            ApiToken.objects.select_related("user")
            .filter(digest=token_digest(key), revoked_at__isnull=True, expires_at__gt=now, user__is_active=True)
            .first()
        )
        is_right = token is not None and token.is_whole and token.user.may_enter
        if not is_right or not networks.lets(token.user, self.asked):
            raise AuthenticationFailed("令牌无效或已过期。")
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USED_AGAIN)
        if token.last_used_at is None or token.last_used_at < now - USED_AGAIN:
            ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
        token.user.token_permissions = scopes.permissions_of(token.scopes)
        wall.become(token.user)
        return token.user, token
