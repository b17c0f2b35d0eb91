"""What a person changed in the preview: cells mended, rows left out, columns put right. The file stays as it is.

A source opened here gives the rows as they count: every target, the check and the writing see the same.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl
from django.db import connection, transaction
from django.db.models import Count, Exists, Max, OuterRef, QuerySet

from accounts import audit
from tables.mapping import RememberingTable, headers_shown
from tables.models import Batch, RowError, RowFix
from tables.readers import Block, Source, open_source
from tables.register import Cannot, target
from tables.table import Table

ADOPTED_AT_ONCE = 20_000  # each is encrypted by itself


class FixedSource(Source):
    """A source with a batch's fixes on its blocks. `left_out` counts the rows that did not come, once all are read."""

    def __init__(
        self, source: Source, table: RememberingTable, fixes: dict[int, dict[str, str | None]], left_out: np.ndarray
    ) -> None:
        self.__dict__.update(source.__dict__)  # the same file, reader and columns
        self.source, self.fixes, self.left_out = source, fixes, 0
        self.headers = headers_shown([*source.sheets, *source.aside], table)
        self.places = column_places(source, table)
        self._mended = np.array(sorted(fixes), dtype=np.int64)
        self._gone = left_out

    def blocks(self) -> Iterator[Block]:
        self.left_out = 0
        for block in self.source.blocks():
            kept = self._standing(self._put_right(block))
            if len(kept):
                yield kept

    def _standing(self, block: Block) -> Block:
        gone = np.isin(block.numbers, self._gone)
        if not gone.any():
            return block
        self.left_out += int(gone.sum())
        mask = pl.Series(~gone)
        return replace(block, numbers=block.numbers[~gone], columns=[series.filter(mask) for series in block.columns])

    def _put_right(self, block: Block) -> Block:
        found = np.flatnonzero(np.isin(block.numbers, self._mended))
        if not len(found):
            return block
        by_column: dict[int, dict[int, str | None]] = {}
        for at in found:
            for column, value in self.fixes[int(block.numbers[at])].items():
                if column in self.places:
                    by_column.setdefault(self.places[column], {})[int(at)] = value
        columns = list(block.columns)
        for place, cells in by_column.items():
            values = columns[place].to_list()
            for at, value in cells.items():
                values[at] = value
            columns[place] = pl.Series(values, dtype=pl.String)
        return replace(block, columns=columns)


def column_places(source: Source, table: Table) -> dict[str, int]:
    """Where a column stands, by the names under which errors tell of it: the file's own heading, else our label."""
    places = {table.by_key[key].label: at for key, at in source.mapping.items()}
    places |= {heading.strip(): at for at, heading in reversed(list(enumerate(source.header)))}
    return places | {source.label(key): at for key, at in source.mapping.items()}


def open_batch(file: Path | IO[bytes], batch: Batch) -> FixedSource:
    """The batch's file as it counts: columns as chosen or remembered, fixes applied. Raises Refused."""
    table = RememberingTable.of(target(batch.target).table, batch)
    source = open_source(file, table)
    fixes: dict[int, dict[str, str | None]] = {}
    if batch.pk:
        for fix in batch.fixes.exclude(column="").iterator():
            fixes.setdefault(fix.row, {})[fix.column] = fix.value or None
    left_out = batch.fixes.filter(column="").values_list("row", flat=True).iterator() if batch.pk else ()
    return FixedSource(source, table, fixes, np.fromiter(left_out, dtype=np.int64))


def mark(batch: Batch) -> list:
    """Changes with everything that is put right in the preview: a fix is never changed in place."""
    told = RowFix.objects.filter(batch_id=batch.pk).aggregate(count=Count("pk"), last=Max("pk"))
    return [told["count"], told["last"] or 0, batch.mapping]


def is_pending(batch: Batch) -> bool:
    """Was anything put right since the batch was checked?"""
    return batch.plan.get("mark", [0, 0, {}]) != mark(batch)


# --- what a person puts right -----------------------------------------------------------------------------------------


def _waiting(batch: Batch) -> None:
    """Hold the batch until the end of the transaction. Raises Cannot unless it waits for a decision."""
    if not Batch.objects.select_for_update().filter(pk=batch.pk, state=Batch.State.CHECKED).exists():
        raise Cannot("这一批已经写入、已放弃或正在检查，不能再改。")


def _record(batch: Batch, what: str, cells: int, **more) -> None:
    """A batch is its owner's only, so it is the owner who mends it."""
    if cells:
        audit.record(f"tables.batch.{what}", by=batch.owner, subjects=[batch], detail={"cells": cells, **more})


@transaction.atomic
def cell_fix(*, batch: Batch, row: int, column: str, value: str = "") -> RowFix:
    """Mend one cell; with no column, leave the row out. Raises Cannot."""
    _waiting(batch)
    RowFix.objects.filter(batch=batch, row=row, column=column).delete()
    _record(batch, "fix", 1, row=row, column=column)
    return RowFix.objects.create(batch=batch, row=row, column=column, value=value)


@transaction.atomic
def fix_remove(*, batch: Batch, fixes: QuerySet[RowFix]) -> int:
    """Take fixes back. Raises Cannot."""
    _waiting(batch)
    removed = fixes.filter(batch=batch).delete()[0]
    _record(batch, "unfix", removed)
    return removed


@transaction.atomic
def group_adopt(*, batch: Batch, errors: QuerySet[RowError]) -> int:
    """Take what is suggested for each of these errors, at most ADOPTED_AT_ONCE. How many cells."""
    _waiting(batch)
    done = RowFix.objects.filter(batch=batch, row=OuterRef("row"), column=OuterRef("column"))
    cells = errors.exclude(suggestion="").exclude(column="").exclude(Exists(done)).order_by("row")
    found = {(e.row, e.column): e.suggestion for e in cells[:ADOPTED_AT_ONCE]}
    RowFix.objects.bulk_create(
        [RowFix(batch=batch, row=row, column=column, value=value) for (row, column), value in found.items()],
        batch_size=2_000,
        ignore_conflicts=True,
    )
    _record(batch, "fix", len(found))
    return len(found)


@transaction.atomic
def group_leave(*, batch: Batch, errors: QuerySet[RowError]) -> int:
    """Leave out every row with one of these errors. How many rows."""
    _waiting(batch)
    rows, params = errors.order_by().values("row").distinct().query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO tables_rowfix (batch_id, "row", "column") SELECT %s, q."row", \'\' FROM ({rows}) q '
            "ON CONFLICT DO NOTHING",
            [batch.pk, *params],
        )
        left = cursor.rowcount
    _record(batch, "leave", left)
    return left
