"""Plain SQL over the transaction's connection, for work on whole sets of rows."""

from collections.abc import Sequence

from django.db import connection


def run(sql: str, params: Sequence | None = None) -> int:
    """How many rows the statement touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.rowcount


def fetch(sql: str, params: Sequence | None = None) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()
