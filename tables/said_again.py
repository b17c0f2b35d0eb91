"""What a later file only confirmed leaves no trace in a record, but it was said: no undo takes it away. For every target.

A record that the batch made stays where a later file named it; one that it changed stays where a later file said
something in one of the columns that it changed. A blank cell says nothing. The very same file sent twice is no second
witness, nor is a file that its source wrote on an earlier day.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from django.db.models import QuerySet

from tables.models import Batch, BatchChange, BatchConflict, ColumnSighting, Sighting
from tables.register import sources_of, targets
from tables.statements import fetch, run
from tables.traces import WORD, bitmap
from tables.undo import GOES, ROWS

NAMED = ""  # in place of a column: the record was named
KEEP = f"UPDATE {ROWS} u SET conflict = '{BatchConflict.Kind.CONFIRMED}'"
# A bitmap is taken out of its storage once (`||` makes a copy in memory), not once for every bit.
IDS, BIT = "ids || ''::bytea AS ids", "CASE WHEN {0} < length(s.ids) * 8::bigint THEN get_bit(s.ids, {0}) = 1 END"


# --- while a file is written ------------------------------------------------------------------------------------------


def _changed_before(batch: Batch) -> QuerySet:
    """Before-images that an undo may still ask about."""
    written = Batch.objects.filter(target=batch.target, state__in=Batch.WRITTEN).exclude(pk=batch.pk)
    return BatchChange.objects.filter(batch__in=written)


def keep_said(batch: Batch, rows: str, said: Mapping[str, str]) -> None:
    """`rows`: a FROM clause with the `id` of each record that the file named; `said`: by column, whether its cell there
    was not blank."""
    earlier = _changed_before(batch)
    if not earlier.exists():
        return
    changed, params = earlier.order_by().values("record_id").query.sql_with_params()
    words = ", ".join(f"bit_or(1::bigint << (id %% {WORD})::int) FILTER (WHERE {where})" for where in said.values())
    found = fetch(f"SELECT id / {WORD}, {words} FROM {rows} WHERE id IN ({changed}) GROUP BY 1", params)
    for at, column in enumerate(said, 1):
        if some := [(row[0], row[at]) for row in found if row[at]]:
            ColumnSighting.objects.create(batch=batch, column=column, ids=bitmap(some))


class Seen:
    """The same for a file that is read row by row."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.words: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))

    def note(self, said: Mapping[int, Collection[str]]) -> None:
        """Records that were named, with the columns in which they were."""
        changed = set(_changed_before(self.batch).filter(record_id__in=said).values_list("record_id", flat=True))
        for record, columns in said.items():
            for column in (NAMED, *(columns if record in changed else ())):
                self.words[column][record // WORD] |= 1 << record % WORD

    def keep(self) -> None:
        Sighting.objects.create(batch=self.batch, ids=bitmap(self.words.pop(NAMED, {}).items()))
        ColumnSighting.objects.bulk_create(
            ColumnSighting(batch=self.batch, column=column, ids=bitmap(words.items()))
            for column, words in self.words.items()
        )


# --- when a batch is undone -------------------------------------------------------------------------------------------


def _witnesses(batch: Batch) -> QuerySet:
    since = Batch.objects.filter(target=batch.target, state__in=Batch.WRITTEN, applied_at__gt=batch.applied_at)
    since = since.exclude(source=batch.source, file_date__lt=batch.file_date)
    return since.exclude(digest=batch.digest) if batch.digest else since


def keep_what_was_said_again(batch: Batch, means: Callable[[str, str], str]) -> None:
    """For `tables.undo.Undo.keep_more`. `means`: of a column, and of the source of a file that says something there,
    the condition on `u` under which that confirms what the batch changed."""
    for pk, source in _witnesses(batch).order_by("pk").values_list("pk", "source"):
        _keep("tables_sighting WHERE batch_id = %s", [pk], "u.made")
        for column in ColumnSighting.objects.filter(batch=pk).order_by("column").values_list("column", flat=True):
            condition = f"NOT u.made AND {means(column, source)}"
            _keep('tables_columnsighting WHERE batch_id = %s AND "column" = %s', [pk, column], condition)


def _keep(bitmaps: str, params: Sequence, condition: str) -> None:
    run(
        f"{KEEP} FROM (SELECT {IDS} FROM {bitmaps} OFFSET 0) s WHERE {GOES} AND {condition} AND {BIT.format('u.id')}",
        params,
    )


def said_since(batch: Batch, records: Collection[int]) -> dict[int, set[str]]:
    """Which of these records later files named, each with NAMED and the columns in which they said something."""
    witnesses = list(_witnesses(batch).values_list("pk", flat=True))
    if not witnesses:
        return {}
    bitmaps = " UNION ALL ".join(
        f"SELECT {name}, {IDS} FROM {table} WHERE batch_id = ANY(%s)"
        for table, name in (("tables_sighting", f"'{NAMED}' AS name"), ("tables_columnsighting", '"column"'))
    )
    found = fetch(
        f"SELECT id, array_agg(DISTINCT s.name) FROM ({bitmaps} OFFSET 0) s, unnest(%s::bigint[]) id "
        f"WHERE {BIT.format('id')} GROUP BY 1",
        [witnesses, witnesses, list(records)],
    )
    return {record: set(names) for record, names in found}


def forget(batches: QuerySet) -> None:
    """Of batches that cannot be undone any more, nor what came before them. What tells a later file of a source from an
    older one stays."""
    ColumnSighting.objects.filter(batch__in=batches)._raw_delete("default")
    in_no_order = [name for name, target in targets().items() if not sources_of(target)]
    Sighting.objects.filter(batch__in=batches.filter(target__in=in_no_order))._raw_delete("default")
