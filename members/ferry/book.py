"""The book of this side: which file comes next, in either direction."""

import contextlib
from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts import audit
from accounts.retention import installed_at
from members.models import FerryFile

LOCK = 7_852  # pg_advisory_xact_lock: files are made and taken one at a time
Direction = FerryFile.Direction


def outgoing() -> str:
    return Direction.TO_STAFF if settings.IS_PUBLIC_FACE else Direction.TO_PUBLIC


def incoming() -> str:
    return Direction.TO_PUBLIC if settings.IS_PUBLIC_FACE else Direction.TO_STAFF


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """One transaction, with nobody else making or taking a file."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        yield


def last(direction: str) -> int:
    newest = FerryFile.objects.filter(direction=direction).order_by("-number").first()
    return newest.number if newest else 0


def heard() -> int:
    """Up to which number of ours the other side has told to have it."""
    newest = FerryFile.objects.filter(direction=incoming(), made_at__isnull=False).order_by("-number").first()
    return newest.heard if newest else 0


def late() -> list[str]:
    """What stands still, in sentences; nothing where no files are carried."""
    if not settings.IS_FERRIED:
        return []
    hours = settings.FERRY_LATE_HOURS
    before = timezone.now() - timedelta(hours=hours)
    newest = FerryFile.objects.filter(direction=Direction.TO_STAFF).order_by("-number").first()
    unheard = FerryFile.objects.filter(direction=Direction.TO_PUBLIC, number__gt=heard()).order_by("number").first()
    told = []
    if (newest.noted_at if newest else installed_at()) < before:
        since = f"最近一份是 {timezone.localtime(newest.noted_at):%m-%d %H:%M} 取的" if newest else "一份也没有取过"
        told.append(
            f"已经超过 {hours} 小时没有取到公众侧的文件（{since}）：群众的报到和撤回还没有送来，请核对摆渡任务。"
        )
    if unheard is not None and unheard.noted_at < before:
        told.append(
            f"送往公众侧的第 {unheard.number} 号起，公众侧超过 {hours} 小时没有告知收到：群众看到的进展是旧的，请核对摆渡任务。"
        )
    return told


def note(act: str, *, succeeded: bool = True, **detail) -> None:
    """The public side keeps no audit: its book, and what the staff side writes of both directions, tell."""
    if not settings.IS_PUBLIC_FACE:
        audit.record(act, by=None, detail=detail, succeeded=succeeded)
