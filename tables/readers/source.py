"""A file that can be read: one sheet or many, each with its own header, laid side by side as one table."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from tables.readers.base import Block, Reader, Refused, blanks, is_blank, is_empty
from tables.readers.tidy import Notes, Tidier, chosen
from tables.table import Table


@dataclass
class Part:
    """One sheet or file of several: where its header stands and which of its columns is which of ours."""

    reader: Reader
    header: list[str]
    header_row: int
    mapping: dict[str, int]
    by_content: list[str] = field(default_factory=list)  # headings whose column was recognised by what it holds
    first_rows: list[list[str]] = field(default_factory=list)  # below the header, some
    nameless: list[int] = field(default_factory=list)  # columns behind the header that most rows fill: told once
    reason: str = ""  # why it is not read, where it is not

    @property
    def rows(self) -> int:
        return max(self.reader.rows - self.header_row, 0)


class Unmapped(Refused):
    """There are rows, but which column is which was not recognised: somebody may say it of these parts."""

    def __init__(self, reason: str, parts: list[Part]) -> None:
        super().__init__(reason)
        self.parts = parts


@dataclass
class Source:
    """The rows of a file in blocks. All parts come in one layout: that of the first, then what others have besides."""

    table: Table
    sheets: list[Part]
    unknown: list[str] = field(default_factory=list)  # columns that no one asked for
    passed_over: list[tuple[str, str]] = field(default_factory=list)  # sheets and files not read: name, reason
    aside: list[Part] = field(default_factory=list)  # of those, the ones that somebody may say the columns of
    readers: list[Reader] = field(default_factory=list)  # of every sheet, those without a header too
    unopened: list[str] = field(default_factory=list)  # hidden sheets, and files that are no tables
    notes: Notes = field(default_factory=Notes)  # of the last reading: cells mended, rows skipped
    close: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.header, self.mapping = list(self.sheets[0].header), dict(self.sheets[0].mapping)
        self.layouts = [list(range(len(self.header))), *(self._lay(part) for part in self.sheets[1:])]
        self.offsets = [0] * len(self.sheets)

    def _lay(self, part: Part) -> list[int]:
        """For each column of a part its place among the columns of all; new ones are put at the end."""
        keys = {at: key for key, at in part.mapping.items()}
        taken: set[int] = set()
        layout = []
        for at, heading in enumerate(part.header):
            if at in keys:
                place = self.mapping.get(keys[at], -1)
            else:
                used = taken | set(self.mapping.values())
                place = next((n for n, name in enumerate(self.header) if name == heading and n not in used), -1)
            if place < 0:
                place = len(self.header)
                self.header.append(heading)
                if at in keys:
                    self.mapping[keys[at]] = place
            taken.add(place)
            layout.append(place)
        return layout

    @property
    def by_content(self) -> list[str]:
        """Headings of the columns that were recognised by what they hold, not by their name."""
        return list(dict.fromkeys(name for part in self.sheets for name in part.by_content))

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.sheets)

    @property
    def parts(self) -> list[list]:
        """Where each part's numbers begin, as a batch keeps it: [[offset, name], …]; empty for a file of one part.

        Known when the rows have been read.
        """
        several = len(self.sheets) > 1
        return [[o, part.reader.name] for o, part in zip(self.offsets, self.sheets, strict=True)] if several else []

    def label(self, key: str) -> str:
        """How the file itself calls a column; empty when it has none of that kind."""
        return self.header[self.mapping[key]].strip() if key in self.mapping else ""

    def blocks(self) -> Iterator[Block]:
        """Blocks of rows that are some. Blank rows are skipped silently, totals and repeated headers with a note."""
        self.notes.clear()
        offset = 0
        for at, (part, layout) in enumerate(zip(self.sheets, self.layouts, strict=True)):
            self.offsets[at] = offset
            last = part.header_row
            tidier = Tidier(part, self.table, self.notes, offset)
            for block in part.reader.blocks(header_row=part.header_row, width=len(part.header)):
                if len(block):
                    last = max(last, int(block.numbers[-1]))
                    kept = self._kept(tidier, layout, block)
                    if len(kept):
                        yield kept
            offset += last

    def cells(self) -> Iterator[str]:
        """Every cell as it lies in any sheet that can be opened: above a header and in rows that are skipped too."""
        for reader in self.readers:
            width = max((len(cells) for _, cells in reader.top()), default=1)
            for block in reader.blocks(header_row=0, width=width):
                for at in range(len(block)):
                    yield from block.row(at)
                yield from block.surplus.values()

    def _kept(self, tidier: Tidier, layout: list[int], block: Block) -> Block:
        block = tidier.tidied(_without_blank(block, list(tidier.columns)))
        columns = [blanks(len(block))] * len(self.header)
        for place, series in zip(layout, block.columns, strict=True):
            columns[place] = series
        surplus = {} if tidier.part.nameless else {row + tidier.offset: text for row, text in block.surplus.items()}
        return Block(block.numbers + tidier.offset, columns, surplus)


def place(parts: Sequence[Sequence], row: int) -> tuple[str, int]:
    """Where a row stands: the part's name (empty for a file of one part) and its number there."""
    for offset, name in reversed(parts):
        if row > offset:
            return name, row - offset
    return "", row


def said(parts: Sequence[Sequence], row: int) -> str:
    """The same in words: 第 3 行, or 「名单.xlsx · Sheet2」第 3 行."""
    name, number = place(parts, row)
    return f"「{name}」第 {number} 行" if name else f"第 {number} 行"


def _without_blank(block: Block, mapped: Sequence[int]) -> Block:
    """Looks at the few rows whose first mapped column is blank, not at every cell."""
    at = np.flatnonzero(is_blank(block.columns[mapped[0]]).to_numpy())
    for series in block.columns:
        if not len(at):
            return block
        if not is_empty(series):
            at = at[is_blank(series.gather(at)).to_numpy()]
    if not len(at):
        return block
    keep = np.ones(len(block), dtype=bool)
    keep[at] = False
    return chosen(block, keep)
