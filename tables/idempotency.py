"""One effect and one answer for one key, whatever happens between: sent twice, sent at once, killed half-way.

The work and its answer commit in one transaction. That a request is being worked on is an advisory lock of the same
transaction: it ends with it, so a process that dies leaves neither half an effect nor a key that stays "in flight".
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.crypto import blind_index
from tables.models import IdempotencyKey

KEPT = timedelta(days=7)  # whoever tries again later than this makes a new request


class InFlight(Exception):
    """The same key is being worked on right now: ask again in a moment."""


class OtherBody(Exception):
    """The key already answered another body."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    is_repeated: bool = False


def answer_once(*, key: str, body: bytes, work: Callable[[], tuple[int, str]], owner=None, scope: str = "") -> Answer:
    """What `work` answers as (status, text), or what it answered before. Raises InFlight, OtherBody.

    What `work` raises undoes it, and nothing is remembered: the caller may send the same again.
    """
    # Keyed: a plain digest of a body with one unknown, such as a phone number, can be tried out.
    digest = blind_index(hashlib.sha256(body).hexdigest(), kind="request_body", key=settings.DIGEST_KEY).hex()
    with transaction.atomic():
        if not _claim(f"{owner.pk if owner else ''}|{scope}|{key}"):
            raise InFlight
        known = IdempotencyKey.objects.filter(owner=owner, scope=scope, key=key).first()
        if known is not None:
            if known.body_digest != digest:
                raise OtherBody
            return Answer(known.status, known.answer, is_repeated=True)
        status, text = work()
        IdempotencyKey.objects.create(owner=owner, scope=scope, key=key, body_digest=digest, answer=text, status=status)
        return Answer(status, text)


def _claim(name: str) -> bool:
    number = int.from_bytes(hashlib.sha256(f"idempotency|{name}".encode()).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        return cursor.fetchone()[0]


def forget_old() -> int:
    """Keys older than KEPT. How many went."""
    return IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEPT).delete()[0]
