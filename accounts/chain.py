"""Reading the chain of seals: its links one after the other, and where it begins once old ones are removed."""

import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from accounts.models import AuditCheckpoint, AuditSeal
from accounts.seals import COLUMNS, GENESIS, link_hash

CHUNK = 5_000


@dataclass
class Link:
    sequence: int
    event: int
    hash: bytes
    row: tuple | None  # the event's columns; None where they were not read (bare_links)
    sealed_at: datetime | None = None  # by the database's clock; None likewise

    def follows(self, previous: bytes) -> bytes | None:
        """The hash this link must have after `previous`; None without its event."""
        return None if self.row is None else link_hash(previous, self.row)


def links(start: int = 0, limit: int | None = None) -> Iterator[Link]:
    """The chain from a sequence on, streamed. Call inside a transaction: a cursor held open outside one is a copy.

    The join leaves out seals whose event is gone: a gap in the sequence, for `bare_links` to fill.
    """
    columns = [f"event__{name}" for name in COLUMNS]
    rows = (
        AuditSeal.objects.filter(sequence__gte=start)
        .order_by("sequence")
        .values_list("sequence", "event_id", "hash", "sealed_at", *columns)
    )
    stream = rows[:limit] if limit else rows.iterator(chunk_size=CHUNK)
    for sequence, event, stored, sealed_at, *facts in stream:
        yield Link(sequence, event, bytes(stored), tuple(facts), sealed_at)


def bare_links(first: int, last: int | None) -> Iterator[Link]:
    """Seals alone, first … last (None: to the end), without a look at their events."""
    seals = AuditSeal.objects.filter(sequence__gte=first)
    seals = seals if last is None else seals.filter(sequence__lte=last)
    for sequence, event, stored in seals.order_by("sequence").values_list("sequence", "event_id", "hash"):
        yield Link(sequence, event, bytes(stored), None)


# --- where the chain begins -------------------------------------------------------------------------------------------


def checkpoint_mac(*, first: int, sequence: int, hash: bytes, removed_at) -> bytes:
    """What makes a checkpoint ours: the database does not know the key."""
    facts = [first, sequence, bytes(hash).hex(), removed_at.timestamp()]
    return hmac.digest(settings.AUDIT_SEAL_KEY, b"checkpoint" + json.dumps(facts).encode(), "sha256")


def is_ours(point: AuditCheckpoint) -> bool:
    mac = checkpoint_mac(
        first=point.first, sequence=point.sequence, hash=bytes(point.hash), removed_at=point.removed_at
    )
    return hmac.compare_digest(mac, bytes(point.mac))


def newest_checkpoint() -> AuditCheckpoint | None:
    return AuditCheckpoint.objects.order_by("-sequence").first()


def beginning() -> tuple[bytes, int]:
    """The hash that the first kept link follows, and that link's sequence."""
    point = newest_checkpoint()
    return (bytes(point.hash), point.sequence + 1) if point else (GENESIS, 1)
