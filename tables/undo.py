"""Taking back what a batch did to one table, whole sets at a time. What cannot be taken back stays and is listed.

Works on any model with `changed_at` whose import left BatchRange and BatchChange behind: the rows are those that still
carry the batch's write time. The rows of other tables that came with them are the room's own (`Undo.own`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.db import models

from tables.models import Batch, BatchConflict
from tables.register import Progress
from tables.statements import fetch, run

ROWS = "undo_row"  # temporary: n, id, made, before, conflict (null: goes back)
STEP = 50_000  # rows of a statement: short enough to be cancelled between two
GOES = "u.conflict IS NULL"
Kind = BatchConflict.Kind


@dataclass
class Undo:
    """Runs in the caller's transaction, under the import lock. `own`: of tables that refer to the model, which of
    their rows `o` came with the batch's new rows and go with them; any other reference keeps a new row. `keep_more`:
    what else of ROWS stays, before it is asked what rests on what stays."""

    batch: Batch
    model: type[models.Model]
    progress: Progress
    own: Mapping[str, str] = field(default_factory=dict)
    keep_more: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.table = self.model._meta.db_table

    def plan(self) -> None:
        """Which rows go back, which stay and why. Self-references count until nothing more turns out to stay."""
        run("SET CONSTRAINTS ALL IMMEDIATE")  # a queue of millions of deferred checks would eat the memory
        self._gather()
        self._blame_later_batches()
        self.keep_more()
        self._keep_what_is_referred_to()
        self._keep_what_lost_its_ground()
        self._keep_what_is_referred_to()

    def _gather(self) -> None:
        edited = f"CASE WHEN b.changed_at IS DISTINCT FROM %s THEN '{Kind.EDITED}' END"
        run(f"DROP TABLE IF EXISTS {ROWS}")
        run(
            f"CREATE TEMP TABLE {ROWS} (n, id, made, before, conflict) ON COMMIT DROP AS "
            "SELECT row_number() OVER (ORDER BY id), id, made, before, conflict FROM ("
            f"SELECT b.id, true AS made, NULL::jsonb AS before, {edited} AS conflict FROM tables_batchrange r "
            f"JOIN {self.table} b ON b.id BETWEEN r.first AND r.last WHERE r.batch_id = %s UNION ALL "
            f"SELECT b.id, false, c.before, {edited} FROM tables_batchchange c JOIN {self.table} b "
            "ON b.id = c.record_id WHERE c.batch_id = %s) found",
            [self.batch.applied_at, self.batch.pk] * 2,
        )
        run(f"CREATE UNIQUE INDEX ON {ROWS} (id)")
        run(f"CREATE UNIQUE INDEX ON {ROWS} (n)")
        run(f"ANALYZE {ROWS}")

    def _blame_later_batches(self) -> None:
        run(
            f"UPDATE {ROWS} u SET conflict = '{Kind.LATER}' FROM {self.table} b, tables_batchchange c, tables_batch t "
            "WHERE u.conflict IS NOT NULL AND b.id = u.id AND c.record_id = u.id AND t.id = c.batch_id "
            "AND t.target = %s AND t.applied_at = b.changed_at",
            [self.batch.target],
        )

    def _keep_what_is_referred_to(self) -> None:
        for table, column in fetch(
            "SELECT c.conrelid::regclass::text, a.attname FROM pg_constraint c "
            "JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] "
            "WHERE c.contype = 'f' AND c.confrelid = %s::regclass AND cardinality(c.conkey) = 1 ORDER BY 1, 2",
            [self.table],
        ):
            itself = table == self.table
            goes_too = (
                f"EXISTS (SELECT 1 FROM {ROWS} x WHERE x.id = o.id AND x.conflict IS NULL "
                f"AND (x.made OR x.before ? '{column}'))"
                if itself
                else f"({self.own.get(table, 'false')})"
            )
            keep = (
                f"UPDATE {ROWS} u SET conflict = '{Kind.REFERRED}' FROM {table} o "
                f"WHERE o.{column} = u.id AND u.made AND {GOES} AND NOT {goes_too}"
            )
            while run(keep) and itself:
                pass

    def _keep_what_lost_its_ground(self) -> None:
        """Before-images that the database would refuse now: the unit was moved, the code is another's by now."""
        before = f"FROM {ROWS} u JOIN {self.table} b ON b.id = u.id, LATERAL jsonb_populate_record(b, u.before) r"
        changed = f"NOT u.made AND {GOES}"
        for target, columns, target_columns in fetch(
            "SELECT c.confrelid::regclass::text, ARRAY(SELECT attname::text FROM unnest(c.conkey) WITH ORDINALITY k "
            "(n, i) JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n ORDER BY i), "
            "ARRAY(SELECT attname::text FROM unnest(c.confkey) WITH ORDINALITY k (n, i) "
            "JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.n ORDER BY i) "
            "FROM pg_constraint c WHERE c.contype = 'f' AND c.conrelid = %s::regclass AND c.confrelid <> c.conrelid",
            [self.table],
        ):
            same = " AND ".join(f"t.{theirs} = r.{ours}" for ours, theirs in zip(columns, target_columns, strict=True))
            said = " AND ".join(f"r.{column} IS NOT NULL" for column in columns)
            run(
                f"UPDATE {ROWS} SET conflict = '{Kind.GONE}' WHERE id IN (SELECT u.id {before} WHERE {changed} "
                f"AND u.before ?| %s AND {said} AND NOT EXISTS (SELECT 1 FROM {target} t WHERE {same}))",
                [columns],
            )
        for column in [f.column for f in self.model._meta.concrete_fields if f.unique and not f.primary_key]:
            run(
                f"UPDATE {ROWS} SET conflict = '{Kind.TAKEN}' WHERE id IN (SELECT u.id {before} WHERE {changed} "
                f"AND u.before ? '{column}' AND EXISTS (SELECT 1 FROM {self.table} o LEFT JOIN {ROWS} x "
                f"ON x.id = o.id AND x.made AND x.conflict IS NULL WHERE o.{column} = r.{column} AND o.id <> u.id "
                "AND x.id IS NULL))"
            )

    def units(self, *columns: str) -> list[int]:
        """Organizations in these columns of the rows that go back, as they are now and as they were."""
        found: set[int] = set()
        for column in columns:
            found |= {
                unit
                for pair in fetch(
                    f"SELECT b.{column}, (u.before ->> '{column}')::bigint FROM {ROWS} u JOIN {self.table} b "
                    f"ON b.id = u.id WHERE {GOES} GROUP BY 1, 2"
                )
                for unit in pair
                if unit is not None
            }
        return sorted(found)

    def steps(self):
        """Conditions on `u` that take the rows which go back, one part after the other."""
        ((last,),) = fetch(f"SELECT COALESCE(max(n), 0) FROM {ROWS}")
        for first in range(0, last, STEP):
            self.progress(first, last, "正在撤销")
            yield f"{GOES} AND u.n > {first} AND u.n <= {first + STEP}"
        self.progress(last, last, "正在撤销")

    def remove(self, part: str) -> None:
        """New rows, with what is their own."""
        for relation in self.model._meta.related_objects:
            table, column = relation.related_model._meta.db_table, relation.field.column
            if table in self.own:
                run(f"DELETE FROM {table} o USING {ROWS} u WHERE o.{column} = u.id AND u.made AND {part}")
        run(f"DELETE FROM {self.table} b USING {ROWS} u WHERE b.id = u.id AND u.made AND {part}")

    def restore(self, part: str) -> None:
        """Changed rows, `changed_at` too: a batch before this one can still be taken back afterwards."""
        columns = [f.column for f in self.model._meta.concrete_fields if not f.generated and not f.primary_key]
        sets = ", ".join(f"{column} = r.{column}" for column in columns)
        run(
            f"UPDATE {self.table} b SET {sets} FROM {ROWS} u JOIN {self.table} o ON o.id = u.id, "
            f"LATERAL jsonb_populate_record(o, u.before) r WHERE b.id = u.id AND NOT u.made AND {part}"
        )

    def keep_conflicts(self) -> int:
        run("SET CONSTRAINTS ALL DEFERRED")
        BatchConflict.objects.filter(batch=self.batch).delete()
        return run(
            "INSERT INTO tables_batchconflict (batch_id, record_id, kind) "
            f"SELECT %s, id, conflict FROM {ROWS} WHERE conflict IS NOT NULL ORDER BY id",
            [self.batch.pk],
        )
