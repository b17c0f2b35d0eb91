"""Times single SQL statements of the product as it runs them: execute and fetch, as the caller waits for them."""

import contextlib
import time
from collections.abc import Iterator

from django.db import connection


@contextlib.contextmanager
def timed(*parts: str) -> Iterator[list[tuple[float, str]]]:
    """Milliseconds and text of each statement that holds one of these parts.

    Drivers fetch the whole result within execute, so what is left to Django is building objects.
    """
    heard: list[tuple[float, str]] = []

    def listen(execute, sql, params, many, context):
        if not any(part in sql for part in parts):
            return execute(sql, params, many, context)
        started = time.perf_counter()
        answer = execute(sql, params, many, context)
        heard.append(((time.perf_counter() - started) * 1000, sql))
        return answer

    with connection.execute_wrapper(listen):
        yield heard
