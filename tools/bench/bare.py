"""The other side of P1 and P2: the same rows into a bare copy of the table, then the same keys and indexes."""

import time
from pathlib import Path

from tools.bench.databases import connected

TABLE, BARE = "markets_business", "bench_bare"


def export(url: str, path: Path) -> list[str]:
    """The loaded rows as PostgreSQL writes them; the columns that a COPY may name."""
    with connected(url) as cursor, path.open("wb") as file:
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
            "AND attgenerated = '' ORDER BY attnum",
            [TABLE],
        )
        columns = [name for (name,) in cursor.fetchall()]
        cursor.copy_expert(f"COPY (SELECT {_list(columns)} FROM {TABLE} ORDER BY id) TO STDOUT (FORMAT csv)", file)
    return columns


def load(url: str, path: Path, columns: list[str]) -> dict[str, float]:
    """Seconds of the COPY alone and of building what the product's table has. The bare table is gone afterwards."""
    with connected(url) as cursor:
        indexes, constraints = _indexes(cursor), _constraints(cursor)
        cursor.execute(f"DROP TABLE IF EXISTS {BARE}")
        # Made and committed first: a COPY into a table of its own transaction would skip the log under minimal WAL.
        cursor.execute(f"CREATE TABLE {BARE} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING GENERATED)")
        started = time.perf_counter()
        with path.open("rb") as file:
            cursor.copy_expert(f"COPY {BARE} ({_list(columns)}) FROM STDIN (FORMAT csv)", file)
        copied = time.perf_counter()
        for statement in (*indexes, *constraints):
            cursor.execute(statement)
        built = time.perf_counter()
        cursor.execute(f"DROP TABLE {BARE}")
    return {"copy": copied - started, "build": built - copied}


def _list(columns: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _indexes(cursor) -> list[str]:
    """Indexes that no constraint brings with it."""
    cursor.execute(
        "SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "WHERE i.indrelid = %s::regclass AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid "
        "AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x'))",
        [TABLE],
    )
    named = [(name, text.replace(f"INDEX {name} ", "INDEX ", 1)) for name, text in cursor.fetchall()]
    return [text.replace(f" ON public.{TABLE} ", f" ON {BARE} ", 1) for _, text in named]


def _constraints(cursor) -> list[str]:
    """Primary key and unique keys first, as foreign keys onto the own table need them. NOT NULL came with LIKE."""
    cursor.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype <> 'n' "
        "ORDER BY position(contype::text IN 'puxcf')",
        [TABLE],
    )
    return [
        f"ALTER TABLE {BARE} ADD {text}".replace(f"REFERENCES {TABLE}(", f"REFERENCES {BARE}(")
        for (text,) in cursor.fetchall()
    ]
