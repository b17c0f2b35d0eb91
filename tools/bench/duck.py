"""The reference beside P3: the same counts by DuckDB, a column store that answers one question fast and keeps nothing.

On the same rows, exported from the same database in the same run: businesses with the columns that counting reads, and
what is known of some of them as the engine keeps it. Loading is not timed; the query is, warm. It counts every unit of
both lines, and each by type, scale and industry: what a full refresh of coverage counts of businesses, without persons,
organizations, markets and places, without the facts behind what is known, and without writing anything.
"""

import tempfile
import time
from pathlib import Path

from django.db import connection

from reports.sql.businesses import base
from reports.sql.facts import counted, three_haves
from tools.bench.figures import median

OWN = (
    "id", "guidance_station_id", "district_committee_id", "street_id", "district_id", "entity_type", "scale", "section",
    "is_registered", "is_operating", "fixed_premises", "above_size", "employees", "is_key",
)  # fmt: skip
KNOWN = (
    "id", "own", "joint", "market", "work", "instructed", "grouped", "with_members", "due",
)  # fmt: skip
LINES = (("district_committee_id", "guidance_station_id"), ("district_id", "street_id"))
SPLITS = ("entity_type", "scale", "section")


def measure(repetitions: int) -> dict:
    """Seconds of the query and of a plain count; null where DuckDB is not installed, which only developers need."""
    try:
        import duckdb
    except ImportError:
        return {"seconds": None, "why": "duckdb is not installed (requirements-dev.txt)"}
    with tempfile.TemporaryDirectory(prefix="bench-duck-") as folder, duckdb.connect() as store:
        for name, sql in _exports().items():
            path = Path(folder) / f"{name}.csv"
            with connection.cursor() as cursor, path.open("wb") as file:
                cursor.copy_expert(f"COPY ({sql}) TO STDOUT (FORMAT csv, HEADER)", file)
            store.execute(f"CREATE TABLE {name} AS SELECT * FROM read_csv(?, header = true)", [str(path)])
        scans, counts = [], []
        rows = 0
        for _ in range(repetitions + 1):
            scans.append(_timed(store, "SELECT count(*) FROM business"))
            started = time.perf_counter()
            rows = len(store.execute(query()).fetchall())
            counts.append(time.perf_counter() - started)
    return {
        "version": duckdb.__version__,
        "seconds": median(counts[1:]),
        "count_seconds": median(scans[1:]),
        "rows": rows,
    }


def _timed(store, sql: str) -> float:
    started = time.perf_counter()
    store.execute(sql).fetchall()
    return time.perf_counter() - started


def _exports() -> dict[str, str]:
    """What is known of a business as the engine keeps it, and of those in covered markets that their market is."""
    led = (
        "SELECT b.id, false, false, true, false, false, false, false, false FROM markets_business b"
        " WHERE b.is_operating AND b.market_id IN (SELECT market_id FROM markets_marketcoverage WHERE ends_on IS NULL)"
        " AND NOT EXISTS (SELECT FROM reports_knownbusiness k WHERE k.id = b.id)"
    )
    return {
        "business": f"SELECT {', '.join(OWN)} FROM markets_business",
        "known": f"SELECT {', '.join(KNOWN)} FROM reports_knownbusiness UNION ALL {led}",
    }


def query() -> str:
    """Scan, join and group once by all columns, then by every set of them that makes a unit, whole and by each split."""
    sets = [
        f"({', '.join((*line[:depth], *((split,) if split else ())))})"
        for line in LINES
        for depth in range(3)
        for split in (None, *SPLITS)
    ]
    conditions = {**base(), **counted()}
    sums = ", ".join(f'count(*) FILTER (WHERE {what}) AS "{key}"' for key, what in conditions.items())
    again = ", ".join(f'sum("{key}") AS "{key}"' for key in conditions)
    columns = ", ".join((*LINES[0], *LINES[1], *SPLITS))
    flags = ", ".join(f"coalesce(k.{name}, false) AS {name}" for name in KNOWN[1:])
    own = ", ".join(f"b.{name}" for name in OWN)
    return f"""
        WITH b AS (SELECT {own}, {three_haves("b")} AS three_haves, {flags}
                   FROM business b LEFT JOIN known k ON k.id = b.id),
        fine AS (SELECT {columns}, {sums} FROM b GROUP BY {columns})
        SELECT {columns}, {again} FROM fine GROUP BY GROUPING SETS ({", ".join(dict.fromkeys(sets))})"""
