"""Closing a month: immutable, hashed, revised only with a reason."""

from datetime import date, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, transaction
from django.utils import timezone

from accounts.models import AuditEvent
from orgs.models import Organization
from reports import selectors
from reports.models import MonthClosing
from reports.services import CloseRefused, closing_digest, month_close
from tests import factories as make
from tests.reports import builders as build
from tests.reports.helpers import LONG_AGO, refresh, today

pytestmark = pytest.mark.django_db
OCTOBER = date(2026, 10, 1)


@pytest.fixture
def city():
    city = make.make_city()
    Organization.objects.change(entered_at=LONG_AGO)
    build.business(city.yuehai)
    refresh(date(2026, 10, 30))
    return city


def close(on: date = date(2026, 11, 2), **more) -> MonthClosing:
    with today(on):
        return month_close(**{"month": OCTOBER, "by": None, **more})


def test_closing_keeps_the_last_numbers_of_the_month(city):
    build.business(city.yuehai)
    refresh(date(2026, 11, 1))
    closing = close(by=make.make_user("leader", city.city))
    assert (closing.as_of, closing.revision) == (date(2026, 10, 30), 1)
    for unit in (city.city, city.yuehai, city.divisions["yuehai"]):
        assert selectors.closing_counts(closing, unit)["operating"] == 1
    assert AuditEvent.objects.get(act="reports.month.close").subjects == [closing.pk]


def test_the_running_month_and_a_month_without_numbers_are_refused(city):
    with pytest.raises(CloseRefused, match="还没有结束"):
        close(on=date(2026, 10, 31))
    with pytest.raises(CloseRefused, match="没有任何统计数据"):
        close(month=date(2026, 9, 1))


def test_a_revision_needs_a_reason_and_leaves_the_first_as_it_was(city):
    first = close()
    with pytest.raises(CloseRefused, match="写明理由"):
        close(reason=" ")
    second = close(reason="补报")
    assert second.revision == 2
    assert MonthClosing.objects.get(revision=1).digest == first.digest != second.digest


def test_the_digest_covers_every_number(city):
    closing = MonthClosing.objects.get(pk=close().pk)
    assert closing_digest(closing) == closing.digest
    closing.numbers["organizations"][city.yuehai.code]["operating"] += 1
    assert closing_digest(closing) != closing.digest


def test_a_closing_cannot_be_changed_or_removed(city):
    closing = close()
    for act in (
        lambda: MonthClosing.objects.filter(pk=closing.pk).update(reason="改"),
        lambda: MonthClosing.objects.filter(pk=closing.pk).delete(),
    ):
        with pytest.raises(ProgrammingError), transaction.atomic():
            act()


def test_constraints_hold_without_the_service(city):
    row = {"as_of": OCTOBER, "digest": "x", "closed_at": timezone.now()}
    MonthClosing.objects.create(month=OCTOBER, **row)
    for bad in (
        {"month": OCTOBER},
        {"month": OCTOBER, "revision": 2},
        {"month": OCTOBER + timedelta(days=1)},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            MonthClosing.objects.create(**row, **bad)


def test_the_command_says_why_it_refuses(city):
    with today(date(2026, 10, 31)), pytest.raises(CommandError, match="还没有结束"):
        call_command("close_month", "2026-10")


def test_a_month_that_is_none_is_told():
    with pytest.raises(CommandError, match="不是月份"):
        call_command("close_month", "2026-13")


def test_two_who_revise_at_once_make_one_revision(city):
    """Each looked at the first; who comes second is told to look at what came meanwhile."""
    close()
    assert close(reason="补报", revises=1).revision == 2
    with pytest.raises(CloseRefused, match="已有第 2 版"):
        close(reason="补报", revises=1)
    assert close(reason="再补报", revises=2).revision == 3


def test_the_last_month_there_is_is_refused_like_any_that_is_not_over(city):
    with pytest.raises(CloseRefused, match="还没有结束"):
        close(month=date.max)
