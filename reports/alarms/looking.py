"""One round: what the audit says since the last one, and what stands still, become alarms.

Never in anybody's request: an act neither waits for its alarm nor fails with it. Two rounds at once are one after the other,
and the second finds nothing new.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts import audit
from accounts.disks import is_disk_full
from accounts.models import AuditSeal, User
from reports import health
from reports.alarms import ways
from reports.alarms.kinds import KINDS, Found, Span
from reports.models import Alarm, AlarmRound

STANDS_STILL = "stands_still"
FULL = f"{health.DATABASE}：磁盘满了，新的告警也记不下。请给数据库所在的磁盘腾出空间：满了以后什么都保存不了。"


def look() -> None:
    """A round that finds no room for its alarms keeps that alone, where there is room for it."""
    try:
        _round()
    except DatabaseError as error:
        if not is_disk_full(error):
            raise
        _note_full()


@transaction.atomic
def _round() -> None:
    """The first round ever begins at the newest seal: what was before the product had alarms is none."""
    newest = AuditSeal.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0
    AlarmRound.objects.get_or_create(pk=1, defaults={"sequence": newest, "looked_at": timezone.now()})
    last = AlarmRound.objects.select_for_update().get(pk=1)
    newest = AuditSeal.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0
    span = Span(last.sequence, newest)
    if last.full_at:
        _keep_full(last)
    for name, kind in KINDS.items():
        for found in kind.look(span):
            _raise(name, found)
    last.sequence, last.looked_at = newest, timezone.now()
    last.save()


def _note_full() -> None:
    now = timezone.now()
    owed = [] if _is_known(STANDS_STILL, health.DATABASE) else ways.used()
    AlarmRound.objects.filter(full_at=None).update(full_at=now, full_owed=owed)
    AlarmRound.objects.update(looked_at=now)


def unkept(last: AlarmRound) -> Alarm:
    """The alarm of the database without room, not saved."""
    assert last.full_at is not None
    return Alarm(
        kind=STANDS_STILL, about=health.DATABASE, text=FULL, first_at=last.full_at, last_at=last.looked_at,
        owed=last.full_owed,
    )  # fmt: skip


def _keep_full(last: AlarmRound) -> None:
    """Now there is room. Another one that is open tells the same."""
    if not _is_known(STANDS_STILL, health.DATABASE):
        unkept(last).save()
    last.full_at, last.full_owed = None, []


def _a_period_ago() -> datetime:
    return timezone.now() - timedelta(hours=settings.ALARM_REPEAT_HOURS)


def _is_known(kind: str, about: str) -> bool:
    """Whether this state is an open alarm, or was seen to a short while ago."""
    known = Q(handled_at=None) | Q(handled_at__gt=_a_period_ago())
    return Alarm.objects.filter(known, kind=kind, about=about).exists()


def _raise(name: str, found: Found) -> None:
    """Another row only where none is open; another message only when the last one was a period ago."""
    lasts, since = KINDS[name].lasts, _a_period_ago()
    same = Alarm.objects.filter(kind=name, about=found.about)
    if lasts and same.filter(handled_at__gt=since).exists():
        return
    is_open = same.filter(handled_at=None)
    if is_open.update(count=F("count") + (0 if lasts else found.count), last_at=found.last, text=found.text[:400]):
        is_open.filter(told_at__lt=since).update(told_at=timezone.now(), owed=ways.used())
        return
    Alarm.objects.create(
        kind=name, about=found.about, text=found.text[:400], count=found.count, first_at=found.first, last_at=found.last,
        owed=ways.used(),
    )  # fmt: skip


@transaction.atomic
def alarm_handle(*, alarm: Alarm, note: str, by: User) -> bool:
    """Somebody saw to it. False when another one was faster. What comes after is a new alarm."""
    handled = Alarm.objects.filter(pk=alarm.pk, handled_at=None).update(
        handled_at=timezone.now(), handled_by=by, note=note
    )
    if handled:
        audit.record("reports.alarm.handle", by=by, subjects=[alarm], detail={"kind": alarm.kind, "count": alarm.count})
    return bool(handled)


def alarms_remove_old() -> int:
    """As long as the audit that they are made of, after they were seen to; what nobody saw to stays. Returns how many."""
    before = timezone.now() - timedelta(days=settings.AUDIT_KEEP_DAYS)
    return Alarm.objects.filter(handled_at__lt=before).delete()[0]
