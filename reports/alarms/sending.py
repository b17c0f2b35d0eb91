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
from reports.alarms import syslog, ways
from reports.alarms.kinds import KINDS
from reports.models import Alarm

LOCK = 7_861  # pg_try_advisory_xact_lock with the alarm's number: one sends it at a time
MOST = 200  # messages a round


def _mail(alarm: Alarm) -> None:
    subject, headers = f"【告警】{KINDS[alarm.kind].label}", {"Auto-Submitted": "auto-generated"}
    EmailMessage(subject, message(alarm), to=settings.ALARM_MAIL_TO, headers=headers).send()


def _syslog(alarm: Alarm) -> None:
    is_grave = KINDS[alarm.kind].is_grave
    syslog.send(settings.ALARM_SYSLOG, message(alarm), name=alarm.kind, at=alarm.last_at, is_grave=is_grave)


SEND = {"mail": _mail, "syslog": _syslog}  # each raises OSError or SMTPException


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
    for name in ways.used():
        for pk in (
            Alarm.objects.filter(owed__contains=[name], kind__in=KINDS)
            .order_by("pk")
            .values_list("pk", flat=True)[:MOST]
        ):
            if not _send(pk, name):
                break


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
    except (OSError, smtplib.SMTPException) as error:
        Alarm.objects.filter(pk=pk).update(trouble=f"{ways.labels([name])}：{type(error).__name__}"[:100])
        return False
    left = Func(F("owed"), Value(name), function="array_remove")
    is_last = alarm.owed == [name]  # else the trouble may be another way's
    Alarm.objects.filter(pk=pk).update(owed=left, trouble="" if is_last else alarm.trouble)
    return True
