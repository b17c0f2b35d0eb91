"""Taking back what a batch said beside its rows: differences, absences and requests are again what they were."""

from django.db.models import Q, QuerySet

from markets.imports.becomes import stands
from markets.models import Absence, HandOver, ReplacedDifference
from markets.sources import ORDER
from tables.models import Batch, BatchConflict
from tables.statements import run
from tables.traces import ids_seen
from tables.undo import ROWS

BACK = "undo_difference"  # temporary: was, of the differences that come back
SAME = 'd.business_id = i.business_id AND d."column" = i."column" AND d.source = i.source'
Kind = BatchConflict.Kind


def take_back(batch: Batch) -> None:
    """When the rows are back. What somebody touched since stays and is listed, and with a row all that is said of it."""
    HandOver.objects.filter(batch=batch, state=HandOver.State.ASKED).delete()
    _differences(batch)
    _absences(batch)


def forget(batches: QuerySet) -> None:
    """Of batches that cannot be undone any more."""
    for rows in (
        ReplacedDifference.objects.filter(batch__in=batches),
        Absence._base_manager.filter(appeared_in__in=batches),
    ):
        rows._raw_delete(rows.db)


def _differences(batch: Batch) -> None:
    goes = f"NOT EXISTS (SELECT FROM {ROWS} u WHERE u.id = {{}}.business_id AND u.conflict IS NOT NULL)"
    untouched = "CASE WHEN i.stays THEN d.batch_id = i.batch_id AND d.kept_at IS NULL ELSE d.id IS NULL END"
    replaced = f"markets_replaceddifference i LEFT JOIN markets_sourcedifference d ON {SAME} WHERE i.batch_id = %s"
    run(f"DROP TABLE IF EXISTS {BACK}")
    run(
        f"CREATE TEMP TABLE {BACK} ON COMMIT DROP AS SELECT i.was FROM {replaced} AND {goes.format('i')} AND {untouched}",
        [batch.pk],
    )
    later = (
        "d.batch_id <> i.batch_id OR EXISTS (SELECT FROM markets_replaceddifference o WHERE o.business_id = i.business_id "
        'AND o."column" = i."column" AND o.source = i.source AND o.batch_id > i.batch_id)'
    )
    run(
        "INSERT INTO tables_batchconflict (batch_id, record_id, kind) SELECT %s, id, min(kind) FROM ("
        f"SELECT i.business_id, CASE WHEN {later} THEN '{Kind.LATER}' ELSE '{Kind.EDITED}' END "
        f"FROM {replaced} AND {goes.format('i')} AND ({untouched}) IS NOT TRUE UNION ALL "
        f"SELECT d.business_id, '{Kind.EDITED}' FROM markets_sourcedifference d WHERE d.batch_id = %s "
        f"AND d.kept_at IS NOT NULL AND {goes.format('d')}) touched (id, kind) GROUP BY id ON CONFLICT DO NOTHING",
        [batch.pk] * 3,
    )
    run(
        f"DELETE FROM markets_sourcedifference d WHERE d.batch_id = %s AND d.kept_at IS NULL AND {goes.format('d')}",
        [batch.pk],
    )
    run(
        f"INSERT INTO markets_sourcedifference SELECT r.* FROM {BACK} i, "
        "LATERAL jsonb_populate_record(NULL::markets_sourcedifference, i.was) r JOIN markets_business b "
        f"ON b.id = r.business_id WHERE r.value IS DISTINCT FROM {_stood('r')} ON CONFLICT DO NOTHING"
    )
    run(
        "DELETE FROM markets_sourcedifference d USING markets_business b, tables_batchchange c WHERE c.batch_id = %s "
        f"AND b.id = c.record_id AND d.business_id = b.id AND d.value = {_stood('d')}",
        [batch.pk],
    )


def _stood(of: str) -> str:
    return f'CASE {of}."column" {" ".join(f"WHEN {key!r} THEN {stands(key)}" for key in ORDER)} END'


def _absences(batch: Batch) -> None:
    """Who appeared in this file only is absent again."""
    Absence._base_manager.filter(batch=batch).delete()
    ended = Absence._base_manager.filter(appeared_in=batch)
    for pk in ended.order_by().values_list("batch", flat=True).distinct():
        of = Batch.objects.get(pk=pk)
        others = Batch.objects.filter(
            Q(file_date__gt=of.file_date) | Q(file_date=of.file_date, pk__gt=pk),
            target=of.target, source=of.source, state=Batch.State.APPLIED, sighting__isnull=False,
        )  # fmt: skip
        ids = list(others.exclude(pk=batch.pk).values_list("sighting", flat=True))
        seen = f"AND business_id NOT IN ({ids_seen('s.id = ANY(%s)')})" if ids else ""
        run(
            f"UPDATE markets_absence SET appeared_in_id = NULL WHERE appeared_in_id = %s AND batch_id = %s {seen}",
            [batch.pk, pk, *([ids] if ids else [])],
        )
