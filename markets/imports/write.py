"""Writing a plan: what is changed, with its before-images and versions in the same statement; then what is new."""

from collections.abc import Callable, Iterator, Mapping

from markets.imports import conversions, told
from markets.imports.becomes import Rules
from markets.imports.changes import NEW_HERE
from markets.imports.plan import (
    ALWAYS_BLANK,
    MATCH,
    NEW,
    STAGE,
    Plan,
    keeps_heads,
)
from markets.imports.said_again import says
from markets.rules import COUNTING
from markets.sources import Source
from tables.models import Batch
from tables.register import Cannot
from tables.said_again import keep_said
from tables.statements import fetch, run
from tables.traces import keep_made, keep_seen

STEP = 200_000  # rows a statement writes: small enough for progress, cancelling and the queue of deferred checks
CHANGED_MEANWHILE = "写入时有人刚刚改过同一个主体，本次没有写入任何内容。请重新检查。"
ANALYZE_FROM = 10_000  # rows written; below, the statistics may wait for autovacuum


def steps() -> Iterator[list[int]]:
    """Half-open ranges of row numbers, each of at most STEP."""
    ((last,),) = fetch(f"SELECT COALESCE(max(row), 0) FROM {STAGE}")
    for first in range(0, last + 1, STEP):
        yield [first, min(first + STEP, last + 1)]


def touched(plan: Plan) -> list[int]:
    """Guidance stations and district committees whose numbers the plan moves: where rows stood and where they go."""
    moved = "WHERE m.differs OR m.heads GROUP BY 1, 2"
    found = fetch(
        f"SELECT guidance_station_id, district_committee_id FROM {STAGE} s WHERE {plan.is_new} GROUP BY 1, 2 UNION "
        f"SELECT guidance_station_id, district_committee_id FROM {MATCH} m JOIN {STAGE} s ON s.row = m.row {moved} UNION "
        "SELECT b.guidance_station_id, b.district_committee_id "
        f"FROM {MATCH} m JOIN markets_business b ON b.id = m.id {moved}"
    )
    return sorted({unit for pair in found for unit in pair if unit is not None})


def write(plan: Plan, tell: Callable[[int, str], None]) -> None:
    """Everything of the plan. `tell` hears how many rows of the file are through. Raises Cannot."""
    batch, rules = plan.batch, plan.rules
    # Foreign keys are checked statement by statement: a queue of millions of deferred checks would eat the memory.
    run("SET CONSTRAINTS ALL IMMEDIATE")
    run(
        f"CREATE TEMP TABLE {NEW} ON COMMIT DROP AS SELECT s.row, "
        "nextval(pg_get_serial_sequence('markets_business', 'id')) AS id "
        f"FROM {STAGE} s WHERE {plan.is_new} ORDER BY s.row"
    )
    run(f"CREATE INDEX ON {NEW} (row)")
    run(f"ANALYZE {NEW}")
    ((waiting,),) = fetch(f"SELECT count(*) FROM {MATCH} WHERE differs")
    changed = written = 0
    later = conversions.becomes(plan, NEW_HERE)
    made = f"{STAGE} s JOIN {NEW} n ON n.row = s.row"
    for rows in steps():
        changed += change(batch, rules, rows, later)
        keep_heads(batch.pk, rows)
        declare_changed(batch, rules, rows)
        written += insert(rules, made, "n.id", rows)
        declare_new(plan, made, "n.id", rows)
        tell(rows[1], "正在写入")
    if changed != waiting:
        raise Cannot(CHANGED_MEANWHILE)
    told.confirm(plan)
    conversions.convert(plan, NEW)
    forget_small()
    told.keep_differences(plan)
    told.keep_absent(plan)
    told.ask(plan)
    keep_seen(batch, f"SELECT id FROM {MATCH}", keep_made(batch, f"SELECT id FROM {NEW}"))
    keep_said(batch, f"{MATCH} m JOIN {STAGE} s ON s.row = m.row", says(plan))
    run("SET CONSTRAINTS ALL DEFERRED")
    if changed + written >= ANALYZE_FROM:
        run("ANALYZE markets_business")


def change(batch: Batch, rules: Rules, rows: list[int], later: Mapping[str, str]) -> int:
    """Rows of which a column differs; replaced counting values to BusinessVersion, before-images to BatchChange.

    Columns of `later` are written when all rows are in; what stood there is kept here.
    A business that somebody saved after the plan was made stays, and is missing in the number.
    """
    sets = ", ".join(f"{column} = {value}" for column, value in rules.becomes.items())
    was = ", ".join(f"'{column}', old.{column}" for column in (*rules.becomes, *later))
    now = ", ".join(
        [f"'{column}', new.{column}" for column in rules.becomes]
        + [f"'{column}', {value}" for column, value in later.items()]
    )
    counting = ", ".join(f"'{column}'" for column in COUNTING)
    return run(
        f"WITH done AS (UPDATE markets_business b SET {sets}, changed_at = now() "
        f"FROM {STAGE} s JOIN {MATCH} m ON m.row = s.row "
        "WHERE b.id = m.id AND b.changed_at = m.seen_at AND m.differs AND m.row >= %s AND m.row < %s "
        "RETURNING b.id, old.entered_at, old.changed_at, "
        f"jsonb_build_object({was}) AS was, jsonb_build_object({now}) AS now), "
        "said AS (SELECT id, entered_at, changed_at, k, v FROM done, jsonb_each(was) e (k, v) "
        "WHERE v IS DISTINCT FROM now -> k), "
        "versions AS (INSERT INTO markets_businessversion (business_id, valid_from, valid_to, values) "
        "SELECT id, COALESCE((SELECT max(valid_to) FROM markets_businessversion o WHERE o.business_id = said.id), "
        f"entered_at), now(), jsonb_object_agg(k, v) FROM said WHERE k IN ({counting}) GROUP BY id, entered_at) "
        "INSERT INTO tables_batchchange (batch_id, record_id, before) "
        "SELECT %s, id, jsonb_object_agg(k, v) || jsonb_build_object('changed_at', changed_at) "
        "FROM said GROUP BY id, changed_at",
        [*rows, batch.pk],
    )


def keep_heads(batch_id: int, rows: list[int]) -> None:
    """Before head-counts are told anew or forgotten: those of the business as they are, into its before-image."""
    mine = (
        f"FROM {MATCH} m JOIN markets_business b ON b.id = m.id WHERE m.row >= %s AND m.row < %s AND (m.heads OR "
        f"m.differs AND NOT {keeps_heads('b.entity_type', 'b.employees')} "
        "AND EXISTS (SELECT 1 FROM markets_declaration d WHERE d.business_id = b.id))"
    )
    run(
        "INSERT INTO tables_batchchange (batch_id, record_id, before) SELECT %s, b.id, "
        "jsonb_build_object('changed_at', m.seen_at, 'declarations', COALESCE((SELECT jsonb_agg(to_jsonb(d)) "
        f"FROM markets_declaration d WHERE d.business_id = b.id), '[]')) {mine} "
        "ON CONFLICT (batch_id, record_id) DO UPDATE SET before = excluded.before || tables_batchchange.before",
        [batch_id, *rows],
    )
    run(
        f"UPDATE markets_business b SET changed_at = now() FROM {MATCH} m "
        "WHERE b.id = m.id AND m.heads AND NOT m.differs AND m.row >= %s AND m.row < %s",
        rows,
    )


def insert(rules: Rules, made: str, ids: str, rows: list[int]) -> int:
    """New rows. `made`: where the staged rows `s` come from, `ids`: the id of each."""
    values = {**rules.first, **ALWAYS_BLANK, "id": ids, "entered_at": "now()", "changed_at": "now()"}
    return run(
        f"INSERT INTO markets_business ({', '.join(values)}) SELECT {', '.join(values.values())} "
        f"FROM {made} WHERE s.row >= %s AND s.row < %s ORDER BY s.row",
        rows,
    )


def declare_new(plan: Plan, made: str, ids: str, rows: list[int]) -> None:
    """Head-counts that came with new rows, where they name nobody."""
    full = "NULL::int" if plan.rules.source == Source.ANNUAL_REPORT else "s.full_members"  # it knows only the sum
    run(
        "INSERT INTO markets_declaration "
        "(business_id, source, as_of, full_members, members_incl_probationary, entered_at) "
        f"SELECT {ids}, '{plan.rules.declared_as}', '{plan.batch.file_date}'::date, {full}, "
        f"s.members_incl_probationary, now() FROM {made} "
        f"WHERE s.heads AND {keeps_heads('s.entity_type', 's.employees')} AND s.row >= %s AND s.row < %s "
        f"AND ({full} IS NOT NULL OR s.members_incl_probationary IS NOT NULL)",
        rows,
    )


def declare_changed(batch: Batch, rules: Rules, rows: list[int]) -> None:
    """Head-counts that differ from those told last; what was told for the same day is replaced."""
    run(
        f"WITH told AS (SELECT b.id, {rules.full} AS f, {rules.together} AS t "
        f"FROM {STAGE} s JOIN {MATCH} m ON m.row = s.row JOIN markets_business b ON b.id = m.id {rules.latest} "
        "WHERE m.heads AND m.row >= %s AND m.row < %s) "
        "INSERT INTO markets_declaration "
        "(business_id, source, as_of, full_members, members_incl_probationary, entered_at) "
        f"SELECT id, '{rules.declared_as}', '{batch.file_date}'::date, f, t, now() FROM told "
        "ON CONFLICT (business_id, source, as_of) DO UPDATE SET full_members = excluded.full_members, "
        "members_incl_probationary = excluded.members_incl_probationary, entered_at = excluded.entered_at",
        rows,
    )


def forget_small() -> None:
    """A business that turned out small or a sole trader keeps no head-counts either."""
    run(
        f"DELETE FROM markets_declaration d USING {MATCH} m JOIN markets_business b ON b.id = m.id "
        f"WHERE m.differs AND d.business_id = b.id AND NOT {keeps_heads('b.entity_type', 'b.employees')}"
    )
