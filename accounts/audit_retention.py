"""Removing audit events whose time is over, so that the chain can still be walked.

One period for all of them, the longest that any needs: three years (reveals, exports and sharing; the logs' 180 days of
网络安全法 §23 are within). So what goes is always a whole beginning of the chain, and one checkpoint binds it: its first
and last link, the hash that the first kept link follows, and a MAC under the seal key. A setting can lengthen the
period. The rows themselves go through a function of the owner's (migration 0003) that refuses anything younger, for the
web role may remove nothing.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts import audit
from accounts.chain import Link, beginning, checkpoint_mac, links
from accounts.models import AuditCheckpoint, AuditSeal
from accounts.seals import AT

logger = logging.getLogger(__name__)

KEPT_AT_LEAST = timedelta(days=1096)  # three years with a leap day; written out in the owner's function as well
BATCH = 20_000  # links a transaction


class BrokenChain(Exception):
    """What is old does not follow in the chain: nothing is removed, for that would hide it."""


def events_remove_old() -> int:
    """Remove every event past its time, in batches; how many. A broken chain is told of and left as it stands."""
    before = timezone.now() - timedelta(days=settings.AUDIT_KEEP_DAYS)
    removed = 0
    try:
        while gone := _remove_batch(before):
            removed += gone
    except BrokenChain as broken:
        logger.error("%s", broken)
        audit.record("accounts.audit.remove_refused", by=None, succeeded=False, detail={"reason": str(broken)})
    return removed


@transaction.atomic
def _remove_batch(before) -> int:
    last = _last_old(before)
    if last is None:
        return 0
    first = beginning()[1]
    now = timezone.now()
    mac = checkpoint_mac(first=first, sequence=last.sequence, hash=last.hash, removed_at=now)
    AuditCheckpoint.objects.create(first=first, sequence=last.sequence, hash=last.hash, removed_at=now, mac=mac)
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_remove_old(%s)", [last.sequence])
        gone = cursor.fetchone()[0]
    audit.record(
        "accounts.audit.remove_old",
        by=None,
        detail={"first": first, "last": last.sequence, "rows": gone, "hash": last.hash.hex()},
    )
    return gone


def _last_old(before) -> Link | None:
    """The last link of the beginning of the chain that is old without a gap; never the newest of all.

    Each link is checked on the way. Raises BrokenChain.
    """
    previous, expected = beginning()
    newest = AuditSeal.objects.order_by("-sequence").values_list("sequence", flat=True).first()
    last = None
    for link in links(expected, BATCH):
        if link.sequence == newest or link.row is None or link.row[AT] >= before:
            break
        if link.sequence != expected or link.follows(previous) != link.hash:
            raise BrokenChain(f"第 {expected} 号封存不符，没有清理到期的审计记录。请运行 manage.py verify_audit。")
        last, previous, expected = link, link.hash, expected + 1
    return last
