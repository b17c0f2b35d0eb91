"""What people put between the rows of a table: totals, the header again, footers, merged cells. Mended or skipped, and
noted."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tables.readers.aside import BEGINS, UNIT, counts_columns, is_footer, is_total
from tables.readers.base import STRIPPED, Block, Mended, Merge, blanks, is_blank, is_empty
from tables.readers.numbers import date_text
from tables.table import Table, header_key, heading

if TYPE_CHECKING:
    from tables.readers.source import Part

NOTES_KEPT = 10_000  # of each rule; counted are all
SHOWN = 200  # characters of a cell
TOTAL_ROW, HEADER_AGAIN = "合计行（已跳过）", "重复的表头（已跳过）"
EXAMPLE_ROW, EXAMPLES_WITHIN = "模板的示例行（已跳过）", 20  # rows from the top
EXAMPLE = re.compile("示例|XXX")  # what cells of a template's rows say that belong to nobody
FOOTER, UNIT_ROW = "表尾、说明（已跳过）", "单位行、栏次行（已跳过）"
CODE = r"^[0-9A-Za-z]{8,}$"
MERGED, FROM_1904 = "合并单元格", "日期序号（1904 年起算）"
TOTAL = (
    r"^[\s\u3000]*(?:本[页表区]|以上|全[区市]|[一-龥]{2,8}(?:区|街道|所))?[\s\u3000]*(?:合|小|总|共)[\s\u3000]*计"
    r"[\s\u3000]*[:：]?[\s\u3000]*[0-9０-９,，]*[\s\u3000]*(?:户|家|条|行|人|个)?[\s\u3000]*$"
)
COUNT = r"^[\s\u3000]*[0-9０-９,，.%]+[\s\u3000]*(?:户|家|条|行|人|个|元|万元)?[\s\u3000]*$"
SHORT_CODE = r"^[^一-龥]*(?:[A-Za-z][^一-龥]*[0-9]|[0-9][^一-龥]*[A-Za-z])[^一-龥]*$"  # SC-01
SERIAL = re.compile(r"^[1-9][0-9]{3,4}(?:\.[0-9]+)?$")


@dataclass
class Notes:
    """What was mended and skipped in one reading: exact counts by rule, some thousand of each to show."""

    mended: list[Mended] = field(default_factory=list)
    skipped: list[Mended] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def clear(self) -> None:
        self.mended, self.skipped, self.counts = [], [], Counter()

    def add(self, into: list[Mended], mended: Mended) -> None:
        self.counts[mended.rule] += 1
        if self.counts[mended.rule] <= NOTES_KEPT:
            into.append(mended)


class Tidier:
    """Goes through the blocks of one part in their order; `offset` is where the part's row numbers begin."""

    def __init__(self, part: "Part", table: Table, notes: Notes, offset: int) -> None:
        self.part, self.notes, self.offset = part, notes, offset
        self.columns = {at: table.by_key[key] for key, at in part.mapping.items()}
        group = table.needs[0] if table.needs else ()
        self.needed = [part.mapping[key] for key in group if key in part.mapping] or list(self.columns)[:1]
        keys = [*table.needs, *([("name",)] if "name" in part.mapping else [])]
        self.groups = [[part.mapping[key] for key in each if key in part.mapping] for each in keys]
        self.names = {at: header_key(part.header[at]) for at in self.columns}
        # A code stands in one row only, whatever is merged.
        may = [each for each in getattr(part.reader, "merges", ()) if each.column in self.columns]
        self.merges = _apart(merge for merge in may if self.columns[merge.column].kind != "code")
        self.begun = False  # a row was seen
        self.carried: dict[Merge, str] = {}  # texts of merged cells that may go on in the next block

    def tidied(self, block: Block) -> Block:
        block = self._without(block, self._headers(block), HEADER_AGAIN)
        block = self._without(block, self._examples(block), EXAMPLE_ROW)
        block = self._without(block, self._units(block), UNIT_ROW)
        if len(rows := self._codeless(block)):
            block = self._without(block, self._totals(block, rows), TOTAL_ROW)
            block = self._without(block, self._beginning(block, self._codeless(block), is_footer), FOOTER)
        if self.merges and len(block):
            self._fill_down(block)
        if getattr(self.part.reader, "from_1904", False):
            for at, column in self.columns.items():
                if column.kind == "date":
                    self._from_1904(block, at)
        return block

    def _without(self, block: Block, rows: list[int], rule: str) -> Block:
        if not rows:
            return block
        for row in rows:
            secret = any(column.personal for column in self.columns.values())
            cells = [] if secret else [cell.strip() for cell in block.row(row)[:30]]
            text = " ".join(filter(None, cells))[:SHOWN]
            self.notes.add(self.notes.skipped, Mended(int(block.numbers[row]) + self.offset, "", text, "", rule))
        keep = np.ones(len(block), dtype=bool)
        keep[rows] = False
        return chosen(block, keep)

    def _headers(self, block: Block) -> list[int]:
        """Rows that say what the header says, in more than half of its columns."""
        at = next(iter(self.columns))
        cells = block.columns[at].str.strip_chars(
            STRIPPED
        )  # where files were put together a byte mark stands before it
        alike = cells.str.starts_with(self.part.header[at].strip(STRIPPED)[:1] or "\0").fill_null(False)
        found = []
        for row in np.flatnonzero((alike & (block.columns[at].str.len_chars() < 60)).fill_null(False).to_numpy()):
            same = sum(
                header_key(heading(block.columns[at][int(row)] or "")) == name for at, name in self.names.items()
            )
            if same * 2 > len(self.names):
                found.append(int(row))
        return found

    def _examples(self, block: Block) -> list[int]:
        """Rows of the template that were left above the filled ones, by every cell of theirs that is invented."""
        if self.begun:
            return []
        examples: dict[int, dict[int, str]] = {}
        for at, column in self.columns.items():
            for number, text in enumerate(column.example):
                if EXAMPLE.search(text):
                    examples.setdefault(number, {})[at] = text
        rows = [(number, block.row(number)) for number in range(min(len(block), EXAMPLES_WITHIN))]
        return [
            number
            for number, cells in rows
            if any(all(cells[at].strip(STRIPPED) == text for at, text in one.items()) for one in examples.values())
        ]

    def _codeless(self, block: Block) -> np.ndarray:
        """Rows without a code; those with one are data, whatever else stands in them."""
        odd = np.ones(len(block), dtype=bool)
        for at in self.needed:
            odd &= ~block.columns[at].str.contains(CODE).fill_null(False).to_numpy()
        return np.flatnonzero(odd)

    def _totals(self, block: Block, rows: np.ndarray) -> list[int]:
        """Rows without a code of which a cell says 合计, or the first one 总数. A record of that name has a code, and one
        with a remark beside it has a name."""
        said = np.zeros(len(rows), dtype=bool)
        coded = np.zeros(len(rows), dtype=bool)
        for at, series in enumerate(block.columns):
            if is_empty(series):
                continue
            here = series.gather(rows)
            total = here.str.contains(TOTAL).fill_null(False).to_numpy()
            said |= total
            if at in self.needed:
                looks = here.str.contains(r"[0-9A-Za-z]{6}") | (here.str.len_bytes() >= 60)
                if at in self.columns and self.columns[at].kind == "code":
                    looks |= here.str.contains(SHORT_CODE)
                coded |= ~total & looks.fill_null(False).to_numpy()
        totals = rows[said & ~coded]
        totals = totals[~self._whole(block, totals)]
        return sorted({*totals.tolist(), *self._beginning(block, rows, is_total)})

    def _whole(self, block: Block, rows: np.ndarray) -> np.ndarray:
        """Which rows hold everything by which a record is known: code, name and the like, none of them a sum."""
        whole = np.ones(len(rows), dtype=bool)
        for places in self.groups:
            filled = np.zeros(len(rows), dtype=bool)
            for at in places:
                here = block.columns[at].gather(rows)
                sums = TOTAL if self.columns[at].kind == "code" else f"{TOTAL}|{COUNT}"
                filled |= ~(is_blank(here) | here.str.contains(sums)).fill_null(True).to_numpy()
            whole &= filled
        return whole

    def _beginning(self, block: Block, rows: np.ndarray, is_one: Callable[[Sequence[str]], bool]) -> list[int]:
        """Rows that are one by all of their cells; a quick look says which may be."""
        may = np.zeros(len(rows), dtype=bool)
        for series in block.columns:
            if not is_empty(series):
                may |= series.gather(rows).str.contains(BEGINS).fill_null(False).to_numpy()
        return [int(row) for row in rows[may] if is_one(block.row(int(row)))]

    def _units(self, block: Block) -> list[int]:
        """The first row below the header, where it says （户） and （万元） and nothing else, or numbers the columns."""
        first, self.begun = not self.begun and len(block) > 0, self.begun or len(block) > 0
        cells = [cell for cell in block.row(0) if cell.strip(STRIPPED)] if first else []
        is_one = cells and all(re.match(UNIT, cell) for cell in cells) or counts_columns(cells)
        return [0] if is_one else []

    def _fill_down(self, block: Block) -> None:
        """The rows of a merged cell hold what its first row holds."""
        first, last = int(block.numbers[0]), int(block.numbers[-1])
        filled: dict[int, tuple[list[int], list[str]]] = {}
        for merge in self.merges:
            if merge.last < first or merge.first > last:
                continue
            begin, end = np.searchsorted(block.numbers, [merge.first, merge.last + 1])
            if begin < end and block.numbers[begin] == merge.first:
                self.carried[merge] = block.columns[merge.column][int(begin)] or ""
            text = self.carried.get(merge, "")
            for row in range(int(begin), int(end)) if text else ():
                if block.columns[merge.column][row] is None:
                    places, texts = filled.setdefault(merge.column, ([], []))
                    places.append(row)
                    texts.append(text)
        for at, (places, texts) in filled.items():
            self._mend(block, at, places, texts, MERGED)

    def _from_1904(self, block: Block, at: int) -> None:
        """Bare serial numbers of a workbook whose calendar begins in 1904: no one else can tell them from 1900's."""
        series = block.columns[at]
        places = np.flatnonzero(series.str.contains(SERIAL.pattern).fill_null(False).to_numpy()).tolist()
        if places:
            texts = [date_text(series[place], from_1904=True) for place in places]
            self._mend(block, at, places, texts, FROM_1904)

    def _mend(self, block: Block, at: int, places: list[int], texts: list[str], rule: str) -> None:
        secret = self.columns[at].personal
        for place, text in zip(places, texts, strict=True):
            before = block.columns[at][place] or ""
            row = int(block.numbers[place]) + self.offset
            shown = ("", "") if secret else (before[:SHOWN], text[:SHOWN])
            self.notes.add(self.notes.mended, Mended(row, self.part.header[at], *shown, rule))
        block.columns[at] = block.columns[at].clone().scatter(places, pl.Series(texts, dtype=pl.String))


def chosen(block: Block, keep: np.ndarray) -> Block:
    mask, none = pl.Series(keep), blanks(int(keep.sum()))
    columns = [none if is_empty(series) else series.filter(mask) for series in block.columns]
    return Block(block.numbers[keep], columns, block.surplus)


def _apart(merges: Iterable[Merge]) -> list[Merge]:
    """In the order of their rows. No spreadsheet merges a cell twice: of those that lie over each other the first counts."""
    kept: list[Merge] = []
    last: dict[int, int] = {}  # of each column
    for merge in sorted(merges, key=lambda merge: merge.first):
        if merge.first > last.get(merge.column, 0):
            kept.append(merge)
            last[merge.column] = merge.last
    return kept
