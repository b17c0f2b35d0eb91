"""Bringing the blind index to another key: what finds persons by identity number and phone, and members by their code.

Nothing is kept about how far it came: an index under the key before is one that the text, decrypted, makes with that key,
so whoever starts again goes on where it stopped. While it runs everybody is found: `index_of` gives the index under
which somebody stands, and only whoever stands nowhere comes under the present key. A row is changed only where it still
holds the index that was read, under the same lock by which two forms of one person wait for each other; and nobody moves
while a transaction that has asked `index_of` may still write somebody down under its answer.

The same way leads to another hash, BLIND_INDEX_OLD_HASH being the one before: the key before may be the present one.

Some things are kept as digests alone: what made them is nowhere, so no key but theirs can find them. They stay under
DIGEST_KEY and DIGEST_HASH, which are those of the very first index and have to be kept until they end:
  - recovery codes: until their owner makes new ones (services/factors.py);
  - agreement_index of receipts and the tokens made of an agreement: as long as the receipt is kept, so that the same
    consent told again is not a second one (members/services/agreed.py);
  - digests of intake events, by which the same event sent again is known: as long as the event is kept;
  - digests of request bodies: IdempotencyKey lives for some days; codes sent to a phone at a counter: some minutes.
Receipts and drafts are found under RECEIPT_KEY, which is another key and is not touched.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, models, transaction
from psycopg2.errors import LockNotAvailable

from accounts import wall
from accounts.crypto import CannotDecrypt, blind_index, index_before

BATCH = 500
LOCK = 7_832  # pg_try_advisory_lock: one at a time
ASKED = (
    7_833  # pg_advisory_xact_lock: shared by who asked under which index somebody stands; whole for who moves somebody
)
# Who moves gives way and tries again: what holds the row may itself wait for the move. Sooner than PostgreSQL looks for such
# rings (deadlock_timeout, 1 s), so that it never ends the work of somebody else.
STEP_BACK, PAUSE, PATIENCE = "400ms", 0.4, 60  # PAUSE and PATIENCE in seconds
Heard = Callable[[str, int, int], None]


class AlreadyRunning(Exception):
    """Another process moves the index."""


class Busy(Exception):
    """Somebody writes persons for longer than PATIENCE: a large file. What was moved stays moved."""


@dataclass(frozen=True)
class Indexed:
    """A column that is the index of another one, which is encrypted; `normalised` as whoever looks for it does it."""

    model: type[models.Model]
    text: str
    index: str
    kind: str
    normalised: Callable[[str], str]

    @property
    def label(self) -> str:
        return f"{self.model._meta.verbose_name}·{self.model._meta.get_field(self.text).verbose_name}"

    def rows(self) -> models.QuerySet:
        return self.model._base_manager.filter(**{f"{self.index}__isnull": False, f"{self.text}__isnull": False})

    def has(self, index: bytes) -> bool:
        return self.model._base_manager.filter(**{self.index: index}).exists()


_indexed: list[Indexed] = []
_locks: list[Callable[[bytes], None]] = []


def register_index(indexed: Indexed) -> None:
    """Told by the room that keeps persons, in AppConfig.ready()."""
    _indexed.append(indexed)


def register_lock(lock: Callable[[bytes], None]) -> None:
    """`lock(index)`: wait, until the end of the transaction, for whoever writes somebody of this index."""
    _locks.append(lock)


def index_of(text: str, *, kind: str) -> bytes:
    """Under which index somebody stands, or would be put down. `text` is normalised."""
    present = blind_index(text, kind=kind)
    if not settings.BLIND_INDEX_OLD_KEY:
        return present
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [ASKED])
    before = index_before(text, kind=kind)
    with wall.everywhere():
        return before if any(one.has(before) for one in _indexed if one.kind == kind) else present


def move_all(heard: Heard, batch: int = BATCH) -> tuple[int, int]:
    """Every index under the present key; `heard(label, looked at, all)` after each batch. (moved, left behind): what was
    left does not open, or somebody else stands under its new index already.

    Raises AlreadyRunning, Busy.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            raise AlreadyRunning
    try:
        moved = left = 0
        with wall.everywhere():
            for indexed in _indexed:
                for some, waiting in _column(indexed, heard, batch):
                    moved, left = moved + some, left + waiting
        return moved, left
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _column(indexed: Indexed, heard: Heard, batch: int) -> Iterator[tuple[int, int]]:
    total, looked, last = indexed.rows().count(), 0, 0
    while rows := list(indexed.rows().filter(pk__gt=last).order_by("pk").values_list("pk", indexed.index)[:batch]):
        last, looked = rows[-1][0], looked + len(rows)
        yield _moved(indexed, rows)
        heard(indexed.label, looked, max(total, looked))


def _moved(indexed: Indexed, rows: list[tuple[int, Any]]) -> tuple[int, int]:
    moved = left = 0
    for pk, stored in rows:
        try:
            moved += _move_patiently(indexed, pk, bytes(stored))
        except (CannotDecrypt, IntegrityError):
            left += 1
    return moved, left


def _move_patiently(indexed: Indexed, pk: int, stored: bytes) -> int:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with transaction.atomic():
                return _move(indexed, pk, stored)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            if time.monotonic() > until:
                raise Busy from error
        time.sleep(PAUSE)


def _move(indexed: Indexed, pk: int, stored: bytes) -> int:
    text = indexed.normalised(indexed.rows().values_list(indexed.text, flat=True).get(pk=pk))
    fresh = blind_index(text, kind=indexed.kind)
    if stored == fresh:
        return 0
    if stored != index_before(text, kind=indexed.kind):
        raise CannotDecrypt(indexed.label)  # of neither key: nobody could have found it
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{STEP_BACK}'")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ASKED])
    for lock in _locks:
        lock(stored)
    moved = 0
    for other in _indexed:  # a person moves as a whole: nobody is known in one table and unknown in the next
        if other.kind == indexed.kind:
            moved += other.model._base_manager.filter(**{other.index: stored}).update(**{other.index: fresh})
    return moved
