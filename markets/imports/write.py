"""Writing a plan: what is changed, with its before-images and versions in the same statement; then what is new."""

from collections.abc import Callable, Iterator

from markets.imports.plan import (
    ALWAYS_BLANK,
    BECOMES,
    FIRST,
    FULL,
    LATEST,
    MATCH,
    NEW,
    STAGE,
    TOGETHER,
    fetch,
    keeps_heads,
    run,
)
from markets.rules import COUNTING

IMPORT_LOCK = 7_802  # pg_advisory_xact_lock: two files with the same codes are applied one after the other
STEP = 200_000  # rows a statement writes: small enough for progress, cancelling and the queue of deferred checks
ANALYZE_FROM = 10_000  # rows written; below, the statistics may wait for autovacuum


def lock() -> None:
    """Taken before the match: whoever applies next sees what this import wrote."""
    run("SELECT pg_advisory_xact_lock(%s)", [IMPORT_LOCK])


def steps() -> Iterator[list[int]]:
    """Half-open ranges of row numbers, each of at most STEP."""
    ((last,),) = fetch(f"SELECT COALESCE(max(row), 0) FROM {STAGE}")
    for first in range(0, last + 1, STEP):
        yield [first, min(first + STEP, last + 1)]


def touched() -> list[int]:
    """Guidance stations and district committees whose numbers the plan moves: where rows stood and where they go."""
    found = fetch(
        f"SELECT guidance_station_id, district_committee_id FROM {STAGE} s LEFT JOIN {MATCH} m ON m.row = s.row "
        "WHERE m.row IS NULL OR m.differs OR m.heads GROUP BY 1, 2 UNION "
        f"SELECT b.guidance_station_id, b.district_committee_id FROM {MATCH} m JOIN markets_business b ON b.id = m.id "
        "WHERE m.differs OR m.heads GROUP BY 1, 2"
    )
    return sorted({unit for pair in found for unit in pair if unit is not None})


def write(batch_id: int, progress: Callable[[int], None]) -> None:
    """Everything of the plan. `progress` hears how many rows of the file are through."""
    # Foreign keys are checked statement by statement: a queue of millions of deferred checks would eat the memory.
    run("SET CONSTRAINTS ALL IMMEDIATE")
    run(
        f"CREATE TEMP TABLE {NEW} ON COMMIT DROP AS SELECT s.row, "
        "nextval(pg_get_serial_sequence('markets_business', 'id')) AS id "
        f"FROM {STAGE} s WHERE NOT EXISTS (SELECT 1 FROM {MATCH} m WHERE m.row = s.row) ORDER BY s.row"
    )
    run(f"CREATE INDEX ON {NEW} (row)")
    run(f"ANALYZE {NEW}")
    written = 0
    for rows in steps():
        written += change(batch_id, rows)
        declare_changed(batch_id, rows)
        written += insert(batch_id, rows)
        declare_new(rows)
        progress(rows[1])
    forget_small()
    run("SET CONSTRAINTS ALL DEFERRED")
    if written >= ANALYZE_FROM:
        run("ANALYZE markets_business")


def change(batch_id: int, rows: list[int]) -> int:
    """Rows of which a column differs; replaced counting values to BusinessVersion, before-images to BatchChange."""
    sets = ", ".join(f"{column} = {value}" for column, value in BECOMES.items())
    was = ", ".join(f"'{column}', old.{column}" for column in BECOMES)
    now = ", ".join(f"'{column}', new.{column}" for column in BECOMES)
    counting = ", ".join(f"'{column}'" for column in COUNTING)
    return run(
        f"WITH done AS (UPDATE markets_business b SET {sets}, changed_at = now() "
        f"FROM {STAGE} s JOIN {MATCH} m ON m.row = s.row "
        "WHERE b.id = m.id AND m.differs AND s.row >= %s AND s.row < %s "
        f"RETURNING b.id, old.entered_at, jsonb_build_object({was}) AS was, jsonb_build_object({now}) AS now), "
        "said AS (SELECT id, entered_at, k, v FROM done, jsonb_each(was) e (k, v) WHERE v IS DISTINCT FROM now -> k), "
        "versions AS (INSERT INTO markets_businessversion (business_id, valid_from, valid_to, values) "
        "SELECT id, COALESCE((SELECT max(valid_to) FROM markets_businessversion o WHERE o.business_id = id), "
        f"entered_at), now(), jsonb_object_agg(k, v) FROM said WHERE k IN ({counting}) GROUP BY id, entered_at) "
        "INSERT INTO tables_batchchange (batch_id, record_id, before) "
        "SELECT %s, id, jsonb_object_agg(k, v) FROM said GROUP BY id",
        [*rows, batch_id],
    )


def insert(batch_id: int, rows: list[int]) -> int:
    values = {**FIRST, **ALWAYS_BLANK, "id": "n.id", "entered_at": "now()", "changed_at": "now()"}
    made = run(
        f"INSERT INTO markets_business ({', '.join(values)}) SELECT {', '.join(values.values())} "
        f"FROM {STAGE} s JOIN {NEW} n ON n.row = s.row WHERE s.row >= %s AND s.row < %s ORDER BY s.row",
        rows,
    )
    if made:
        run(
            "INSERT INTO tables_batchchange (batch_id, record_id, before) "
            f"SELECT %s, id, NULL FROM {NEW} WHERE row >= %s AND row < %s ORDER BY row",
            [batch_id, *rows],
        )
    return made


def declare_new(rows: list[int]) -> None:
    """Head-counts that came with new rows, where they name nobody."""
    run(
        "INSERT INTO markets_declaration "
        "(business_id, source, as_of, full_members, members_incl_probationary, entered_at) "
        "SELECT n.id, 'registry_file', (now() AT TIME ZONE 'Asia/Shanghai')::date, s.full_members, "
        f"s.members_incl_probationary, now() FROM {STAGE} s JOIN {NEW} n ON n.row = s.row "
        f"WHERE s.heads AND {keeps_heads('s.entity_type', 's.employees')} AND s.row >= %s AND s.row < %s "
        "AND (s.full_members IS NOT NULL OR s.members_incl_probationary IS NOT NULL)",
        rows,
    )


def declare_changed(batch_id: int, rows: list[int]) -> None:
    """Head-counts that differ from those told last; what was told today is replaced, with its before-image."""
    run(
        f"WITH told AS (SELECT b.id, {FULL} AS f, {TOGETHER} AS t, "
        "CASE WHEN d.business_id IS NULL THEN 'null'::jsonb ELSE to_jsonb(d) - 'business_id' END AS was "
        f"FROM {STAGE} s JOIN {MATCH} m ON m.row = s.row JOIN markets_business b ON b.id = m.id {LATEST} "
        "WHERE m.heads AND s.row >= %s AND s.row < %s), "
        "kept AS (INSERT INTO markets_declaration "
        "(business_id, source, as_of, full_members, members_incl_probationary, entered_at) "
        "SELECT id, 'registry_file', (now() AT TIME ZONE 'Asia/Shanghai')::date, f, t, now() FROM told "
        "ON CONFLICT (business_id, source, as_of) DO UPDATE SET full_members = excluded.full_members, "
        "members_incl_probationary = excluded.members_incl_probationary, entered_at = excluded.entered_at) "
        "INSERT INTO tables_batchchange (batch_id, record_id, before) "
        "SELECT %s, id, jsonb_build_object('declaration', was) FROM told "
        "ON CONFLICT (batch_id, record_id) DO UPDATE SET before = tables_batchchange.before || excluded.before",
        [*rows, batch_id],
    )


def forget_small() -> None:
    """A business that turned out small or a sole trader keeps no head-counts either."""
    run(
        f"DELETE FROM markets_declaration d USING {MATCH} m JOIN markets_business b ON b.id = m.id "
        f"WHERE m.differs AND d.business_id = b.id AND NOT {keeps_heads('b.entity_type', 'b.employees')}"
    )
