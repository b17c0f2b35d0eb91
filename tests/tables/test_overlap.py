"""Two registrars import files that overlap, each in a process of their own, at once: no deadlock, no lost row."""

import json
import os
import subprocess
import sys

import pytest
from django.db import connection

from markets.models import Business
from tables.models import Batch, BatchRange
from tests import factories
from tests.markets import files
from tests.markets.files import make_row

pytestmark = pytest.mark.django_db(transaction=True)
SHARED, OWN = 300, 40


class Registrar:
    def __init__(self, number: int, paths, *how: str) -> None:
        server = os.environ["DATABASE_URL"].rsplit("/", 1)[0]
        environment = os.environ | {
            "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
            "DATABASE_ROLE": "web",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONIOENCODING": "utf-8",
        }
        environment.pop("DATABASE_OWNER_URL", None)
        user, path = paths[number]
        command = [sys.executable, "-m", "tests.tables.overlap_child", user, str(path), *how]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, env=environment, text=True, encoding="utf-8", **pipes)

    def says(self, word: str) -> None:
        assert self.process.stdout.readline() == f"{word}\n"

    def go(self) -> None:
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def answer(self) -> dict:
        told, _ = self.process.communicate(timeout=90)
        return json.loads(told)


@pytest.fixture
def paths(city, tmp_path):
    """The same businesses in opposite orders, with other words in the second, and some of each one's own."""
    shared = [make_row() for _ in range(SHARED)]
    rows = [
        shared + [make_row() for _ in range(OWN)],
        [make_row() for _ in range(OWN)] + [row | {"从业人数": "9"} for row in reversed(shared)],
    ]
    return [
        (factories.make_user("registrar", city.nanshan).username, files.write(tmp_path / f"{at}.csv", each))
        for at, each in enumerate(rows)
    ]


@pytest.fixture
def registrars(paths):
    started: list[Registrar] = []

    def starting(*how: str) -> list[Registrar]:
        started.extend(Registrar(number, paths, *how) for number in range(2))
        for each in started:
            each.says("ready")
        return started

    yield starting
    for each in started:
        each.process.kill()
        each.process.wait()


def each_row_once() -> None:
    assert Business.objects.count() == SHARED + 2 * OWN and Business.objects.filter(employees=9).count() == SHARED
    made = [pk for first, last in BatchRange.objects.values_list("first", "last") for pk in range(first, last + 1)]
    assert sorted(made) == sorted(Business.objects.values_list("pk", flat=True))


def test_at_once_both_are_written(registrars):
    both = registrars()
    for each in both:
        each.go()
    answers = [each.answer() for each in both]
    assert not [each for each in answers if "error" in each], answers
    assert sorted(each["new"] for each in answers) == [OWN, SHARED + OWN]
    each_row_once()


def test_control_without_the_lock_rows_are_lost(registrars):
    """Both plans are made before either is written: the second rests on what is no longer so."""
    first, second = registrars("unlocked")
    for each in (first, second):
        each.go()
        each.says("planned")
    first.go()
    assert first.answer()["new"] == SHARED + OWN
    second.go()
    assert "error" in second.answer() and Business.objects.count() == SHARED + OWN


def test_who_waits_goes_on_when_the_other_is_killed(registrars, paths):
    first, second = registrars("held")
    first.go()
    first.says("planned")
    second.go()  # and waits: its plan is made when the lock is free
    first.process.kill()
    first.process.wait()
    second.says("planned")
    second.go()
    assert second.answer()["new"] == SHARED + OWN
    assert Batch.objects.count() == 1  # of the first there is nothing
    again = Registrar(0, paths)
    again.says("ready")
    again.go()
    assert again.answer()["new"] == OWN
    each_row_once()
