"""Alarms on their way out: by e-mail to the settings' addresses, by syslog to the bureau's 日志审计 or SOC.

A message says kind, count, times and where to look; nothing of a person. What did not leave is tried again with every
round, that is each minute, and stands on the page 运行状况. Each at least once: a worker that dies while it sends, sends again.
"""

import smtplib
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.db.models import F, Func, Value
from django.utils import timezone

from accounts.models import User
from reports.alarms import looking, syslog, ways
from reports.alarms.kinds import KINDS
from reports.models import Alarm, AlarmRound

LOCK = 7_861  # pg_try_advisory_xact_lock with the alarm's number: one sends it at a time
MOST = 200  # messages a round


def _mail(alarm: Alarm) -> None:
    subject, headers = f"【告警】{KINDS[alarm.kind].label}", {"Auto-Submitted": "auto-generated"}
    EmailMessage(subject, message(alarm), to=settings.ALARM_MAIL_TO, headers=headers).send()


def _syslog(alarm: Alarm) -> None:
    is_grave = KINDS[alarm.kind].is_grave
    syslog.send(settings.ALARM_SYSLOG, message(alarm), name=alarm.kind, at=alarm.last_at, is_grave=is_grave)


SEND = {"mail": _mail, "syslog": _syslog}
UNSENT = (OSError, smtplib.SMTPException)  # what each raises


def message(alarm: Alarm) -> str:
    kind = KINDS[alarm.kind]
    whose = User.Duty(kind.duty).label
    when = _when(alarm.first_at) if alarm.count == 1 else f"{_when(alarm.first_at)} 至 {_when(alarm.last_at)}"
    return (
        f"小个专党建工作平台：{kind.label}，{alarm.count} 次，{when}。{alarm.text or kind.todo}"
        f"请{whose}登录系统，在“告警”里查看和处理。"
    )


def _when(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"


def send() -> None:
    """Whatever is owed, oldest first. A way that fails is left for the next round: the rest would only wait for it too."""
    _send_unkept()
    for name in ways.used():
        for pk in (
            Alarm.objects.filter(owed__contains=[name], kind__in=KINDS)
            .order_by("pk")
            .values_list("pk", flat=True)[:MOST]
        ):
            if not _send(pk, name):
                break


def _send_unkept() -> None:
    """The alarm for which the database has no room. Who is told of it may find no room to sign in with either."""
    last = AlarmRound.objects.filter(full_at__isnull=False).first()
    if last is None:
        return
    for name in set(last.full_owed) & set(ways.used()):
        try:
            SEND[name](looking.unkept(last))
        except UNSENT:
            continue
        AlarmRound.objects.update(full_owed=_without("full_owed", name))


def _without(column: str, name: str) -> Func:
    return Func(F(column), Value(name), function="array_remove")


@transaction.atomic
def _send(pk: int, name: str) -> bool:
    """False when it did not leave. No row is locked while the server is talked to: whoever handles it does not wait."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK, pk])
        if not cursor.fetchone()[0]:
            return True
    alarm = Alarm.objects.get(pk=pk)
    if name not in alarm.owed:
        return True
    try:
        SEND[name](alarm)
    except UNSENT as error:
        Alarm.objects.filter(pk=pk).update(trouble=f"{ways.labels([name])}：{type(error).__name__}"[:100])
        return False
    is_last = alarm.owed == [name]  # else the trouble may be another way's
    Alarm.objects.filter(pk=pk).update(owed=_without("owed", name), trouble="" if is_last else alarm.trouble)
    return True
