"""Keys of rows that are not written yet, for those that name themselves or stand under a code of their own."""

from django.db import connection, models


def next_keys(model: type[models.Model], count: int = 1) -> list[int]:
    """Rising, so that a parent's key is below those of its children."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s) ORDER BY 1",
            [model._meta.db_table, count],
        )
        return [pk for (pk,) in cursor.fetchall()]
