"""Plain SQL over the transaction's connection, for work on whole sets of rows."""

from collections.abc import Mapping, Sequence

from django.db import connection

BULK = "app.bulk"  # a setting of the transaction that triggers ask
BULK_FROM = 5_000  # rows written


def in_bulk() -> None:
    """Very many rows are written in this transaction: who follows changes row by row is told once instead."""
    run(f"SET LOCAL {BULK} = 'on'")


def say_how_much(counts: Mapping[str, int]) -> None:
    """Of a batch about to be written or taken back, by its counts."""
    if counts["new"] + counts["changed"] >= BULK_FROM:
        in_bulk()


def run(sql: str, params: Sequence | None = None) -> int:
    """How many rows the statement touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.rowcount


def fetch(sql: str, params: Sequence | None = None) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()
