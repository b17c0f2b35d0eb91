"""COPY of whole frames into the database; inside `beside` it goes on in a thread while the caller makes the next frame."""

import io
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar

import polars as pl
from django.db import connection

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
