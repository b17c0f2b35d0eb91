"""The writes about wall screens, and the door their key opens.

How the key travels: the address set in the screen's browser is `/screen/7/#key`. Browsers keep what stands behind `#`
to themselves, so the key is in no request line, no log of a server or proxy, no Referer and no history of another
site. The page's script sends it as `Authorization: Screen key` to this screen's own addresses, which read that header
and nothing else: no cookie is set, no session begins, and no other address of the product knows the scheme. A key is
256 random bits, of which only the hash is kept.
"""

import logging
import secrets
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from redis.exceptions import RedisError

from accounts import addresses, audit
from accounts.tokens import token_digest
from orgs.models import Organization
from reports.models import Screen
from reports.selectors import Unit

logger = logging.getLogger(__name__)
SCHEME = "Screen"
SEEN_AGAIN = timedelta(minutes=1)  # `last_seen_at` is that exact and no more, so that reading writes next to nothing
TOLD_AGAIN = 3600  # seconds: a screen that goes on asking is one event an hour
UNKNOWN = "unknown"


@transaction.atomic
def screen_create(
    *, unit: Unit, name: str, pages: list[str], seconds: int, expires_at: datetime, by
) -> tuple[Screen, str]:
    """A new screen and its key, which exists nowhere else."""
    key = secrets.token_urlsafe(32)
    place = {"organization": unit} if isinstance(unit, Organization) else {"division": unit}
    screen = Screen.objects.create(
        name=name, pages=pages, seconds=seconds, expires_at=expires_at, created_by=by, digest=token_digest(key), **place
    )
    audit.record("reports.screen.create", by=by, subjects=[screen], detail={"unit": unit.code})
    return screen, key


@transaction.atomic
def screen_change(*, screen: Screen, name: str, pages: list[str], seconds: int, by) -> Screen:
    """Other pages or another pace; the screen takes them over with its next answer, its key stays."""
    screen.name, screen.pages, screen.seconds = name, pages, seconds
    screen.save(update_fields=["name", "pages", "seconds"])
    audit.record("reports.screen.change", by=by, subjects=[screen])
    return screen


@transaction.atomic
def screen_revoke(*, screen: Screen, by) -> bool:
    """From now on the key opens nothing; False where somebody else was first."""
    live = Screen.objects.filter(pk=screen.pk, revoked_at__isnull=True)
    revoked = bool(live.update(revoked_at=timezone.now(), revoked_by=by))
    if revoked:
        audit.record("reports.screen.revoke", by=by, subjects=[screen])
    return revoked


# --- the door ---------------------------------------------------------------------------------------------------------


def key_of(header: str) -> str:
    scheme, _, key = header.partition(" ")
    return key.strip() if scheme == SCHEME else ""


def screen_with(pk: int, key: str) -> tuple[Screen | None, str]:
    """(the screen, why it is refused). The key of another screen is as unknown here as a made-up one."""
    if not key:
        return None, UNKNOWN
    rows = Screen.objects.select_related("organization__district", "organization__parent", "division")
    screen = rows.filter(pk=pk, digest=token_digest(key)).first()
    if screen is None:
        _tell_refused(None, UNKNOWN)
        return None, UNKNOWN
    if screen.refusal:
        _tell_refused(screen, screen.refusal)
    return screen, screen.refusal


def _is_news(name: str) -> bool:
    """Without Redis nobody knows what was told: the refusal stands, and is not written down."""
    try:
        return cache.add(name, 1, TOLD_AGAIN)
    except RedisError:
        logger.warning("A refused screen is not written down: no answer from Redis")
        return False


def _tell_refused(screen: Screen | None, why: str) -> None:
    if _is_news(f"reports:screen:refused:{screen.pk if screen else ''}:{why}:{addresses.current.get() or ''}"):
        audit.record(
            "reports.screen.refuse", by=None, subjects=[screen] if screen else [], detail={"why": why}, succeeded=False
        )


def screen_seen(screen: Screen) -> None:
    now = timezone.now()
    stale = Q(last_seen_at__isnull=True) | Q(last_seen_at__lt=now - SEEN_AGAIN)
    if screen.last_seen_at is None or screen.last_seen_at < now - SEEN_AGAIN:
        Screen.objects.filter(stale, pk=screen.pk).update(last_seen_at=now, last_address=addresses.current.get())
