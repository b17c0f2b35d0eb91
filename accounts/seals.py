"""The sealer: chains committed audit events, so that a changed, removed, reordered or inserted one is evident.

Events are chained by one process at a time, in order of (transaction, id), in batches. Ids are handed out before their
transactions commit, so "everything up to id N" would miss late ones. The horizon does not: before looking, the sealer
asks for the oldest transaction still running (xmin). Whatever is older has ended, so its events are seen and sealed in
this round; the next round looks at transactions from that horizon on and at nothing older.
"""

import hmac
import json
import logging
from datetime import UTC

from django.conf import settings
from django.db import connection, transaction

from accounts import audit
from accounts.models import AuditEvent, AuditSeal

logger = logging.getLogger(__name__)

SEAL_LOCK = 7_831  # pg_try_advisory_xact_lock: one sealer at a time
BATCH = 4_000  # events a round
GENESIS = bytes(32)  # what comes before the first link
# Every column: what is not named here could be changed unseen. `at` stands at COLUMNS.index("at").
COLUMNS = (
    "id", "at", "transaction", "actor_id", "act", "subject_type", "subjects", "units", "purpose", "detail",
    "succeeded", "address",
)  # fmt: skip
AT = COLUMNS.index("at")


def canonical(row: tuple) -> bytes:
    """The one way to write an event (its COLUMNS, in order) as bytes: JSON, sorted keys, time in UTC."""
    facts = list(row)
    facts[AT] = facts[AT].astimezone(UTC).isoformat(timespec="microseconds")
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def link_hash(previous: bytes, row: tuple) -> bytes:
    """The chained hash of one event: HMAC-SHA256 under the seal key, which the database does not know."""
    return hmac.digest(settings.AUDIT_SEAL_KEY, previous + canonical(row), "sha256")


def event_row(event: AuditEvent) -> tuple:
    return tuple(getattr(event, name) for name in COLUMNS)


def _try_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SEAL_LOCK])
        return cursor.fetchone()[0]


def _horizon() -> tuple[int, int]:
    """The oldest transaction still running, and the first that has not begun."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_snapshot_xmin(shot)::text::bigint, pg_snapshot_xmax(shot)::text::bigint"
            " FROM (SELECT pg_current_snapshot() AS shot) AS now"
        )
        return cursor.fetchone()


def _look_from(last: AuditSeal | None, first_unborn: int) -> int:
    """The transaction from which on events may be unsealed."""
    if last is None:
        return 0
    if last.horizon <= first_unborn:
        return last.horizon
    # A backup was restored into a new server, whose transactions count from the start again: look at everything once.
    # The event makes sure that there is something to seal, so that the next round starts at the new horizon.
    logger.warning("The audit's horizon lies in the future: restored from a backup? Looking at every event once.")
    audit.record("accounts.audit.restored", by=None, detail={"horizon": last.horizon, "next": first_unborn})
    return 0


@transaction.atomic
def _seal_batch() -> list[AuditEvent]:
    if not _try_lock():
        return []
    horizon, first_unborn = _horizon()  # before the scan: what commits in between is left to the next round
    last = AuditSeal.objects.order_by("-sequence").first()
    unsealed = AuditEvent.objects.filter(transaction__gte=_look_from(last, first_unborn), seal__isnull=True)
    events = list(unsealed.order_by("transaction", "pk")[:BATCH])
    if len(events) == BATCH:  # more may be left, from this transaction on
        horizon = min(horizon, events[-1].transaction)
    if events:
        _append(events, last, horizon)
    return events


def _append(events: list[AuditEvent], last: AuditSeal | None, horizon: int) -> None:
    """The links after `last`, in one statement of three arrays: bulk_create takes several times as long."""
    links, previous = (last.sequence, bytes(last.hash)) if last else (0, GENESIS)
    hashes = []
    for event in events:
        previous = link_hash(previous, event_row(event))
        hashes.append(previous.hex())
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {AuditSeal._meta.db_table} (sequence, event_id, hash, horizon)"
            " SELECT %s + place, event, decode(hash, 'hex'), %s"
            " FROM unnest(%s::bigint[], %s::text[]) WITH ORDINALITY AS link (event, hash, place)",
            [links, horizon, [event.pk for event in events], hashes],
        )


def seal() -> int:
    """Seal what is committed and tell the listeners of each batch, after its commit. The number of events sealed.

    Nothing happens while another sealer works.
    """
    sealed = 0
    while events := _seal_batch():
        sealed += len(events)
        tell(events)
        if len(events) < BATCH:
            break
    return sealed


def tell(events: list[AuditEvent]) -> None:
    """A listener that fails is logged; the seals stand and the other listeners hear of them."""
    for listener in audit.listeners():
        try:
            listener(events)
        except Exception:
            logger.exception("Listener %s failed on %s sealed events", listener, len(events))
