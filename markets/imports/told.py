"""What a file says beside what it may write: where systems differ, what did not appear, who should take over a row."""

import numpy as np
import polars as pl

from markets.imports.becomes import BLANK, SAID, came_from, may, stands
from markets.imports.checks import Checker
from markets.imports.plan import ASKED, LATER, MATCH, NAMED, NEW, STAGE, Plan
from markets.models import Absence, HandOver
from markets.sources import ORDER, Source
from tables.copying import copy_in
from tables.errors import Errors
from tables.models import Batch
from tables.statements import fetch, run
from tables.traces import ids_seen

SAYS = "import_business_says"


def _not_older(plan: Plan, of: str) -> str:
    return f"NOT EXISTS (SELECT 1 FROM {LATER} l WHERE l.id = {of})" if plan.has_later else "TRUE"


# --- where systems differ ---------------------------------------------------------------------------------------------


def hear(plan: Plan) -> None:
    """Before anything is written: the cells in which the file and another source disagree."""
    source = plan.batch.source
    said = ", ".join(
        f"('{key}', {SAID[key]}, {stands(key)}, {may(key, source)}, {came_from(key)}, {BLANK.get(key, 'FALSE')})"
        for key in ORDER
    )
    # Where everything came from the registration system its own file contradicts nobody: most rows end here.
    sparse = "AND b.provenance <> '{}'" if source == Source.REGISTRATION else ""
    run(f"DROP TABLE IF EXISTS {SAYS}")
    run(
        f"CREATE TEMP TABLE {SAYS} ON COMMIT DROP AS SELECT b.id, k.* FROM {STAGE} s JOIN {MATCH} m ON m.row = s.row "
        f"JOIN markets_business b ON b.id = m.id {sparse}, "
        f"LATERAL (VALUES {said}) k (col, said, stood, may, holder, blank) "
        f"WHERE k.said <> k.stood AND NOT k.blank AND k.holder <> %s AND {_not_older(plan, 'b.id')}",
        [source],
    )


def keep_differences(plan: Plan) -> None:
    """After everything is written: what agrees again goes, what was not written or was written over stays known."""
    source = plan.batch.source
    if fetch("SELECT 1 FROM markets_sourcedifference LIMIT 1"):
        said = ", ".join(f"('{key}', {SAID[key]}, {stands(key)})" for key in ORDER)
        run(
            f"DELETE FROM markets_sourcedifference d USING {STAGE} s JOIN {MATCH} m ON m.row = s.row "
            f"JOIN markets_business b ON b.id = m.id, LATERAL (VALUES {said}) k (col, said, stood) "
            'WHERE d.business_id = b.id AND d."column" = k.col AND (d.value = k.stood OR d.source = %s '
            f"AND k.said = k.stood) AND {_not_older(plan, 'b.id')}",
            [source],
        )
    run(
        'INSERT INTO markets_sourcedifference AS d (business_id, "column", source, value, file_date) '
        "SELECT id, col, CASE WHEN may THEN holder ELSE %s END, CASE WHEN may THEN stood ELSE said END, "
        f"CASE WHEN NOT may THEN %s::date END FROM {SAYS} "
        'ON CONFLICT (business_id, "column", source) DO UPDATE SET value = excluded.value, '
        "file_date = excluded.file_date, kept_at = NULL WHERE d.value <> excluded.value",
        [source, plan.batch.file_date],
    )


# --- full files: what did not appear ----------------------------------------------------------------------------------


def _name_left_out(checker: Checker) -> None:
    """Codes that wrong rows and rows of elsewhere carry: the file named them, so they did appear."""
    left = np.concatenate([np.empty(0, np.int64), *checker.wrong_rows, *checker.out_rows])
    for each in (checker.claims, checker.legacy_claims):
        for codes, at in zip(each.codes, each.rows, strict=True):
            found = codes[np.isin(at, left)]
            copy_in(NAMED, pl.DataFrame({"code": [code.decode() for code in found.tolist()]}, {"code": pl.String}))
    run(f"ANALYZE {NAMED}")


def _absent(plan: Plan) -> tuple[str, str, list]:
    """Conditions on b: what a full file of this source should name, and what of it this one does not; parameters of
    each."""
    inside, params = plan.scope.sql("b")
    expected = f"b.is_registered AND {inside}"
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


def count_absent(plan: Plan, checker: Checker) -> dict[str, int]:
    """absent: registered businesses that a full file should name and does not; expected: how many it should."""
    if not plan.batch.is_full:
        return {}
    _name_left_out(checker)
    expected, missing, params = _absent(plan)
    ((absent, all_of),) = fetch(
        f"SELECT count(*) FILTER (WHERE {missing}), count(*) FROM markets_business b WHERE {expected}", params
    )
    return {"absent": absent, "expected": all_of}


def keep_absent(plan: Plan) -> None:
    """What appears again is absent no more; what a full file does not name is listed, and stays as it is."""
    batch = plan.batch
    run(
        f"DELETE FROM markets_absence a USING {MATCH} m, tables_batch t WHERE a.business_id = m.id "
        "AND t.id = a.batch_id AND t.source = %s AND t.file_date <= %s",
        [batch.source, batch.file_date],
    )
    if batch.is_full:
        expected, missing, params = _absent(plan)
        run(
            "INSERT INTO markets_absence (business_id, batch_id) SELECT b.id, %s FROM markets_business b "
            f"WHERE {expected} AND {missing} AND NOT EXISTS (SELECT 1 FROM {NEW} n WHERE n.id = b.id)",
            [batch.pk, *params],
        )


# --- hand-overs -------------------------------------------------------------------------------------------------------


def ask(plan: Plan) -> None:
    """One open request for a business; what was refused is not asked again."""
    run(
        "INSERT INTO markets_handover (business_id, name, to_id, to_district_id, to_street_id, asked_from, source, state, "
        "batch_id, asked_by_id, asked_at, reason) "
        "SELECT a.id, a.name, a.to_id, a.district_id, a.street_id, a.asked_from, %s, 'asked', %s, %s, now(), '' "
        f"FROM {ASKED} a WHERE {_not_older(plan, 'a.id')} AND NOT EXISTS (SELECT 1 FROM markets_handover h "
        "WHERE h.business_id = a.id AND h.state = 'refused' AND h.to_id = a.to_id "
        "AND h.to_street_id IS NOT DISTINCT FROM a.street_id) "
        "ON CONFLICT (business_id) WHERE state = 'asked' DO NOTHING",
        [plan.batch.source, plan.batch.pk, plan.batch.owner_id],
    )


def take_back(batch: Batch) -> None:
    """What a batch that is undone said beside its rows: absences, open requests, and differences that are none now."""
    Absence.objects.filter(batch=batch).delete()
    HandOver.objects.filter(batch=batch, state=HandOver.State.ASKED).delete()
    stood = " ".join(f"WHEN '{key}' THEN {stands(key)}" for key in ORDER)
    run(
        "DELETE FROM markets_sourcedifference d USING markets_business b, tables_batchchange c WHERE c.batch_id = %s "
        f'AND b.id = c.record_id AND d.business_id = b.id AND d.value = CASE d."column" {stood} END',
        [batch.pk],
    )
