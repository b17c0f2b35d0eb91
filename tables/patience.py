"""A limit to what a page may ask of the database: beyond it the person is told what to narrow, and nobody waits."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction
from psycopg2.errors import QueryCanceled

SLOWEST = 4_000  # ms for one statement
TOO_WIDE = "这样的条件要看的行太多，没有在几秒内找完。请再选一个区、街道或指导站，或多输入几个字。"


class TooLong(Exception):
    """A statement took longer than a page may wait."""


@contextmanager
def patience(milliseconds: int = SLOWEST) -> Iterator[None]:
    """Statements inside may take so long each; beyond that TooLong is raised."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            change = "SELECT current_setting('statement_timeout'), set_config('statement_timeout', %s, true)"
            cursor.execute(change, [str(milliseconds)])
            before, _ = cursor.fetchone()
            yield
            cursor.execute(change, [before])
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TooLong from error
        raise
