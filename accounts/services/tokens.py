"""The writes about tokens for the API."""

import secrets
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import ApiToken, User
from accounts.tokens import token_digest


@transaction.atomic
def token_create(
    *, user: User, label: str, scopes: Iterable[str], expires_at: datetime, request=None
) -> tuple[ApiToken, str]:
    """A new token and its plain text, which exists nowhere else. `scopes`: keys of accounts/scopes.py."""
    plain = secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user, label=label, scopes=sorted(scopes), digest=token_digest(plain), expires_at=expires_at
    )
    detail = {"scopes": token.scopes, "until": expires_at.isoformat()}
    audit.record("accounts.token.create", by=user, subjects=[token], detail=detail, request=request)
    return token, plain


@transaction.atomic
def token_revoke(*, token: ApiToken, by: User, request=None) -> bool:
    """False when it was revoked before."""
    revoked = ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
    if revoked:
        audit.record("accounts.token.revoke", by=by, subjects=[token], request=request)
    return bool(revoked)
