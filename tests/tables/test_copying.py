"""COPY beside the work: what others ask of the connection sees the rows, errors surface, no thread stays behind."""

import threading

import polars as pl
import pytest
from django.db import DataError, connection, transaction

from tables.copying import beside, copy_in

pytestmark = pytest.mark.django_db

PARTS = [pl.DataFrame({"n": range(first, first + 1_000), "said": ["一", ""] * 500}) for first in range(0, 5_000, 1_000)]


@pytest.fixture
def table():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE copied (n int, said text)")
    return "copied"


def _counted() -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(*) FILTER (WHERE said = '') FROM copied")
        return cursor.fetchone()


def _copying() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("copy")]


def test_every_statement_sees_what_was_handed_over_before_it(table):
    with beside():
        for number, part in enumerate(PARTS, 1):
            copy_in(table, part)
            assert _counted() == (number * 1_000, number * 500)
    assert not _copying()


def test_all_is_in_when_the_block_ends(table):
    with beside():
        for part in PARTS:
            copy_in(table, part)
    copy_in(table, PARTS[0])  # outside at once, as ever
    assert _counted() == (6_000, 3_000)


def test_what_goes_wrong_beside_is_raised_as_an_error_of_the_database(table):
    wrong = pl.DataFrame({"n": ["no number"], "said": [None]})
    with pytest.raises(DataError), transaction.atomic(), beside():
        copy_in(table, wrong)
        copy_in(table, PARTS[0])
    assert not _copying()
    with pytest.raises(DataError), transaction.atomic(), beside():
        copy_in(table, wrong)
    assert _counted() == (0, 0)


def test_whoever_gives_up_leaves_no_thread_and_a_connection_that_works(table):
    with pytest.raises(KeyboardInterrupt), transaction.atomic(), beside():
        copy_in(table, PARTS[0])
        raise KeyboardInterrupt
    assert not _copying()
    assert _counted() == (0, 0)
