"""Walking the chain of seals: is the audit what it was when it was sealed, and what it was when a head was handed on?"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from accounts import guards
from accounts.audit_retention import KEPT_AT_LEAST
from accounts.chain import Link, bare_links, beginning, is_ours, links, newest_checkpoint
from accounts.heads import Head, leaf_of
from accounts.models import AuditCheckpoint, AuditEvent, AuditSeal
from accounts.seals import AT

UNSEALED_AFTER = timedelta(minutes=1)
SLACK = timedelta(hours=1)  # longer than any transaction goes on after its event; also a clock that was put right
LOOKAHEAD = 2_000  # links after a bad one that are searched for where the chain goes on
MOST = 100  # findings that are named; a wholly rewritten chain would name every row


@dataclass
class Finding:
    """`kind`: changed, removed, reordered, inserted, unsealed, rewritten, cut_off, unguarded."""

    kind: str
    sequence: int | None
    event: int | None
    text: str


@dataclass
class Verdict:
    """`head`, the hash of the last link, shows later whether the end was cut off, if it was noted elsewhere."""

    links: int
    head: bytes
    findings: list[Finding]
    unsealed: int  # events that were never sealed though older than a minute
    heads: int = 0  # anchored heads that were compared
    removed: int = 0  # links before the newest checkpoint, removed after their time

    @property
    def finding(self) -> Finding | None:
        return self.findings[0] if self.findings else None

    @property
    def sound(self) -> bool:
        return not self.findings


@dataclass
class _Walk:
    """The state of one walk. `befores`: hashes that the next link may follow; two after a link that did not fit, for
    either its event or its hash is the false one."""

    befores: tuple[bytes, ...]
    expected: int
    findings: list[Finding] = field(default_factory=list)
    aside: list[Link] = field(default_factory=list)  # links that stood where another belongs, and may belong elsewhere
    placed: set[int] = field(default_factory=set)  # sequences whose own link was found standing earlier
    good: int = 0  # links before the first finding

    def find(self, kind: str, sequence: int | None, event: int | None, text: str) -> None:
        if len(self.findings) < MOST:
            self.findings.append(Finding(kind, sequence, event, text))

    def take(self, link: Link) -> None:
        if link.sequence != self.expected:
            self._gap(link.sequence - 1)
        self.expected = link.sequence + 1
        if link.row is not None and any(link.follows(before) == link.hash for before in self.befores):
            self.befores = (link.hash,)
        elif not self._comes_back(link):
            self._name(link)
        self.good += not self.findings

    def end(self) -> None:
        self._gap(None)

    def _gap(self, last: int | None) -> None:
        """Between the link before and this one stand seals without events, or no seals at all."""
        for link in bare_links(self.expected, last):
            if link.sequence > self.expected:
                self._removed(link.sequence - 1)
            self.find("removed", link.sequence, link.event, f"第 {link.sequence} 号封存的事件已被移除。")
            self.befores, self.expected = (link.hash,), link.sequence + 1
        if last is not None and last >= self.expected:
            self._removed(last)

    def _removed(self, last: int) -> None:
        first, through = self.expected, f"至第 {last} 号" if last > self.expected else ""
        self.find("removed", first, None, f"第 {first} 号{through}封存已被移除，下一个是第 {last + 1} 号。")
        self.befores, self.expected = (), last + 1

    def _comes_back(self, link: Link) -> bool:
        """Is this where a link belongs that was met too early? Then it was named there already."""
        for early in self.aside:
            if any(early.follows(before) == early.hash for before in self.befores):
                self.befores = (early.hash,)
                if link.follows(early.hash) == link.hash:
                    self.befores = (link.hash,)
                    return True
                return link.sequence in self.placed
        if link.sequence in self.placed:
            self.befores = (link.hash,)
            return True
        return False

    def _name(self, bad: Link) -> None:
        """What happened at a link that does not follow: where does the true successor stand?"""
        if not self.befores:  # the seal before is gone: this link cannot be told by itself, those after it can
            self.befores = (bad.hash,)
            return
        previous = self.befores[0]
        ahead = list(links(bad.sequence, LOOKAHEAD))
        place = next((n for n, link in enumerate(ahead[1:], 1) if link.follows(previous) in (link.hash, bad.hash)), 0)
        if not place:
            text = f"第 {bad.sequence} 号封存的事件 {bad.event} 内容已被改动，或它之前的记录被移除后重新编号。"
            self.find("changed", bad.sequence, bad.event, text)
            self.befores = (bad.hash, bad.follows(previous) or bad.hash)
            return
        true, between = ahead[place], ahead[:place]
        if true.follows(previous) != true.hash:  # the events changed places under their seals
            self._reordered(bad, true)
            self.befores = (bad.hash,)
        elif any(link.follows(true.hash) == link.hash for link in between):
            self._reordered(bad, true)
            self.befores = (true.hash,)
        else:
            text = f"第 {bad.sequence} 号封存（事件 {bad.event}）是后来插入的，原来的下一条是事件 {true.event}。"
            self.find("inserted", bad.sequence, bad.event, text)
        self.aside.append(bad)

    def _reordered(self, bad: Link, true: Link) -> None:
        text = f"顺序被调换：第 {bad.sequence} 号的位置原是事件 {true.event}，现在是事件 {bad.event}。"
        self.find("reordered", bad.sequence, bad.event, text)
        self.placed.add(true.sequence)


class _Anchors:
    """The heads handed on, compared with the links as they pass."""

    def __init__(self, heads: Iterable[Head]) -> None:
        self.heads = sorted(heads, key=lambda head: head.sequence)
        self.waiting = list(self.heads)

    def take(self, walk: _Walk, link: Link) -> None:
        while self.waiting and self.waiting[0].sequence < link.sequence:
            self.waiting.pop(0)  # the seal itself is gone: the walk has said so
        if not self.waiting:
            return
        head = self.waiting[0]
        leaf = head.leaf(link.sequence)
        told = bool(walk.findings) and walk.findings[-1].sequence == link.sequence
        if leaf and not told and link.row is not None and leaf_of(link.row) != leaf:
            day = f"{head.made:%Y-%m-%d}"
            text = f"第 {link.sequence} 号（事件 {link.event}）与 {day} 的链头文件不符：连同封存被改写、移除或插入过。"
            walk.find("rewritten", link.sequence, link.event, text)
        elif link.sequence == head.sequence and link.hash.hex() != head.hash and not walk.findings:
            text = f"第 {link.sequence} 号的链值与 {head.made:%Y-%m-%d} 的链头不符：此前的封存被整体改写过。"
            walk.find("rewritten", link.sequence, link.event, text)

    def end(self, walk: _Walk) -> None:
        last = walk.expected - 1
        for head in self.heads:
            if head.sequence > last:
                text = (
                    f"{head.made:%Y-%m-%d} 的链头文件证明曾有第 {head.sequence} 号，现在只到第 {last} 号：链尾被截去。"
                )
                walk.find("cut_off", last + 1, None, text)
                return


class _Times:
    """Events are sealed within moments, so in the order of their times and numbers but for what ran side by side. One that
    was written for another day than its own, and then sealed by the sealer like any other, stands among strangers."""

    def __init__(self) -> None:
        self.latest: datetime | None = None
        self.recent: deque[tuple[datetime, int]] = deque()
        self.passed = 0  # the highest number of those long before the latest
        self.astray: datetime | None = None  # of the link before, if it was: a clock put back is told once

    def take(self, walk: _Walk, link: Link) -> None:
        if link.row is None or link.sealed_at is None:
            return
        at, fault = link.row[AT], self._fault(link)
        told = bool(walk.findings) and walk.findings[-1].sequence == link.sequence
        goes_on = fault and self.astray is not None and abs(at - self.astray) <= SLACK
        if fault and not told and not goes_on:
            text = f"第 {link.sequence} 号（事件 {link.event}）{fault}：是另行写入的，或数据库服务器的时钟曾被调动。"
            walk.find("inserted", link.sequence, link.event, text)
        self.astray = at if fault else None
        if not fault:
            self._pass(at, link.event)

    def _fault(self, link: Link) -> str:
        assert link.row is not None and link.sealed_at is not None
        at = link.row[AT]
        if at > link.sealed_at + SLACK:
            return "的时间晚于它的封存"
        if self.latest and at < self.latest - SLACK:
            return "的时间远早于排在它前面的事件"
        return "的编号远早于它的时间" if link.event < self.passed else ""

    def _pass(self, at: datetime, event: int) -> None:
        self.latest = max(self.latest or at, at)
        self.recent.append((at, event))
        while self.recent[0][0] < self.latest - 2 * SLACK:  # what comes is at most SLACK behind, so SLACK lies between
            self.passed = max(self.passed, self.recent.popleft()[1])


def verify(heads: Iterable[Head] = ()) -> Verdict:
    """Walk the whole chain, compare it with the heads, then look for events that were never sealed and for guards of the
    tables that are gone."""
    anchors, times = _Anchors(heads), _Times()
    with transaction.atomic():
        point = newest_checkpoint()
        previous, expected = beginning()
        walk = _Walk((previous,), expected)
        if point:
            _check_beginning(walk, point, anchors.heads)
        for link in links(expected):
            walk.take(link)
            anchors.take(walk, link)
            times.take(walk, link)
            previous = link.hash
        walk.end()
        anchors.end(walk)
        unsealed = _never_sealed()
    for event in unsealed[: MOST - len(walk.findings)]:
        walk.find("unsealed", None, event, f"事件 {event} 从未封存：可能是绕过系统插入的，或封存服务没有运行。")
    gone = [Finding("unguarded", None, None, fault) for fault in guards.faults()]
    return Verdict(
        links=walk.good, head=previous, findings=walk.findings + gone, unsealed=len(unsealed), heads=len(anchors.heads),
        removed=point.sequence if point else 0,
    )  # fmt: skip


def _check_beginning(walk: _Walk, point: AuditCheckpoint, heads: list[Head]) -> None:
    """Was what stands before the checkpoint removed by the rule, and wholly?"""
    if not is_ours(point):
        walk.find("changed", point.sequence, None, f"第 {point.sequence} 号的到期清理检查点不是本系统签出的。")
    left = AuditSeal.objects.filter(sequence__lte=point.sequence).order_by("sequence").first()
    if left:
        text = f"第 {left.sequence} 号封存在已清理的区间内，是后来插入的。"
        walk.find("inserted", left.sequence, left.event_id, text)
    early = point.removed_at - KEPT_AT_LEAST
    for head in heads:
        if head.sequence == point.sequence and head.hash != bytes(point.hash).hex():
            walk.find("rewritten", head.sequence, None, f"检查点与 {head.made:%Y-%m-%d} 的链头不符。")
        if head.sequence <= point.sequence and head.last > early:
            text = f"{head.made:%Y-%m-%d} 的链头证明第 {head.sequence} 号未到保存期限，却已被清理。"
            walk.find("removed", head.sequence, None, text)


def unsealed_since(since: datetime) -> int:
    """Events since then that wait for their seal longer than they should. Of all days `verify` tells."""
    late = AuditEvent.objects.filter(at__gte=since, at__lt=Now() - UNSEALED_AFTER, seal__isnull=True)
    return late.count()


def _never_sealed() -> list[int]:
    """Ids of events without a seal that the sealer should have seen: older than a minute, of a time to come, or behind its
    horizon."""
    last = AuditSeal.objects.order_by("-sequence").values_list("horizon", flat=True).first()
    late = Q(at__lt=Now() - UNSEALED_AFTER) | Q(at__gt=Now() + UNSEALED_AFTER)
    if last is not None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
            if last <= cursor.fetchone()[0]:  # else: restored from a backup, the horizon means nothing yet
                late |= Q(transaction__lt=last)
    return list(
        AuditEvent.objects.filter(late, seal__isnull=True).order_by("transaction", "pk").values_list("pk", flat=True)
    )
