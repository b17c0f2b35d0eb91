"""Tables of up to some hundred thousand rows, brought in by file: judged in blocks, matched in bulk, written in steps.

Businesses, of which there are millions, have an engine of their own (markets/imports). Everything else comes through
here. The columns of a Table say how each cell is read (`Column.parse`); a room's subclass of Reading says what several
columns mean together, how a row is found again, who may write it, and what writing it means.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models

from tables import cells
from tables.before_images import keep_made, keep_replaced
from tables.errors import Errors, Kind
from tables.exports import as_text
from tables.mapping import unnamed
from tables.models import Batch
from tables.readers import BLOCK_ROWS, Block, Refused, Source
from tables.register import COUNTS, Outcome, Progress, Sample
from tables.row import Row
from tables.row_repairs import Mending, mending_of, note, zeros_lost
from tables.row_undo import RowUndo
from tables.said_again import Seen
from tables.table import Column, Table
from tables.traces import lock_table

ROWS_LIMIT = 500_000  # of one file
SAMPLES = 20  # changed rows that the plan shows
COLUMN_OF = {"guidance_station_id": "office", "district_committee_id": "office"}
OUTSIDE = "不在您的权限范围内，请由所在区或指导站的登记人员导入"


class Reading:
    """One file being judged by one person's rights and, with a batch, written. Runs in the caller's transaction."""

    model: type[models.Model]
    keyed_by = "code"  # the text column that tells a record from every other; else override `key` and `find`
    handled: frozenset[str] = frozenset()  # columns that `resolve` turns into values; all others write their own name
    personal: frozenset[str] = frozenset()  # of the model: encrypted in before-images
    step = 2_000  # rows written at once
    at_once = BLOCK_ROWS  # rows judged at once: each takes some kilobytes until the next ones come
    whole = False  # rows of one file may refer to each other: judge them all at once
    outside = OUTSIDE
    undoing: type[RowUndo] = RowUndo  # how a batch that was written this way is taken back

    def __init__(self, target: "RowTarget", source: Source, by, batch: Batch | None, progress: Progress) -> None:
        self.target, self.table, self.source = target, target.table, source
        self.by, self.batch, self.progress = by, batch, progress
        self.writes = batch is not None
        self.seen = Seen(batch) if batch else None
        self.errors = Errors()
        self.counts = dict.fromkeys(COUNTS, 0)
        self.units: set[int] = set()
        self.first: dict[Hashable, int] = {}  # natural key → the first row that carries it
        self.spoken_of: dict[int, int] = {}  # record → the first row about it
        self.digest = hashlib.sha256()
        self.changes: Counter[str] = Counter()  # label of a column → rows that change it
        self.samples: list[Sample] = []
        self.done = self.written = 0
        self.columns = [column for column in self.table.imported() if column.key in source.mapping]
        self.parsers = {column.key: self._parser(column) for column in self.columns}
        self.prepare()

    def _parser(self, column: Column) -> cells.Parse:
        parse = column.parse or cells.text()
        return cells.under(self.label(column.key), parse) if column.kind == "integer" else parse

    # --- what a room says --------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Load what cells are looked up in; set `self.parsers[key]` for columns that need it."""

    def resolve(self, row: Row) -> None:
        """What several columns say together, into `row.values`; what is wrong with them, by `row.tell`."""

    def key(self, row: Row) -> Hashable:
        """What tells this record from every other; None where the file does not say it (tell it as wrong)."""
        if self.keyed_by in row.said:
            return cells.folded(row.said[self.keyed_by])
        if not row.is_wrong(self.keyed_by):
            row.tell(self.keyed_by, f"「{self.label(self.keyed_by)}」必须填写")
        return None

    def find(self, rows: Sequence[Row]) -> dict[Hashable, Any]:
        """Records that stand already, by key, whoever may see them."""
        texts = {text for row in rows for text in (row.said[self.keyed_by], row.key, self.as_written(row))}
        found = self.locked(self.model._default_manager.filter(**{f"{self.keyed_by}__in": texts}))
        return {cells.folded(getattr(record, self.keyed_by)): record for record in found}

    def inside(self, row: Row) -> bool:
        """May this person write the record, as it stands and as it would stand?"""
        raise NotImplementedError

    def weigh(self, row: Row) -> None:
        """Once `row.record` is known: what else speaks against the row."""

    def settle(self, rows: Sequence[Row]) -> None:
        """Once all verdicts of the part are known: rows that rest on each other. May tell, and change verdicts."""

    def in_order(self, new: list[Row]) -> list[Row]:
        """New rows as they have to be written."""
        return new

    def key_column(self, row: Row) -> str:
        """The column at which a duplicate is told."""
        return self.keyed_by

    def make(self, rows: Sequence[Row]) -> list[int]:
        """Write new records; their ids."""
        made = self.model._default_manager.bulk_create([self.model(**row.values) for row in rows])
        return [one.pk for one in made]

    def change(self, rows: Sequence[Row]) -> None:
        """Write `row.changed` to the records."""
        for names, alike in _alike(rows):
            for row in alike:
                for name in names:
                    setattr(row.record, name, row.changed[name])
            plain = [self.model._meta.get_field(name).name for name in names]
            self.model._default_manager.bulk_update([row.record for row in alike], plain)

    def record_of(self, row: Row) -> int | None:
        """The record that a row is about, where it stands already."""
        return row.record.pk if row.record else None

    def speaks_of(self, row: Row) -> set[str]:
        """The record's fields of which the row says something, as before-images call them."""
        return {*row.values, *row.said, *(f"{key}_id" for key in row.said)}

    def units_of(self, holder: Any) -> Iterable[int | None]:
        """Organizations whose numbers move with a record."""
        return (getattr(holder, "guidance_station_id", None), getattr(holder, "district_committee_id", None))

    # --- the one way -------------------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        if self.source.rows > ROWS_LIMIT:
            raise Refused(f"「{self.table.title}」一次最多导入 {ROWS_LIMIT:,} 行（空行也算）。请拆成几份再上传。")
        if self.writes:
            lock_table(self.table.name)
        for rows in self._parts():
            self.counts["rows"] += len(rows)
            standing = self._judge(rows)
            self._went_on(len(rows))
            if self.seen:
                self._note(standing, self.seen)
                new = self.in_order([row for row in standing if row.verdict == "new"])
                self._write(new, [row for row in standing if row.verdict == "changed"])
                self._went_on(len(rows) - self.written)
                self.written = 0
        if not self.counts["rows"]:
            raise Refused("表头下面没有一行数据。请检查后重新上传。")
        if self.seen:
            self.seen.keep()
        self.errors.flush()
        return Outcome(
            self.counts,
            self.errors,
            sorted(self.units),
            columns=dict(self.changes),
            samples=self.samples,
            digest=self.digest.hexdigest(),
        )

    def _note(self, standing: Sequence[Row], seen: Seen) -> None:
        """Before anything is written: which records the file relies on, also where it changes nothing."""
        there = [row for row in standing if row.verdict in ("changed", "unchanged")]
        seen.note({record: self.speaks_of(row) for row in there if (record := self.record_of(row)) is not None})

    def _went_on(self, rows: int) -> None:
        self.done += rows
        total = self.source.rows * (2 if self.writes else 1)
        self.progress(min(self.done, total), total, "正在检查并写入" if self.writes else "正在读取和检查")

    def locked(self, queryset: models.QuerySet) -> models.QuerySet:
        return queryset.select_for_update(of=("self",)) if self.writes else queryset

    def cell(self, row: Row, key: str) -> str:
        at = self.source.mapping.get(key)
        return "" if at is None else row.block.columns[at][row.at] or ""

    def as_written(self, row: Row) -> str:
        return cells.clean(self.cell(row, self.keyed_by)) or ""

    def label(self, key: str) -> str:
        return self.source.label(key) or self.table.by_key[key].label

    def _parts(self) -> Iterator[list[Row]]:
        parts = (self._read(some) for block in self.source.blocks() for some in block.pieces(self.at_once))
        if not self.whole:
            return parts
        rows = [row for part in parts for row in part]
        return iter([rows] if rows else [])

    def _read(self, block: Block) -> list[Row]:
        rows = [Row(int(number), block, at) for at, number in enumerate(block.numbers)]
        for row in rows if block.surplus else ():
            if row.number in block.surplus:
                row.tell(cells.BEYOND, cells.SURPLUS)
        for column in self.columns:
            known: dict[str, tuple[Any, str | None]] = {}
            mended: dict[str, Mending] = {}
            parse, series = self.parsers[column.key], block.columns[self.source.mapping[column.key]]
            for row, text in zip(rows, series, strict=True):
                if text is None:
                    continue
                if text not in known:
                    value, reason = known[text] = cells.read(parse, text, maskable=column.personal)
                    if mending := mending_of(column, text, value):
                        mended[text] = mending
                value, reason = known[text]
                if reason:
                    row.tell(column.key, reason)
                elif value is not None:
                    row.said[column.key] = value
            if mended:
                note(self.errors.repairs, block.numbers, self.label(column.key), series, mended)
        return rows

    def _judge(self, rows: list[Row]) -> list[Row]:
        """Every row gets its verdict; what is wrong is told and counted. Returns the rows that are no duplicates."""
        for row in rows:
            row.values = {key: value for key, value in row.said.items() if key not in self.handled}
            self.resolve(row)
            row.key = self.key(row)
        standing = self._set_later_apart(rows, self.first, lambda row: row.key)
        known = self.find([row for row in standing if row.key is not None])
        for row in standing:
            row.record = known.get(row.key) if row.key is not None else None
        if self.table.by_key[self.keyed_by].kind == "code":
            zeros_lost(self, standing)
        standing = self._set_later_apart(standing, self.spoken_of, lambda row: row.record and row.record.pk)
        for row in standing:
            row.verdict = self._verdict(row)
        self.settle(standing)
        for row in standing:
            self.counts[row.verdict] += 1
            replaced = {name: getattr(row.record, name) for name in row.changed} if row.record else {}
            seen = (row.number, row.verdict, row.record and row.record.pk, replaced, row.changed)
            self.digest.update(repr(seen).encode())
            if row.verdict == "changed":
                self._show(row)
        for kind in (Kind.WRONG, Kind.DUPLICATE):
            self._tell(kind, [(row, *told) for row in standing if row.verdict == kind for told in row.wrong])
        outside = [row for row in standing if row.verdict == Kind.OUT_OF_SCOPE]
        self._tell(Kind.OUT_OF_SCOPE, [(row, self._blamed(row), self.outside) for row in outside])
        return standing

    def _show(self, row: Row) -> None:
        """What the plan says of a changed row: before its writing, in the words of list and file."""
        keys = [COLUMN_OF.get(name, name.removesuffix("_id")) for name in row.changed]
        columns = [self.table.by_key[key] for key in dict.fromkeys(keys) if key in self.source.mapping]
        self.changes.update(column.label for column in columns)
        if len(self.samples) < SAMPLES:
            cells_of = [(column.label, *self._before_and_after(row, column)) for column in columns]
            self.samples.append({"row": row.number, "name": self._name(row), "cells": cells_of})

    def _before_and_after(self, row: Row, column: Column) -> tuple[str, str]:
        before, after = as_text(self.shown(row.record, column)), self.cell(row, column.key).strip()
        return (before, cells.masked(after)) if column.personal else (before, after)

    def _name(self, row: Row) -> str:
        column = self.table.by_key["name"]
        return as_text(self.shown(row.record, column))

    def shown(self, record: Any, column: Column) -> Any:
        """A record's value as its list shows it; masked where that is personal."""
        return column.of(record)

    def _set_later_apart(self, rows: list[Row], first: dict[Any, int], key_of: Callable[[Row], Any]) -> list[Row]:
        """Without the rows whose key an earlier row carries: duplicates, whatever else is the matter with them."""
        standing: list[Row] = []
        later: list[Row] = []
        for row in rows:
            key = key_of(row)
            is_later = key is not None and first.setdefault(key, row.number) < row.number
            (later if is_later else standing).append(row)
        self.counts["duplicate"] += len(later)
        for row in later:
            number = first[key_of(row)]
            row.tell(self.key_column(row), f"与第 {number} 行是同一条，以第 {number} 行为准")
        self._tell(Kind.DUPLICATE, [(row, key, reason) for row in later for key, reason in row.wrong])
        return standing

    def _verdict(self, row: Row) -> str:
        if row.wrong:
            return "wrong"
        if not self.inside(row):
            return "out_of_scope"
        self.weigh(row)
        if row.record is None:
            for column in self.columns_needed(row):
                if column.key not in row.said:
                    row.tell(column.key, f"「{self.label(column.key)}」必须填写")
        else:
            row.changed = {
                name: value for name, value in row.values.items() if _differs(getattr(row.record, name), value)
            }
        if row.wrong:
            return "wrong"
        return "new" if row.record is None else "changed" if row.changed else "unchanged"

    def columns_needed(self, row: Row) -> list[Column]:
        """Blank in a row that stands already they change nothing; a new record cannot do without them."""
        return [column for column in self.table.imported() if column.needed]

    def _blamed(self, row: Row) -> str:
        """The column at which it is told that a row stands outside: the one that says where, else the key's."""
        said = (key for key in ("office", "street", "district", "organization") if key in row.said)
        return next(said, self.columns[0].key)

    # --- telling -----------------------------------------------------------------------------------------------------

    def _tell(self, kind: str, told: Iterable[tuple[Row, str, str]]) -> None:
        """Personal cells are never kept in clear: whoever has the file finds them by row and column."""
        by_column: dict[str, list[tuple[int, str, str, str]]] = defaultdict(list)
        for row, key, reason in told:
            by_column[key].append((row.number, self._as_told(row, key), reason, row.meant.get(key, "")))
        for key, errors in by_column.items():
            numbers, values, reasons, meant = zip(*errors, strict=True)
            label = key if key == cells.BEYOND else self.label(key)
            self.errors.add(kind, numbers, label, values, reasons, meant)

    def _as_told(self, row: Row, key: str) -> str:
        if key == cells.BEYOND:
            return unnamed(row.block.surplus[row.number], self.table)
        value = self.cell(row, key)
        return cells.masked(value) if self.table.by_key[key].personal else value

    # --- writing -----------------------------------------------------------------------------------------------------

    def _write(self, new: list[Row], changed: list[Row]) -> None:
        assert self.batch is not None
        for step in self._steps(changed):
            keep_replaced(self.batch, [(row.record, row.changed) for row in step], self.personal)
            self.touch(unit for row in step for unit in self.units_of(row.record))
            self.change(step)
            self.touch(unit for row in step for unit in self.units_of(row.record))
        for step in self._steps(new):
            keep_made(self.batch, self.make(step))
            self.touch(row.values.get(name) for row in step for name in UNIT_COLUMNS)

    def touch(self, units: Iterable[int | None]) -> None:
        self.units |= {unit for unit in units if unit is not None}

    def _steps(self, rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
        for start in range(0, len(rows), self.step):
            step = rows[start : start + self.step]
            yield step
            self.written += len(step)
            self._went_on(len(step))


UNIT_COLUMNS = ("guidance_station_id", "district_committee_id")


def _alike(rows: Sequence[Row]) -> Iterator[tuple[tuple[str, ...], list[Row]]]:
    """Rows grouped by which columns of theirs change, so that one statement writes a group."""
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(sorted(row.changed))].append(row)
    yield from groups.items()


@dataclass
class RowTarget:
    """What register_target() takes for a table that is read row by row."""

    table: Table
    permission: str
    act: str
    reading: type[Reading]
    offer: Callable[[Any], Mapping[str, Sequence[str]]] = lambda user: {}  # drop-downs that depend on who fills in

    def run(self, *, source: Source, by, batch: Batch, write: bool, progress: Progress) -> Outcome:
        return self.reading(self, source, by, batch if write else None, progress).run()

    def undo(self, *, batch: Batch, progress: Progress) -> list[int]:
        return self.reading.undoing(batch, self.model, progress).run()

    @property
    def model(self) -> type[models.Model]:
        return self.reading.model


def _differs(stands: Any, said: Any) -> bool:
    """White space that no file can carry (a line break, a doubled blank) is no difference."""
    return stands != said and not (isinstance(said, str) and isinstance(stands, str) and cells.clean(stands) == said)
