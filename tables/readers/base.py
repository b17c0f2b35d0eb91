from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import polars as pl

HEADER_WITHIN = 30  # rows: a title, a unit's name and a date may stand above the header, not more
BLOCK_ROWS = 50_000


class Refused(Exception):
    """Nothing of the file can be read. The text is for the person who sent it: Chinese, says what to do."""


@dataclass
class Block:
    """Some rows of a file: their numbers in the file (its first row is 1) and their cells as text, None where blank."""

    numbers: np.ndarray
    columns: list[pl.Series]

    def __len__(self) -> int:
        return len(self.numbers)

    def row(self, at: int) -> list[str]:
        return [series[at] or "" for series in self.columns]


class Reader(Protocol):
    """One way of reading. `top` gives the first rows as (number, cells); `blocks` everything after row `header_row`."""

    rows: int  # at most so many rows; for progress

    def top(self) -> list[tuple[int, list[str]]]: ...
    def blocks(self, *, header_row: int, width: int) -> Iterator[Block]: ...


@dataclass
class Source:
    """A file that can be read: its header, which column is which, and its rows in blocks."""

    reader: Reader
    header: list[str]
    header_row: int
    mapping: dict[str, int]
    unknown: list[str] = field(default_factory=list)  # columns that no one asked for

    @property
    def rows(self) -> int:
        return max(self.reader.rows - self.header_row, 0)

    def label(self, key: str) -> str:
        """How the file itself calls a column; empty when it has none of that kind."""
        return self.header[self.mapping[key]].strip() if key in self.mapping else ""

    def blocks(self) -> Iterator[Block]:
        """Blocks of rows that hold anything at all; blank rows are skipped, but keep their number."""
        for block in self.reader.blocks(header_row=self.header_row, width=len(self.header)):
            kept = _without_blank(block, list(self.mapping.values()))
            if len(kept):
                yield kept


def _blank(series: pl.Series) -> pl.Series:
    return series.is_null() | (series.str.strip_chars(STRIPPED) == "")


STRIPPED = " \t\r\n\v\f\u00a0\u3000\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"


def _without_blank(block: Block, mapped: Sequence[int]) -> Block:
    """Looks at the few rows whose first mapped column is blank, not at every cell."""
    if not len(block):
        return block
    at = np.flatnonzero(_blank(block.columns[mapped[0]]).to_numpy())
    for series in block.columns:
        if not len(at):
            return block
        at = at[_blank(series.gather(at)).to_numpy()]
    if not len(at):
        return block
    keep = np.ones(len(block), dtype=bool)
    keep[at] = False
    return Block(block.numbers[keep], [series.filter(pl.Series(keep)) for series in block.columns])


def series_of(rows: Sequence[Sequence[str | None]], width: int) -> list[pl.Series]:
    """Columns of rows that may be too short or too long; blank cells become None."""
    even = [row if len(row) == width else [*row[:width], *[None] * (width - len(row))] for row in rows]
    columns = zip(*even, strict=True) if even else [()] * width
    return [pl.Series([cell or None for cell in column], dtype=pl.String) for column in columns]
