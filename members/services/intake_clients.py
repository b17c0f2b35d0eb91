"""Keys of other departments' systems: issued, changed, taken back by the security administrator."""

import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts import audit
from members import identity
from members.errors import Refused
from members.models import IntakeClient

OVERLAP = timedelta(days=7)  # so long the former secret still works, for the other side to change over


@transaction.atomic
def intake_client_issue(*, client: IntakeClient, by) -> str:
    """Save a new client and return its secret, which is shown this once."""
    client.key_id, client.secret, client.made_by = f"IK{identity.member_code()}", secrets.token_urlsafe(32), by
    client.save(force_insert=True)
    _note("issue", client, by, department=client.source_department, algorithm=client.algorithm)
    return client.secret


@transaction.atomic
def intake_client_rotate(*, client: IntakeClient, by) -> str:
    """A new secret; the present one works for OVERLAP beside it. Raises Refused for a client that was taken back."""
    current = _live(client)
    current.former_secret, current.former_until = current.secret, timezone.now() + OVERLAP
    current.secret = secrets.token_urlsafe(32)
    current.save(update_fields=["secret", "former_secret", "former_until"])
    _note("rotate", current, by)
    return current.secret


@transaction.atomic
def intake_client_revoke(*, client: IntakeClient, by) -> None:
    """Both secrets stop at once, for good. Raises Refused when that was done before."""
    current = _live(client)
    current.revoked_at, current.former_secret, current.former_until = timezone.now(), None, None
    current.save(update_fields=["revoked_at", "former_secret", "former_until"])
    _note("revoke", current, by)


def _live(client: IntakeClient) -> IntakeClient:
    current = IntakeClient.objects.select_for_update().get(pk=client.pk)
    if current.revoked_at is not None:
        raise Refused("这把密钥已经停用，不能再用；需要时请另签发一把。")
    return current


def _note(act: str, client: IntakeClient, by, **detail) -> None:
    audit.record(
        f"members.intake_client.{act}", by=by, subjects=[client], detail={"unit": client.organization_id, **detail}
    )
