"""Eight writers at once under one parent; and what would happen without the lock."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from orgs.models import Organization
from orgs.services.tree import next_path
from tests import factories as make

WRITERS = 8
pytestmark = pytest.mark.django_db(transaction=True)


def in_threads(work) -> list:
    def run(number: int):
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(run, range(WRITERS)))


def test_eight_writers_get_eight_paths():
    parent = make.make_city().yuehai
    start = threading.Barrier(WRITERS)

    def create(number: int) -> str:
        start.wait(10)
        return make.make_branch(parent, code=f"T{number}", name=f"第{number}支部").path

    paths = in_threads(create)
    assert sorted(paths) == [f"{parent.path}{number:04d}" for number in range(1, WRITERS + 1)]
    assert Organization.objects.filter(parent=parent).count() == WRITERS


def test_without_the_lock_they_would_collide():
    """The control: the same question asked by eight open transactions, without the lock, has one answer."""
    parent = make.make_city().yuehai
    asked = threading.Barrier(WRITERS)

    def ask(number: int) -> str:
        with transaction.atomic():
            path = next_path(parent)
            asked.wait(10)  # nobody has committed before everybody has asked
        return path

    assert set(in_threads(ask)) == {parent.path + "0001"}
