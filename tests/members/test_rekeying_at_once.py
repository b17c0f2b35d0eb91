"""Somebody writes a person down in the very moment in which the index of that person moves to another key."""

import threading
import time
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError, transaction
from psycopg2.errors import DeadlockDetected

from accounts import rekeying, wall
from accounts.management.commands import rekey_index
from accounts.models import IndexKey
from members import identity
from members.models import Registration
from members.services import submit
from tests import factories
from tests.at_once import at_once, somebody_waits
from tests.jobs.test_runner import wait_for
from tests.members import make

pytestmark = pytest.mark.django_db(transaction=True)
OLD, NEW = settings.BLIND_INDEX_KEY, b"n" * 32


@pytest.fixture
def person(settings):
    """Reported already, under the key before; from here on every process has both keys."""
    poster, mobile = make.station_poster(factories.make_city().yuehai), make.phone()
    make.submit(poster, phone=mobile)
    settings.BLIND_INDEX_KEY, settings.BLIND_INDEX_OLD_KEY, settings.DIGEST_KEY = NEW, OLD, OLD
    return poster, mobile


def report_while_moving(person, monkeypatch) -> list:
    """The same person reports once more; it is asked who is known just before the move, and written after it has begun."""
    poster, mobile = person
    asked, truly = threading.Event(), submit.lock_keys
    one = threading.local()

    def slowly(*keys):
        if getattr(one, "reports", False):
            asked.set()
            wait_for(lambda: somebody_waits() or moved.is_set())
        truly(*keys)

    moved = threading.Event()

    def report():
        one.reports = True
        return make.submit(poster, phone=mobile)

    def move():
        asked.wait(10)
        try:
            return rekeying.move_all(lambda *_: None)
        finally:
            moved.set()

    monkeypatch.setattr(submit, "lock_keys", slowly)
    said = at_once(report, move)
    assert [each for each in said if isinstance(each, Exception)] == []
    return list(Registration.objects.showing_a_person())


def test_who_reports_in_that_moment_is_known(person, monkeypatch, settings):
    (row,) = report_while_moving(person, monkeypatch)
    settings.BLIND_INDEX_OLD_KEY = b""
    assert bytes(row.phone_index) == identity.phone_index(person[1])


def test_control_without_the_lock_they_come_in_twice(person, monkeypatch):
    monkeypatch.setattr(rekeying, "ASKED", None)  # of NULL: no lock
    rows = report_while_moving(person, monkeypatch)
    assert len(rows) == 2 and len({bytes(row.phone_index) for row in rows}) == 2


def hold_a_row_and_ask() -> list:
    """An officer's work holds the person's row, then wants the lock that the move has, which waits for the row."""
    row, held = Registration.objects.get(), threading.Event()

    def work():
        with wall.everywhere(), transaction.atomic():
            current = Registration.objects.select_for_update().get(pk=row.pk)
            held.set()
            wait_for(somebody_waits)
            submit.lock_keys(current.phone_index)

    def move():
        held.wait(10)
        return rekeying.move_all(lambda *_: None)

    return at_once(work, move)


def test_the_move_gives_way_to_who_holds_the_row(person):
    assert hold_a_row_and_ask() == [None, (1, 0)]


def test_control_without_giving_way_one_of_them_would_be_ended(person, monkeypatch):
    monkeypatch.setattr(rekeying, "STEP_BACK", "10s")
    ended = [each for each in hold_a_row_and_ask() if isinstance(each, OperationalError)]
    assert len(ended) == 1 and isinstance(ended[0].__cause__, DeadlockDetected)


def test_a_long_writing_is_told_and_what_was_moved_stays(person, monkeypatch):
    monkeypatch.setattr(rekeying, "PATIENCE", 1)
    asked, refused = threading.Event(), threading.Event()

    def write_a_large_file():
        with transaction.atomic():
            identity.phone_index(make.phone())
            asked.set()
            refused.wait(20)

    def move():
        asked.wait(10)
        try:
            call_command("rekey_index", stdout=StringIO())
        finally:
            refused.set()

    began = time.monotonic()
    _, error = at_once(write_a_large_file, move)
    assert isinstance(error, CommandError) and "再运行一次" in str(error) and time.monotonic() - began < 15
    assert not IndexKey.objects.filter(fingerprint=rekey_index.fingerprint()).exists()
    assert rekeying.move_all(lambda *_: None) == (1, 0)
