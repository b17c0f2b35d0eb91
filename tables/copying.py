"""COPY of whole frames, or of records, into the database; inside `beside` it goes on in a thread while the caller makes the
next frame."""

import datetime as dt
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import polars as pl
from django.db import connection
from django.db.models import Field, Model

PIECE = 1 << 20  # bytes handed over at once: for each piece the thread needs the interpreter for a moment


def copy_in(table: str, frame: pl.DataFrame) -> None:
    """COPY a frame into a table whose columns have the same names. Null cells are NULL, empty text stays empty."""
    if not frame.height:
        return
    columns = ", ".join(f'"{name}"' for name in frame.columns)
    sql = f"COPY {table} ({columns}) FROM STDIN (FORMAT csv)"
    if (running := _beside.get()) is not None:
        running.hand_over(sql, frame)
        return
    with connection.cursor() as cursor:
        _send(cursor, sql, frame)


def plain_columns(model: type[Model]) -> list[Field]:
    """Those that somebody writes."""
    return [field for field in model._meta.concrete_fields if not field.generated]


def copy_records(table: str, records: Sequence[Model], **beside: int) -> None:
    """COPY records that are not saved, all of one model, as saving would write them; `beside`: columns that all share.

    A record without an id leaves that column out.
    """
    if not records:
        return
    fields = [field for field in plain_columns(type(records[0])) if not field.primary_key or records[0].pk is not None]
    columns = {
        str(field.column): [_as_copied(field.get_prep_value(field.pre_save(record, add=True))) for record in records]
        for field in fields
    }
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    copy_in(table, frame.with_columns(**{name: pl.lit(value) for name, value in beside.items()}))


def _as_copied(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes | memoryview):
        return f"\\x{bytes(value).hex()}"
    if isinstance(value, dt.date):  # a time, too
        return value.isoformat()
    if isinstance(value, list):
        quoted = (str(one).replace("\\", r"\\").replace('"', r"\"") for one in value)
        return "{" + ",".join(f'"{one}"' for one in quoted) + "}"
    return str(value)


@contextmanager
def beside() -> Iterator[None]:
    """Inside, copy_in comes back at once. Any other statement on the connection waits until what was handed over is in;
    what went wrong with it is raised there, at the latest when the block ends. The thread ends with the block."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="copy") as pool:
        copier = _Copier(pool)
        token = _beside.set(copier)
        try:
            with connection.execute_wrapper(copier.before):
                yield
                copier.wait()
        finally:
            _beside.reset(token)


class _Copier:
    """One frame at a time is under way. The connection is the caller's: whoever uses it meanwhile calls `wait` first."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.pool = pool
        self.under_way: Future[None] | None = None

    def hand_over(self, sql: str, frame: pl.DataFrame) -> None:
        self.wait()
        cursor = connection.connection.cursor()  # the driver's own: Django's may not leave its thread
        self.under_way = self.pool.submit(_send, cursor, sql, frame)

    def wait(self) -> None:
        future, self.under_way = self.under_way, None
        if future is not None:
            with connection.wrap_database_errors:
                future.result()

    def before(self, execute, sql, params, many, context):
        self.wait()
        return execute(sql, params, many, context)


_beside: ContextVar[_Copier | None] = ContextVar("copy_beside", default=None)


def _send(cursor, sql: str, frame: pl.DataFrame) -> None:
    rows = io.BytesIO()
    frame.write_csv(rows, include_header=False)
    rows.seek(0)
    cursor.copy_expert(sql, rows, PIECE)
