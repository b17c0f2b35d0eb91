from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, NamedTuple, Protocol

import numpy as np
import polars as pl

from jobs.listening import listen

HEADER_WITHIN = 30  # rows: a title, a unit's name and a date may stand above the header, not more
BLOCK_ROWS = 50_000
BLOCK_CELLS = 4_000_000  # of a wide table a block has fewer rows: every cell takes its place, blank or not
STRIPPED = " \t\r\n\v\f\x1a\u00a0\u3000\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"  # \x1a: how DOS ends a file

_NOTHING = f"^[{STRIPPED}]*$"


class Refused(Exception):
    """Nothing of the file can be read. The text is for the person who sent it: Chinese, says what to do."""


class Mended(NamedTuple):
    """A cell that was read as something else than what stands in it. Without a column: a row that was skipped."""

    row: int
    column: str
    before: str
    after: str
    rule: str


@dataclass
class Block:
    """Some rows of a file: their numbers (the file's first row is 1) and their cells as text, None where blank.
    `surplus`: what stands behind the header's last column, by row; it may name rows that were taken out since."""

    numbers: np.ndarray
    columns: list[pl.Series]
    surplus: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.numbers)

    def row(self, at: int) -> list[str]:
        return [series[at] or "" for series in self.columns]

    def pieces(self, rows: int) -> Iterator["Block"]:
        for at in range(0, len(self), rows):
            yield Block(self.numbers[at : at + rows], [each[at : at + rows] for each in self.columns], self.surplus)


class Reader(Protocol):
    """One way of reading. `top` gives the first rows as (number, cells); `blocks` everything after row `header_row`."""

    name: str  # of the sheet or file among several; empty where there is only one
    rows: int  # at most so many rows; for progress

    def top(self) -> list[tuple[int, list[str]]]: ...
    def blocks(self, *, header_row: int, width: int) -> Iterator[Block]: ...


@dataclass(frozen=True)
class Merge:
    """Cells of one column that a workbook shows as one: rows `first` to `last`, the text stands in the first."""

    column: int
    first: int
    last: int


def pieces(file: IO[bytes], size: int) -> Iterator[bytes]:
    """A file from its beginning; several may read it by turns."""
    at = 0
    while True:
        file.seek(at)
        listen()
        piece = file.read(size)
        if not piece:
            return
        at += len(piece)
        yield piece


def rows_at_once(width: int) -> int:
    """As many rows as are laid out at once: each takes some memory, and so does each of its cells, however short."""
    return BLOCK_CELLS // max(width, 20)


def is_empty(series: pl.Series) -> bool:
    """No cell at all: wide tables have such columns by the hundred, which need no looking at."""
    return series.null_count() == len(series)


def is_blank(series: pl.Series) -> pl.Series:
    return series.str.contains(_NOTHING).fill_null(True)  # makes no copy of the texts


def series_of(rows: Sequence[Sequence[str | None]], width: int) -> list[pl.Series]:
    """Columns of rows that may be too short or too long; blank cells become None."""
    even = [row if len(row) == width else [*row[:width], *[None] * (width - len(row))] for row in rows]
    columns = zip(*even, strict=True) if even else [()] * width
    return [pl.Series([cell or None for cell in column], dtype=pl.String) for column in columns]


def blocks_of(rows: Sequence[tuple[int, Sequence[str | None]]], width: int) -> Iterator[Block]:
    """Rows with their numbers as blocks. Where all are shorter than `width`, what they lack takes no room."""
    used = min(max((len(cells) for _, cells in rows), default=0), width)
    for first in range(0, len(rows), most := rows_at_once(used)):
        part = rows[first : first + most]
        numbers = np.fromiter((number for number, _ in part), dtype=np.int64, count=len(part))
        columns = series_of([cells for _, cells in part], used)
        surplus = {number: text for number, cells in part if len(cells) > width and (text := first_of(cells[width:]))}
        yield Block(numbers, columns + [blanks(len(part))] * (width - used), surplus)


def first_of(cells: Sequence[str | None]) -> str:
    """The first that is not blank."""
    return next((cell for cell in cells if cell and cell.strip(STRIPPED)), "")


def blanks(length: int) -> pl.Series:
    return (
        pl.Series([None], dtype=pl.String).extend_constant(None, length - 1)
        if length
        else pl.Series([], dtype=pl.String)
    )
