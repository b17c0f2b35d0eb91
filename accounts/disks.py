"""A disk without room: of files, or of the database."""

import errno
from collections.abc import Iterator

from django.db import DatabaseError, connection, transaction
from psycopg2.errors import DiskFull

# A sort of 32 MB that is not let into the memory: the database writes it beside its tables, and removes it at once.
_SORT = (
    "SELECT count(*) FROM (SELECT repeat(md5(number::text), 250) AS words FROM generate_series(1, 4000) number"
    " ORDER BY words) AS sorted"
)


def _behind(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def is_disk_full(error: BaseException) -> bool:
    """A file's disk or the database's. Libraries and the ORM wrap what the system said in errors of their own."""
    return any(
        isinstance(one, DiskFull) or (isinstance(one, OSError) and one.errno in (errno.ENOSPC, errno.EDQUOT))
        for one in _behind(error)
    )


def database_has_room() -> bool:
    """Whether 32 MB more find room there; tried, for no role of ours may ask the server how full its disk is."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL work_mem = '64kB'")
            cursor.execute(_SORT)
    except DatabaseError as error:
        if is_disk_full(error):
            return False
        raise
    return True
