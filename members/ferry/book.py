"""The book of this side: which file comes next, in either direction."""

import contextlib
from collections.abc import Iterator

from django.conf import settings
from django.db import connection, transaction

from accounts import audit
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


def note(act: str, *, succeeded: bool = True, **detail) -> None:
    """The public side keeps no audit: its book, and what the staff side writes of both directions, tell."""
    if not settings.IS_PUBLIC_FACE:
        audit.record(act, by=None, detail=detail, succeeded=succeeded)
