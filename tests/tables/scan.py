"""Looks for planted texts in every column of every table of batches."""

from django.db import connection


def found_in_clear(*texts: str) -> list[str]:
    """Tables of tables_* in which one of the texts stands, also as the bytes of a binary column."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'tables\\_%'")
        for (table,) in cursor.fetchall():
            for text in texts:
                cursor.execute(
                    f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s OR t::text LIKE %s',
                    [f"%{text}%", f"%{text.encode().hex()}%"],
                )
                if cursor.fetchone()[0]:
                    found.append(f"{table}: {text}")
    return found
