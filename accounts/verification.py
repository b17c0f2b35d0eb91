"""Walking the chain of seals: is the audit what it was when it was sealed?"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from accounts.models import AuditEvent, AuditSeal
from accounts.seals import COLUMNS, GENESIS, link_hash

UNSEALED_AFTER = timedelta(minutes=1)
LOOKAHEAD = 2_000  # links after the first bad one that are searched for where the chain goes on
CHUNK = 5_000


@dataclass
class Finding:
    """The first thing that is wrong. `kind`: changed, removed, reordered, inserted or unsealed."""

    kind: str
    sequence: int | None
    event: int | None
    text: str


@dataclass
class Verdict:
    """`head`, the hash of the last good link, shows later whether the end was cut off, if it was noted elsewhere."""

    links: int
    head: bytes
    finding: Finding | None
    unsealed: int  # events that were never sealed though older than a minute

    @property
    def sound(self) -> bool:
        return self.finding is None


@dataclass
class Link:
    sequence: int
    event: int
    hash: bytes
    row: tuple | None  # None: the event is gone

    def follows(self, previous: bytes) -> bytes | None:
        """The hash this link must have after `previous`; None without an event."""
        return None if self.row is None else link_hash(previous, self.row)


def links(start: int = 0, limit: int | None = None) -> Iterator[Link]:
    """The chain from a sequence on, streamed. Call inside a transaction: a cursor held open outside one is a copy."""
    columns = [f"event__{name}" for name in COLUMNS]
    rows = (
        AuditSeal.objects.filter(sequence__gte=start)
        .order_by("sequence")
        .values_list("sequence", "event_id", "hash", *columns)
    )
    stream = rows[:limit] if limit else rows.iterator(chunk_size=CHUNK)
    for sequence, event, stored, *facts in stream:
        yield Link(sequence, event, bytes(stored), tuple(facts) if facts[0] is not None else None)


def _without_events() -> Link | None:
    """The first seal whose event is gone; the walk joins the two tables and would see a gap only."""
    gone = ~Exists(AuditEvent.objects.filter(pk=OuterRef("event_id")))
    seal = AuditSeal.objects.filter(gone).order_by("sequence").first()
    return Link(seal.sequence, seal.event_id, bytes(seal.hash), None) if seal else None


def verify() -> Verdict:
    """Walk the whole chain up to the first bad link; then look for events that were never sealed."""
    previous, expected, finding = GENESIS, 1, None
    with transaction.atomic():
        gone = _without_events()
        for link in links():
            if gone and gone.sequence < link.sequence:
                break
            if link.sequence != expected:
                finding = _gap(expected, link)
                break
            if link.follows(previous) != link.hash:
                finding = _name(previous, link)
                break
            previous, expected = link.hash, expected + 1
        if gone and finding is None:
            finding = Finding("removed", gone.sequence, gone.event, f"第 {gone.sequence} 号封存的事件已被移除。")
        unsealed = _never_sealed()
    if finding is None and unsealed:
        event = unsealed[0]
        text = f"事件 {event} 从未封存：可能是绕过系统插入的，或封存服务没有运行。"
        finding = Finding("unsealed", None, event, text)
    return Verdict(links=expected - 1, head=previous, finding=finding, unsealed=len(unsealed))


def _gap(expected: int, link: Link) -> Finding:
    text = f"第 {expected} 号封存已被移除，下一个是第 {link.sequence} 号（事件 {link.event}）。"
    return Finding("removed", expected, None, text)


def _name(previous: bytes, bad: Link) -> Finding:
    """What happened at the first link that does not follow: where does the true successor stand?"""
    ahead = list(links(bad.sequence, LOOKAHEAD))
    place = next((n for n, link in enumerate(ahead[1:], 1) if link.follows(previous) in (link.hash, bad.hash)), None)
    if place is None:
        text = f"第 {bad.sequence} 号封存的事件 {bad.event} 内容已被改动，或它之前的记录被移除后重新编号。"
        return Finding("changed", bad.sequence, bad.event, text)
    true = ahead[place]
    between = ahead[:place]
    if true.follows(previous) != true.hash or any(link.follows(true.hash) == link.hash for link in between):
        text = f"顺序被调换：第 {bad.sequence} 号的位置原是事件 {true.event}，现在是事件 {bad.event}。"
        return Finding("reordered", bad.sequence, bad.event, text)
    text = f"第 {bad.sequence} 号封存（事件 {bad.event}）是后来插入的，原来的下一条是事件 {true.event}。"
    return Finding("inserted", bad.sequence, bad.event, text)


def _never_sealed() -> list[int]:
    """Ids of events without a seal that the sealer should have seen: older than a minute, or behind its horizon."""
    last = AuditSeal.objects.order_by("-sequence").values_list("horizon", flat=True).first()
    late = Q(at__lt=Now() - UNSEALED_AFTER)
    if last is not None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
            if last <= cursor.fetchone()[0]:  # else: restored from a backup, the horizon means nothing yet
                late |= Q(transaction__lt=last)
    return list(
        AuditEvent.objects.filter(late, seal__isnull=True).order_by("transaction", "pk").values_list("pk", flat=True)
    )
