"""Making and withdrawing the public QR codes."""

from django.db import transaction
from django.utils import timezone

from accounts import audit
from members import identity
from members.errors import Refused
from members.models import Poster
from orgs.kinds import Level


@transaction.atomic
def poster_create(*, kind: str, by=None, market=None, organization=None) -> Poster:
    """A live poster; a market or guidance station that has one keeps it. A service point's belongs to its own room."""
    if kind == Poster.Kind.MARKET and market is None:
        raise Refused("请选择市场。")
    if kind == Poster.Kind.GUIDANCE_STATION and (organization is None or organization.level != Level.GUIDANCE_STATION):
        raise Refused("请选择指导站。")
    if kind != Poster.Kind.SERVICE_POINT:
        current = Poster.objects.live().filter(kind=kind, market=market, organization=organization).first()
        if current is not None:
            return current
    poster = Poster.objects.create(code=identity.poster_code(), kind=kind, market=market, organization=organization)
    audit.record("members.poster.create", by=by, subjects=[poster], detail={"kind": kind})
    return poster


@transaction.atomic
def poster_withdraw(*, poster: Poster, by) -> Poster:
    """Take it out of use: its address answers like a code that never was. Receipts stay."""
    changed = Poster.objects.live().filter(pk=poster.pk).update(withdrawn_at=timezone.now())
    if not changed:
        raise Refused("这个码已经停用。")
    audit.record("members.poster.withdraw", by=by, subjects=[poster])
    poster.refresh_from_db()
    return poster
