"""Alarms for the world of the personas: each administrator's, and one of a kind that is nobody's."""

from django.utils import timezone

from reports.models import Alarm

KIND_OF = {"system_admin": "stands_still", "security_admin": "account_locked", "audit_admin": "large_export"}


def alarm(kind: str, **more) -> Alarm:
    return Alarm.objects.create(kind=kind, **{"first_at": timezone.now(), "last_at": timezone.now()} | more)


def alarms() -> tuple[dict[str, Alarm], Alarm]:
    return {name: alarm(kind) for name, kind in KIND_OF.items()}, alarm("no_more")
