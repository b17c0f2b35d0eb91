"""个转企 in a file: rows that name the sole trader they were (markets/conversion.py has the rules).

The predecessor may be registered already or be another row of the file, before or after. Where the file has no such
column nothing of this costs anything.
"""

from django.utils import timezone

from markets.conversion import (
    ANOTHER,
    ITSELF,
    KEPT,
    NO_ENTERPRISE,
    NO_SOLE_TRADER,
    SOLE_TRADER,
    TWICE,
    UNKNOWN,
    carry_over,
    followers,
    still_open,
)
from markets.imports.plan import LATER, MATCH, NAMED, SAYS_BEFORE, STAGE, Plan
from tables.errors import Kind
from tables.models import Batch, BatchConflict
from tables.statements import fetch, run
from tables.traces import digest_of
from tables.undo import GOES, ROWS

FOUND = "import_business_conversion"  # row, code, before_id or before_row, after_id (null: a new row), day …
COVERAGES = "markets_businesscoverage"

# --- what the rows say ------------------------------------------------------------------------------------------------


def settle(plan: Plan, label: str) -> None:
    """Find the predecessor of each row that names one; rows that cannot have been it are told of and leave the plan."""
    if not plan.converts:
        return
    _gather(plan)
    run(f"UPDATE {FOUND} SET problem = CASE WHEN itself THEN %s WHEN kind = '{SOLE_TRADER}' THEN %s END",
        [ITSELF, NO_ENTERPRISE])  # fmt: skip
    _leave(plan, label)
    _find(plan)
    _compare()
    _leave(plan, label)
    older = f" OR after_id IN (SELECT id FROM {LATER})" if plan.has_later else ""
    run(f"DELETE FROM {FOUND} WHERE stands = before_id{older}")
    run(f"UPDATE {MATCH} m SET differs = true FROM {FOUND} f WHERE f.row = m.row")


def _kind(plan: Plan) -> str:
    """What a row's business will be, over s and b."""
    return f"CASE WHEN b.id IS NULL THEN s.entity_type ELSE {plan.rules.becomes['entity_type']} END"


def _gather(plan: Plan) -> None:
    run(f"DROP TABLE IF EXISTS {FOUND}")
    run(
        f"CREATE TEMP TABLE {FOUND} ON COMMIT DROP AS SELECT c.row, c.code, m.id AS after_id, {_kind(plan)} AS kind, "
        "b.predecessor_id AS stands, COALESCE(s.uscc, s.legacy_registration_no) AS own, "
        f"COALESCE(CASE WHEN s.registered_on <= %s THEN s.registered_on END, {plan.day.replace('m.row', 'c.row')}) AS day, "
        "COALESCE(c.code IN "
        "(s.uscc, s.legacy_registration_no, b.uscc, b.legacy_registration_no), false) AS itself, "
        "NULL::bigint AS before_id, NULL::int AS before_row, NULL::text AS before_kind, NULL::text AS problem "
        f"FROM {SAYS_BEFORE} c JOIN {STAGE} s ON s.row = c.row LEFT JOIN {MATCH} m ON m.row = c.row "
        "LEFT JOIN markets_business b ON b.id = m.id",
        [timezone.localdate()],
    )
    run(f"CREATE INDEX ON {FOUND} (row)")
    run(f"ANALYZE {FOUND}")


def _find(plan: Plan) -> None:
    """Rows of the file first: what they say of a business is what it will be. Outside the scope nothing is found."""
    inside, params = plan.scope.sql("b")
    codes = ("uscc", "legacy_registration_no")
    here = [
        f"SELECT f.row AS of, m.id, s.row, {_kind(plan)} AS kind FROM {FOUND} f JOIN {STAGE} s ON s.{code} = f.code "
        f"LEFT JOIN {MATCH} m ON m.row = s.row LEFT JOIN markets_business b ON b.id = m.id"
        for code in codes
    ]
    there = [
        f"SELECT f.row, b.id, NULL, b.entity_type FROM {FOUND} f JOIN markets_business b ON b.{code} = f.code "
        f"WHERE {inside}"
        for code in codes
    ]
    run(
        f"UPDATE {FOUND} f SET before_id = p.id, before_row = p.row, before_kind = p.kind FROM (SELECT DISTINCT ON (of) * "
        f"FROM ({' UNION ALL '.join(here + there)}) q ORDER BY of, row) p WHERE p.of = f.row",
        params * 2,
    )


def _compare() -> None:
    run(
        f"UPDATE {FOUND} f SET problem = CASE WHEN before_id IS NULL AND before_row IS NULL THEN %s "
        "WHEN before_id = after_id THEN %s WHEN before_id = stands THEN NULL WHEN stands IS NOT NULL THEN %s "
        f"WHEN before_kind <> '{SOLE_TRADER}' THEN %s WHEN EXISTS (SELECT 1 FROM markets_business o "
        "WHERE o.predecessor_id = f.before_id) THEN %s END",
        [UNKNOWN, ITSELF, ANOTHER, NO_SOLE_TRADER, TWICE],
    )
    one = "COALESCE({0}.before_id, -{0}.before_row)"
    run(
        f"UPDATE {FOUND} f SET problem = %s FROM {FOUND} o WHERE {one.format('o')} = {one.format('f')} "
        "AND o.row < f.row AND o.problem IS NULL AND f.problem IS NULL",
        [TWICE],
    )


def _leave(plan: Plan, label: str) -> None:
    said = f"(SELECT f.{{}} FROM {FOUND} f WHERE f.row = s.row)"
    run(f"INSERT INTO {NAMED} SELECT own, NULL FROM {FOUND} WHERE problem IS NOT NULL")
    plan.counts["wrong"] += plan.leave(
        f"SELECT row FROM {FOUND} WHERE problem IS NOT NULL", Kind.WRONG, label, said.format("problem"),
        said.format("code"),
    )  # fmt: skip
    run(f"DELETE FROM {FOUND} WHERE problem IS NOT NULL")


def digest() -> str:
    return digest_of(
        f"SELECT hash_record_extended(ROW(f.row, f.code, f.before_id, f.before_row, f.after_id, f.day), 0) FROM {FOUND} f",
        "conversions",
    )


def becomes(plan: Plan, new_here: int) -> dict[str, str]:
    """As in Rules.becomes; `new_here` stands for a predecessor that the file itself makes."""
    if not plan.converts:
        return {}
    found = f"SELECT COALESCE(f.before_id, {new_here}) FROM {FOUND} f WHERE f.row = s.row"
    return {"predecessor_id": f"COALESCE(({found}), b.predecessor_id)"}


def touched(plan: Plan) -> set[int]:
    """Organizations whose numbers a link moves that goes over, and those where the predecessors stand."""
    if not plan.converts:
        return set()
    found = fetch(
        f"SELECT b.guidance_station_id, b.district_committee_id, NULL FROM {FOUND} f "
        "JOIN markets_business b ON b.id = f.before_id UNION "
        f"SELECT o.guidance_station_id, o.district_committee_id, o.id FROM {FOUND} f JOIN {COVERAGES} t "
        f"ON {still_open('t', 'f')} JOIN orgs_organization o ON o.id = t.organization_id"
    )
    return {unit for units in found for unit in units if unit is not None}


def count(plan: Plan) -> dict[str, int]:
    """carried: the rows that go over, as things stand."""
    if not plan.converts:
        return {}
    rows = " UNION ALL ".join(
        f"SELECT FROM {FOUND} f JOIN {each.table} t ON {still_open('t', 'f')}" for each in followers()
    )
    return {"carried": fetch(f"SELECT count(*) FROM ({rows}) q")[0][0]}


# --- writing ----------------------------------------------------------------------------------------------------------


def convert(plan: Plan, made: str) -> None:
    """When all rows are in. `made`: a relation of (row, id) of the new ones."""
    if not plan.converts:
        return
    for column, row in (("after_id", "row"), ("before_id", "before_row")):
        run(f"UPDATE {FOUND} f SET {column} = n.id FROM {made} n WHERE n.row = f.{row} AND f.{column} IS NULL")
    run(f"UPDATE markets_business b SET predecessor_id = f.before_id FROM {FOUND} f WHERE b.id = f.after_id")
    pairs = f"SELECT before_id, after_id, day FROM {FOUND}"
    if plan.batch.pk:
        _carry_over_and_keep(plan.batch.pk, pairs)
    else:  # nothing will be taken back
        run(f"UPDATE markets_business b SET changed_at = now() FROM {FOUND} f WHERE b.id = f.before_id AND ({_has()})")
        carry_over(pairs, [])


def _has() -> str:
    return " OR ".join(f"EXISTS (SELECT 1 FROM {each.table} t WHERE {still_open('t', 'f')})" for each in followers())


def _carry_over_and_keep(batch: int, pairs: str) -> None:
    run(
        f"WITH done AS (UPDATE markets_business b SET changed_at = now() FROM {FOUND} f WHERE b.id = f.before_id "
        f"AND ({_has()}) RETURNING b.id, old.changed_at) INSERT INTO tables_batchchange (batch_id, record_id, before) "
        "SELECT %s, id, jsonb_build_object('changed_at', changed_at) FROM done ON CONFLICT DO NOTHING",
        [batch],
    )
    keep = (
        "kept AS (UPDATE tables_batchchange k SET before = k.before || jsonb_build_object('{table}', jsonb_build_object("
        "'to', i.after_id, 'was', i.was, 'now', i.now)) FROM images i WHERE k.batch_id = %s AND k.record_id = i.before_id)"
    )
    carry_over(pairs, [batch], keep)


# --- taking back ------------------------------------------------------------------------------------------------------


def own(batch: Batch) -> dict[str, str]:
    """Links that came with a new enterprise go with it."""
    return {each.table: f"o.entered_at = '{batch.applied_at.isoformat()}'" for each in followers()}


def _rows(table: str, which: str) -> str:
    return f"jsonb_populate_recordset(NULL::{table}, u.before -> '{table}' -> '{which}')"


def keep_together() -> None:
    """Both stay as they are where one of them stays, or where somebody changed a link since."""
    for each in followers():
        table = each.table
        run(
            f"UPDATE {ROWS} u SET conflict = '{BatchConflict.Kind.EDITED}' WHERE {GOES} AND u.before ? '{table}' AND ("
            f"EXISTS (SELECT 1 FROM {_rows(table, 'now')} left_as LEFT JOIN {table} t ON t.id = left_as.id "
            f"WHERE t IS DISTINCT FROM left_as) OR EXISTS (SELECT 1 FROM {_rows(table, 'was')} w JOIN {table} t "
            f"ON t.business_id = w.business_id AND t.{each.key} = w.{each.key} AND t.id <> w.id "
            "AND daterange(t.starts_on, t.ends_on) && daterange(w.starts_on, w.ends_on)))"
        )
    pairs = " UNION ".join(
        f"SELECT id AS one, (before -> '{each.table}' ->> 'to')::bigint AS other FROM {ROWS} "
        f"WHERE before ? '{each.table}'"
        for each in followers()
    )
    run(
        f"UPDATE {ROWS} u SET conflict = '{BatchConflict.Kind.REFERRED}' FROM {ROWS} o, ({pairs}) p WHERE {GOES} "
        "AND o.conflict IS NOT NULL AND (u.id, o.id) IN ((p.one, p.other), (p.other, p.one))"
    )


def let_go() -> set[int]:
    """Before rows go: nothing points to a predecessor in another part. Organizations whose numbers move by links."""
    run(
        f"UPDATE markets_business b SET predecessor_id = NULL FROM {ROWS} u WHERE b.id = u.id AND {GOES} "
        "AND b.predecessor_id IS NOT NULL AND (u.made OR u.before ? 'predecessor_id')"
    )
    found = fetch(
        f"SELECT o.guidance_station_id, o.district_committee_id, o.id FROM {ROWS} u, {_rows(COVERAGES, 'was')} w "
        f"JOIN orgs_organization o ON o.id = w.organization_id WHERE {GOES} AND u.before ? '{COVERAGES}'"
    )
    return {unit for units in found for unit in units if unit is not None}


def give_back(part: str) -> None:
    for each in followers():
        mine = f"u.before ? '{each.table}' AND {part}"
        now, was = _rows(each.table, "now"), _rows(each.table, "was")
        run(
            f"DELETE FROM {KEPT} k USING {ROWS} u WHERE k.before = u.id AND k.\"table\" = '{each.table}' "
            f"AND k.after = (u.before -> '{each.table}' ->> 'to')::bigint AND {mine}"
        )
        run(f"DELETE FROM {each.table} t USING {ROWS} u, {now} n WHERE t.id = n.id AND {mine}")
        run(f"INSERT INTO {each.table} SELECT w.* FROM {ROWS} u, {was} w WHERE {mine}")
