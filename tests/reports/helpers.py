"""Moving the clock, and reading numbers the way the command prints them."""

import json
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from io import StringIO
from unittest import mock

from django.core.management import call_command
from django.utils import timezone

from reports.services import coverage_refresh

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@contextmanager
def today(on: date):
    """The clock of the product stands at noon of this day. Nothing of ours is replaced."""
    now = timezone.make_aware(datetime.combine(on, time(12)))
    with mock.patch("django.utils.timezone.now", lambda: now):
        yield now


def refresh(on: date | None = None, **more):
    if on is None:
        return coverage_refresh(**more)
    with today(on):
        return coverage_refresh(**more)


def command(name: str, *args: str) -> dict:
    out = StringIO()
    call_command(name, *args, "--json", stdout=out)
    return json.loads(out.getvalue())


def coverage(unit, *args: str) -> dict:
    flag = "--organization" if unit._meta.model_name == "organization" else "--division"
    return command("coverage", flag, unit.code, *args)
