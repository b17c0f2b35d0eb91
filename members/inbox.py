"""One way in for what people without an account send, whichever face they sent it to.

    inbox.on("check_in", handler)                    # in AppConfig.ready(); handler(content, sent_at)
    inbox.send("check_in", content, key=str(nonce))  # in the view, once the form itself is right

Where one process is both faces the handler takes it at once, and what it refuses reaches the page. On the public face it
is sealed into the inbox; the staff side takes it within a second or two (members/tasks.py), or from a file. The same key
sent twice is one submission.
"""

import json
import logging
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, ProgrammingError, connection, transaction
from django.db.models import Max
from django.utils import timezone

from accounts import audit
from accounts.crypto import CannotDecrypt
from accounts.sealed_box import fill, open_box, told_fingerprint
from members.errors import Refused
from members.identity import IdentityError
from members.models import FerryFile, Submission

logger = logging.getLogger(__name__)

Content = dict  # JSON values
Handler = Callable[[Content, datetime], None]
Outcome = Submission.Outcome
REFUSALS = (Refused, IdentityError)
AWAY = (OperationalError, InterfaceError, ProgrammingError)  # no database, or not yet of this version: it waits
KEPT = timedelta(days=60)  # so long a submission is known when it comes again
LATE = timedelta(minutes=5)  # they are taken within a second or two
LOCK = 7_851  # pg_try_advisory_xact_lock: one taker at a time, so that a withdrawal never overtakes its form
SPACE = uuid.UUID("6f2c1c1e-5a0e-4f8e-9d52-6f7f0d6d2a10")  # of the numbers made of a kind and its key
_handlers: dict[str, Handler] = {}
_told: list[Callable[[Content, str], None]] = []


def on(kind: str, handler: Handler) -> None:
    """Say who takes submissions of this kind. What it raises of REFUSALS is for the person who sent it."""
    _handlers[kind] = handler


def on_taken(listener: Callable[[Content, str], None]) -> None:
    """Called for what was taken from the inbox, in the same transaction: its content, and the refusal or nothing."""
    _told.append(listener)


def send(kind: str, content: Content, *, key: str) -> None:
    """Raises what the handler raises, where there is one face."""
    if settings.IS_PUBLIC_FACE:
        _put(kind, content, key)
    else:
        _handlers[kind](json.loads(json.dumps(content)), timezone.now())


def bound_to(kind: str, pk: uuid.UUID) -> str:
    return f"{kind}:{pk}"


def _put(kind: str, content: Content, key: str) -> None:
    pk = uuid.uuid5(SPACE, f"{kind}:{key}")
    text = json.dumps(content, ensure_ascii=False).encode()
    box = fill(text, recipient=settings.INBOX_PUBLIC_KEY, what=bound_to(kind, pk))
    with connection.cursor() as cursor:  # by hand: this role may name no other column, and read none
        cursor.execute(
            f"INSERT INTO {Submission._meta.db_table} (id, kind, box, received_at) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [pk, kind, box, timezone.now()],
        )


# --- the staff side ---------------------------------------------------------------------------------------------------


def take_all(*, again: bool = False) -> int:
    """Take what waits, oldest first, each in its own transaction. `again`: also what did not open before.

    Returns how many were taken. Stops where somebody else is taking.
    """
    if again:
        broken = Submission.objects.filter(outcome=Outcome.BROKEN, box__isnull=False)
        audit.record("members.inbox.again", by=None, detail={"rows": broken.update(taken_at=None, outcome="")})
    taken = 0
    waiting = Submission.objects.filter(taken_at__isnull=True).order_by("received_at", "pk")
    for pk in list(waiting.values_list("pk", flat=True)):
        done = take(pk)
        if done is None:
            break
        taken += done
    return taken


@transaction.atomic
def take(pk: uuid.UUID) -> bool | None:
    """One of them. None: somebody else is taking. False: it was taken before.

    Whoever took the public face over puts in what it likes, so whatever cannot be read or written is laid aside with its
    box: it must not stand before all that came after it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return None
    try:
        with transaction.atomic():
            row = Submission.objects.select_for_update().filter(pk=pk, taken_at__isnull=True).first()
            if row is None:
                return False
            outcome = _handled(row)
    except AWAY:
        raise
    except CannotDecrypt as error:
        logger.error("submission %s: %s", pk, error)
        outcome = Outcome.BROKEN
    except Exception:
        logger.exception("submission %s", pk)
        outcome = Outcome.BROKEN
    _close(pk, outcome)
    return True


def _handled(row: Submission) -> Outcome:
    assert row.box is not None  # it waits
    content = json.loads(open_box(row.box, privates=settings.INBOX_PRIVATE_KEYS, what=bound_to(row.kind, row.pk)))
    refusal = ""
    try:
        try:
            _handle(row, content)
        except IntegrityError:  # two writers met: what the other wrote is there now
            _handle(row, content)
    except REFUSALS as error:
        refusal = str(error)
    for listener in _told:
        listener(content, refusal)
    return Outcome.REFUSED if refusal else Outcome.TAKEN


@transaction.atomic
def _handle(row: Submission, content: Content) -> None:
    _handlers[row.kind](content, min(row.received_at, timezone.now()))


def _close(pk: uuid.UUID, outcome: Outcome) -> None:
    row = Submission.objects.filter(pk=pk)
    emptied = {} if outcome == Outcome.BROKEN else {"box": None}
    row.update(taken_at=timezone.now(), outcome=outcome, **emptied)
    if outcome != Outcome.TAKEN:
        act = "members.inbox.refuse" if outcome == Outcome.REFUSED else "members.inbox.broken"
        detail = {"kind": row.values_list("kind", flat=True).get(), "id": str(pk)}
        audit.record(act, by=None, detail=detail, succeeded=False)


def late() -> int:
    """How many have waited for LATE, and since the file that brought them. Nobody takes: no worker runs, or somebody who has
    the public face's password holds the lock."""
    before = timezone.now() - LATE
    waiting = Submission.objects.filter(taken_at__isnull=True, received_at__lt=before)
    fresh = FerryFile.objects.filter(direction=FerryFile.Direction.TO_STAFF, noted_at__gte=before)
    return waiting.exclude(ferried_in__in=fresh.values("number")).count()


def sealed_to() -> Counter[str]:
    """How many boxes there are still to open, by the fingerprint of the key that each is sealed to."""
    boxes = Submission.objects.filter(box__isnull=False).values_list("box", flat=True)
    return Counter(told_fingerprint(box or b"").hex() for box in boxes.iterator())


def forget() -> int:
    """Remove what was taken long ago. Returns how many. What came in the newest file may come in the next one too."""
    old = Submission.objects.filter(taken_at__lt=timezone.now() - KEPT)
    newest = FerryFile.objects.filter(direction=FerryFile.Direction.TO_STAFF).aggregate(Max("number"))["number__max"]
    return (old.exclude(ferried_in=newest) if newest else old).delete()[0]
