"""By which ways alarms leave the product, and what did not leave yet."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from reports.models import Alarm

# What it is called, and the setting without which it is not used.
WAYS = {"mail": ("邮件", "ALARM_MAIL_TO"), "syslog": ("syslog", "ALARM_SYSLOG")}
LATE_AFTER = timedelta(minutes=5)


def used() -> list[str]:
    return [name for name, (_, setting) in WAYS.items() if getattr(settings, setting)]


def labels(names: list[str]) -> str:
    return "、".join(WAYS[name][0] for name in names if name in WAYS)


def late() -> list[Alarm]:
    """What should have left minutes ago, by a way that is used."""
    return list(Alarm.objects.filter(owed__overlap=used(), told_at__lt=timezone.now() - LATE_AFTER).order_by("pk"))
