"""What a file says beside what it may write: where systems differ, what did not appear, who should take over a row."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from markets.imports.becomes import BLANK, came_from, may, said, stands
from markets.imports.checks import Checker
from markets.imports.plan import ASKED, LATER, MATCH, NAMED, NEW, STAGE, Plan
from markets.sources import ORDER, Source
from tables.copying import copy_in
from tables.errors import Errors
from tables.models import Batch
from tables.register import EFFECTS
from tables.statements import fetch, run
from tables.traces import ids_seen

SAYS = "import_business_says"
UNREAD = "import_business_unread"  # row, name; where neither code nor proposal leads to a business


def _not_older(plan: Plan, of: str) -> str:
    return f"NOT EXISTS (SELECT 1 FROM {LATER} l WHERE l.id = {of})" if plan.has_later else "TRUE"


# --- where systems differ ---------------------------------------------------------------------------------------------


def hear(plan: Plan) -> None:
    """Before anything is written: the cells in which the file and another source disagree, into SAYS."""
    source = plan.batch.source
    cells = ", ".join(
        f"('{key}', {said(key, source)}, {stands(key)}, {may(key, source)}, {came_from(key)}, {BLANK.get(key, 'FALSE')})"
        for key in ORDER
    )
    # Where everything came from the registration system its own file contradicts nobody: most rows end here.
    sparse = "AND b.provenance <> '{}'" if source == Source.REGISTRATION else ""
    run(f"DROP TABLE IF EXISTS {SAYS}")
    run(
        f"CREATE TEMP TABLE {SAYS} ON COMMIT DROP AS SELECT b.id, {plan.day} AS day, k.* FROM {STAGE} s "
        f"JOIN {MATCH} m ON m.row = s.row JOIN markets_business b ON b.id = m.id {sparse}, "
        f"LATERAL (VALUES {cells}) k (col, said, stood, may, holder, blank) "
        f"WHERE k.said <> k.stood AND NOT k.blank AND k.holder <> %s AND {_not_older(plan, 'b.id')}",
        [source],
    )


def count_beside(plan: Plan, counts: Mapping[str, int]) -> dict[str, int]:
    """What writing does beside the rows, by the names of tables.register.COUNTS; `counts`: what is known of the plan."""
    hear(plan)
    beside = {"differences": _told_anew(plan), "settled": _settled(plan), "appeared": _appeared(plan)}
    if not any({**counts, **beside}.get(effect) for effect in EFFECTS):
        beside["newer"] = _newer(plan)
    return beside


def _told_anew(plan: Plan) -> int:
    ((count,),) = fetch(
        f"SELECT count(*) FROM {SAYS} k WHERE NOT EXISTS (SELECT FROM markets_sourcedifference d "
        'WHERE d.business_id = k.id AND d."column" = k.col AND d.source = CASE WHEN k.may THEN k.holder ELSE %s END '
        "AND d.value = CASE WHEN k.may THEN k.stood ELSE k.said END)",
        [plan.batch.source],
    )
    return count


def _settled(plan: Plan) -> int:
    """As `keep_differences` will find it when everything is written."""
    source = plan.batch.source
    over = " ".join(
        f"WHEN '{key}' THEN d.value = k.{key} OR d.source = %s AND {said(key, source)} = k.{key}" for key in ORDER
    )
    stood = ", ".join(
        f"CASE WHEN {may(key, source)} THEN COALESCE({said(key, source)}, {stands(key)}) ELSE {stands(key)} END AS {key}"
        for key in ORDER
    )
    ((count,),) = fetch(
        f"SELECT count(*) FROM markets_sourcedifference d JOIN {MATCH} m ON m.id = d.business_id "
        f"JOIN {STAGE} s ON s.row = m.row JOIN markets_business b ON b.id = m.id, LATERAL (SELECT {stood}) k "
        f'WHERE CASE d."column" {over} END AND {_not_older(plan, "b.id")}',
        [source] * len(ORDER),
    )
    return count


def _newer(plan: Plan) -> int:
    seen = ids_seen("t.target = %s AND t.source = %s AND t.state = %s AND t.file_date >= %s")
    ((count,),) = fetch(
        f"SELECT count(*) FROM {MATCH} m WHERE NOT EXISTS (SELECT FROM ({seen}) q WHERE q.id = m.id)",
        [plan.batch.target, plan.batch.source, Batch.State.APPLIED, plan.batch.file_date],
    )
    return count


def confirm(plan: Plan) -> None:
    """What the registration system only confirms is its own from now on. Such rows count as unchanged; an undo knows
    them."""
    if not fetch(f"SELECT EXISTS (SELECT FROM {MATCH} WHERE confirms AND NOT differs)")[0][0]:
        return
    keep = (
        "INSERT INTO tables_batchchange (batch_id, record_id, before) SELECT %s, id, "
        "jsonb_build_object('provenance', provenance, 'changed_at', changed_at) FROM done "
        "ON CONFLICT (batch_id, record_id) DO UPDATE SET before = excluded.before || tables_batchchange.before"
    )
    run(
        f"WITH done AS (UPDATE markets_business b SET provenance = {plan.rules.becomes['provenance']}, changed_at = now() "
        f"FROM {STAGE} s JOIN {MATCH} m ON m.row = s.row WHERE b.id = m.id AND m.confirms AND NOT m.differs "
        f"RETURNING b.id, old.provenance, old.changed_at) {keep if plan.batch.pk else 'SELECT FROM done'}",
        [plan.batch.pk] if plan.batch.pk else [],
    )


_KEEP = (
    'INSERT INTO markets_replaceddifference (batch_id, business_id, "column", source, was, stays) '
    'SELECT %s, business_id, "column", source, was, {stays} FROM told WHERE was IS NOT NULL '
    'ON CONFLICT (batch_id, business_id, "column", source) DO UPDATE SET stays = excluded.stays'
)


def keep_differences(plan: Plan) -> None:
    """After everything is written: what agrees again goes, what was not written or was written over stays known."""
    source, batch = plan.batch.source, plan.batch.pk
    if fetch("SELECT 1 FROM markets_sourcedifference LIMIT 1"):
        cells = ", ".join(f"('{key}', {said(key, source)}, {stands(key)})" for key in ORDER)
        _tell(
            f"DELETE FROM markets_sourcedifference d USING {STAGE} s JOIN {MATCH} m ON m.row = s.row "
            f"JOIN markets_business b ON b.id = m.id, LATERAL (VALUES {cells}) k (col, said, stood) "
            'WHERE d.business_id = b.id AND d."column" = k.col AND (d.value = k.stood OR d.source = %s '
            f"AND k.said = k.stood) AND {_not_older(plan, 'b.id')} "
            'RETURNING d.business_id, d."column", d.source, to_jsonb(d) AS was',
            [source], batch, stays=False,
        )  # fmt: skip
    _tell(
        'INSERT INTO markets_sourcedifference AS d (business_id, "column", source, value, file_date, batch_id) '
        "SELECT id, col, CASE WHEN may THEN holder ELSE %s END, CASE WHEN may THEN stood ELSE said END, "
        f"CASE WHEN NOT may THEN day END, %s FROM {SAYS} "
        'ON CONFLICT (business_id, "column", source) DO UPDATE SET value = excluded.value, file_date = excluded.file_date, '
        "batch_id = excluded.batch_id, kept_at = NULL, decided_against = FALSE WHERE d.value <> excluded.value "
        'RETURNING business_id, "column", source, CASE WHEN old.id IS NOT NULL THEN to_jsonb(old) END AS was',
        [source, batch], batch, stays=True,
    )  # fmt: skip


def _tell(act: str, params: list, batch: int | None, *, stays: bool) -> None:
    """With what an undo needs of the rows that an act replaces. Without a batch there is none."""
    if batch:
        run(f"WITH told AS ({act}) {_KEEP.format(stays=stays)}", [*params, batch])
    else:
        run(f"WITH told AS ({act}) SELECT FROM told", params)


# --- full files: what did not appear ----------------------------------------------------------------------------------


def _name_left_out(plan: Plan, checker: Checker) -> None:
    """Codes that wrong rows and rows of elsewhere carry: the file named them, so they did appear. Where a code cannot be
    read the row speaks of what was proposed or of its other code; where that is nobody, perhaps of a namesake."""
    left = np.concatenate([np.empty(0, np.int64), *checker.wrong_rows, *checker.out_rows])
    for each in (checker.claims, checker.legacy_claims):
        for codes, at in zip(each.codes, each.rows, strict=True):
            found = codes[np.isin(at, left)]
            named = pl.DataFrame({"code": [code.decode() for code in found.tolist()]}, {"code": pl.String})
            copy_in(NAMED, named.with_columns(row=pl.lit(None, dtype=pl.Int32)))
    copy_in(NAMED, pl.DataFrame(checker.beside, {"row": pl.Int32, "code": pl.String}, orient="row"))
    run(f"INSERT INTO {NAMED} SELECT suggestion, row FROM {Errors.TABLE} WHERE suggestion <> ''")
    run(f"DROP TABLE IF EXISTS {UNREAD}")
    run(f"CREATE TEMP TABLE {UNREAD} (row int, name text) ON COMMIT DROP")
    copy_in(UNREAD, pl.DataFrame(checker.unread, {"row": pl.Int32, "name": pl.String}, orient="row"))
    for table in (NAMED, UNREAD):
        run(f"ANALYZE {table}")
    inside, params = plan.scope.sql("b")
    run(
        f"DELETE FROM {UNREAD} n USING {NAMED} c JOIN markets_business b ON c.code IN (b.uscc, b.legacy_registration_no) "
        f"WHERE c.row = n.row AND {inside}",
        params,
    )


def _absent(plan: Plan) -> tuple[str, str, list]:
    """Conditions on b: what a full file of this source should name, and what of it this one does not; parameters of
    each."""
    inside, params = plan.scope.sql("b")
    expected = (
        f"b.is_registered AND COALESCE(b.registered_on <= '{plan.batch.file_date}'::date, TRUE) AND {inside} "
        f"AND {_not_older(plan, 'b.id')}"  # what a later file names was only not there yet
    )
    if plan.batch.source != Source.REGISTRATION:  # what this source ever spoke of
        seen = ids_seen("t.target = %s AND t.source = %s AND t.state = 'applied'")
        expected += f" AND b.id IN ({seen})"
        params = [*params, plan.batch.target, plan.batch.source]
    missing = f"NOT EXISTS (SELECT 1 FROM {MATCH} m WHERE m.id = b.id)" + "".join(
        f" AND NOT EXISTS (SELECT 1 FROM {table} n WHERE n.{column} = b.{code})"
        for table, column in ((NAMED, "code"), (Errors.TABLE, "value"))
        for code in ("uscc", "legacy_registration_no")
    )
    return expected, missing, params


def _namesake(of: str) -> str:
    return f"EXISTS (SELECT 1 FROM {UNREAD} n WHERE n.name = {of})"


def count_absent(plan: Plan, checker: Checker) -> dict[str, int]:
    """absent: registered businesses that a full file should name and does not; namesakes: those of which a row may
    speak whose code nobody can read; expected: how many it should name; unread: such rows that fit no name either."""
    if not plan.batch.is_full:
        return {}
    _name_left_out(plan, checker)
    expected, missing, params = _absent(plan)
    ((absent, namesakes, all_of),) = fetch(
        f"SELECT count(*) FILTER (WHERE missing), count(*) FILTER (WHERE missing AND {_namesake('q.name')}), count(*) "
        f"FROM (SELECT b.name, {missing} AS missing FROM markets_business b WHERE {expected} OFFSET 0) q",
        params,
    )
    inside, params = plan.scope.sql("b")
    ((unread,),) = fetch(
        f"SELECT count(*) FROM {UNREAD} n WHERE NOT EXISTS (SELECT 1 FROM markets_business b WHERE b.name = n.name "
        f"AND {inside})",
        params,
    )
    return {"absent": absent, "namesakes": namesakes, "expected": all_of, "unread": unread}


def _found_again(plan: Plan) -> str:
    """What absences `a` are joined to, and which of them end."""
    return (
        f"{MATCH} m, tables_batch t WHERE a.business_id = m.id AND a.appeared_in_id IS NULL AND t.id = a.batch_id "
        f"AND t.target = 'business' AND t.source = '{plan.batch.source}' AND t.file_date <= {plan.day}"
    )


def _appeared(plan: Plan) -> int:
    return fetch(f"SELECT count(DISTINCT a.business_id) FROM markets_absence a, {_found_again(plan)}")[0][0]


def keep_absent(plan: Plan) -> None:
    """What appears again is absent no more; what a full file does not name is listed, and stays as it is."""
    batch, found = plan.batch, _found_again(plan)
    if batch.pk:
        run(f"UPDATE markets_absence a SET appeared_in_id = %s FROM {found}", [batch.pk])
    else:  # nothing will be taken back
        run(f"DELETE FROM markets_absence a USING {found}")
    if batch.is_full:
        expected, missing, params = _absent(plan)
        run(
            "INSERT INTO markets_absence (business_id, batch_id, has_namesake) "
            f"SELECT b.id, %s, {_namesake('b.name')} FROM markets_business b "
            f"WHERE {expected} AND {missing} AND NOT EXISTS (SELECT 1 FROM {NEW} n WHERE n.id = b.id)",
            [batch.pk, *params],
        )


# --- hand-overs -------------------------------------------------------------------------------------------------------


def ask(plan: Plan) -> list[tuple[int, int]]:
    """One open request for a business. What was refused or withdrawn is asked again by a file or an event of a later day
    only, and after a second refusal by hand only: nobody is flooded with what they have answered.

    The requests made: (id, id of the organization that should take over).
    """
    return fetch(
        "INSERT INTO markets_handover (business_id, name, to_id, to_district_id, to_street_id, asked_from, source, state, "
        "batch_id, asked_by_id, asked_by_system, asked_at, reason) "
        "SELECT m.id, m.name, m.to_id, m.district_id, m.street_id, m.asked_from, %s, 'asked', %s, %s, %s, now(), '' "
        f"FROM {ASKED} m WHERE {_not_older(plan, 'm.id')} AND NOT EXISTS (SELECT FROM markets_handover h "
        "WHERE h.business_id = m.id AND h.state IN ('refused', 'withdrawn') AND h.to_id = m.to_id "
        "AND h.to_street_id IS NOT DISTINCT FROM m.street_id HAVING count(*) FILTER (WHERE h.state = 'refused') > 1 "
        f"OR max((h.decided_at AT TIME ZONE 'Asia/Shanghai')::date) >= {plan.day}) "
        "ON CONFLICT (business_id) WHERE state = 'asked' DO NOTHING RETURNING id, to_id",
        [plan.batch.source, plan.batch.pk, plan.batch.owner_id, plan.sender],
    )
