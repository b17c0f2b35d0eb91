"""One definition of columns: what a list shows, an export writes, a template asks for and an import reads."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

_HIDDEN = re.compile(r"[\s\u00a0\u00ad\u3000\u200b-\u200f\u2028-\u202e\u2060\ufeff*＊:：#★☆※▲△●]+")
_BRACKETED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|【[^】]*】")
LONGEST_HEADING = 60  # characters: what errors and fixes keep of a column's name

NOTES_SHEET, CHOICES_SHEET = "填写说明", "选项"  # beside the rows in a template: nobody misses them when they are read


def header_key(text: str) -> str:
    """A column's name as it is compared: full-width brackets and letters folded, no white space, no required mark."""
    return _HIDDEN.sub("", unicodedata.normalize("NFKC", text)).lower()


def heading(text: str) -> str:
    """A column's name as it is shown and kept: one line, for browsers change line breaks, and no long remark."""
    line = " ".join(text.split())
    if len(line) <= LONGEST_HEADING:
        return line
    return _BRACKETED.sub("", unicodedata.normalize("NFKC", line)).strip()[:LONGEST_HEADING].strip()


def _dig(row: Any, path: str) -> Any:
    for part in path.split("."):
        if row is None:
            return None
        row = getattr(row, part)
        if callable(row):
            row = row()
    return row


@dataclass(frozen=True)
class Column:
    """One column. `source` is a dotted path from a row of the model (a method is called), `value` a function of it."""

    key: str
    label: str
    aliases: tuple[str, ...] = ()
    kind: str = "text"  # text, code, choice, date, integer, place: how a cell is written and aligned
    source: str = ""
    value: Callable[[Any], Any] | None = None
    written: Callable[[Any], Any] | None = None  # what a file says where the list's words would not lead back
    badge: Callable[[Any], str] | None = None  # of a list's cell: a kind of partials/_badge.html, or nothing
    link: Callable[[Any], str] | None = None
    listed: bool = True
    shown: bool = True  # among the columns of a list before anybody chooses
    exported: bool = True
    imported: bool = True
    personal: bool = False
    needed: bool = False
    example: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()  # offered as a drop-down in the template
    parse: Callable[[str], Any] | None = None  # a cleaned cell's value, or Wrong (tables/cells.py); None: plain text
    recognised: Callable[[str], bool] | None = None  # whether a cell of a nameless column can hardly be anything else

    @property
    def numeric(self) -> bool:
        return self.kind == "integer"

    def of(self, row: Any) -> Any:
        """The value of a model's row in this column; None where there is none."""
        return self.value(row) if self.value else _dig(row, self.source or self.key)

    def in_file(self, row: Any) -> Any:
        return self.written(row) if self.written else self.of(row)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every name by which a file may call the column, best first."""
        return tuple(dict.fromkeys(header_key(name) for name in (self.label, *self.aliases)))


@dataclass(frozen=True)
class Table:
    """The columns of one kind of record. `needs` lists groups of keys: a file to import has a column of each."""

    name: str
    title: str
    columns: Sequence[Column]
    needs: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = field(default=())

    @cached_property
    def by_key(self) -> dict[str, Column]:
        return {column.key: column for column in self.columns}

    def listed(self) -> list[Column]:
        return [column for column in self.columns if column.listed]

    def exported(self) -> list[Column]:
        return [column for column in self.columns if column.exported]

    def imported(self) -> list[Column]:
        return [column for column in self.columns if column.imported]

    def only_exported(self) -> list[str]:
        """Headings that an export of ours has and no import reads: nothing is lost with them."""
        return [column.label for column in self.exported() if not column.imported]

    def chosen(self, keys: Sequence[str]) -> list[Column]:
        """The listed columns a person chose, in the table's order; the usual ones when nothing sensible is chosen."""
        wanted = set(keys)
        return [c for c in self.listed() if c.key in wanted] or [c for c in self.listed() if c.shown]

    def map_header(self, cells: Sequence[str]) -> dict[str, int]:
        """Which column of the file holds which of ours. The label beats an alias, an earlier alias a later one."""
        places: dict[str, int] = {}
        loose: dict[str, int] = {}
        for at, cell in enumerate(cells):
            name = header_key(cell)
            if name:
                places.setdefault(name, at)
                loose.setdefault(_BRACKETED.sub("", name), at)
        found: dict[str, int] = {}
        taken: set[int] = set()
        for known in (places, loose):  # an exact name first; then without a remark in brackets, as in 从业人数(人)
            for column in self.imported():
                at = next((known[n] for n in column.names if n in known and known[n] not in taken), None)
                if column.key not in found and at is not None:
                    found[column.key] = at
                    taken.add(at)
        return found

    def header_row(self, part: str) -> int | None:
        """In which row of a sheet or file the header stands, where somebody said it; 0: there is none."""
        return None

    def is_chosen(self, cells: Sequence[str]) -> bool:
        """Did somebody say which column of this header is which?"""
        return False

    def missing(self, found: dict[str, int]) -> list[str]:
        """What a header lacks, in words: each group of needed columns of which none is there."""
        return [
            "或".join(f"「{self.by_key[key].label}」" for key in group)
            for group in self.needs
            if not any(key in found for key in group)
        ]
