"""The rows of a worksheet's XML, piece by piece.

A piece written as every spreadsheet writes it goes through Polars; anything unusual (formulas, rich text, comments,
prefixes, cells without an address) through an XML parser. Both give the same columns.
"""

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from tables.readers.base import Block, Refused, blanks, cut_up, rows_at_once, series_of
from tables.readers.numbers import date_text, raw_text
from tables.readers.package import SafeParser, local

LAST_ROW, LAST_COLUMN = 1_048_576, 16_384
CELL_LIMIT = 1_000  # characters kept of a cell; no column takes as many, and one text may be used a million times
ROW_LIMIT = 32 * 1024**2  # bytes of one row
BROKEN_TEXTS = "文件打不开：表格内部的文字对不上号。请用 Excel 打开后另存为 .xlsx 再上传。"
HUGE_ROW = "表格里有一行大得不正常，系统不读取。请检查后另存为 .csv 再上传。"
CELL = (
    r'^r="([A-Z]{1,3})[0-9]{1,7}"(?: s="([0-9]{1,6})")?(?: t="([a-zA-Z]+)")?\s*'
    r'(?:/>|>(?:<v>([^<]*)</v>|<is><t(?: xml:space="preserve")?>([^<]*)</t></is>)?</c>)\s*$'
)
ROW_HEAD = r'<row (?:[^<>]*\s)?r="([0-9]{1,7})"[^<>]*>\s*$'
PLAIN_NUMBER = r"^-?[0-9]{1,15}$"
ROW_END = re.compile(rb"</row>")
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
LETTERS = re.compile(r"^([A-Z]{1,3})([0-9]+)$")


@dataclass
class Texts:
    """What the cells of a workbook refer to: its shared texts, which styles are dates, its calendar."""

    shared: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))
    dates: frozenset[int] = frozenset()  # styles
    from_1904: bool = False

    def number(self, raw: str, style: str | None) -> str:
        if style and style.isdecimal() and int(style) in self.dates:
            return date_text(raw, from_1904=self.from_1904)
        return raw_text(raw)


def column_of(letters: str) -> int:
    at = 0
    for letter in letters:
        at = at * 26 + ord(letter) - 64
    return at - 1


def decoded(text: str) -> str:
    """Without the escapes (_x000D_) that workbooks have for control characters."""
    return ESCAPED.sub(lambda found: _character(int(found[1], 16)), text) if "_x" in text else text


def _character(number: int) -> str:
    return "\ufffd" if 0xD800 <= number < 0xE000 else chr(number)  # half a character is none


def unescaped(series: pl.Series) -> pl.Series:
    """Without XML's entities and the workbook's own; only where there are any."""
    at = np.flatnonzero(series.str.contains("&|_x").fill_null(False).to_numpy())
    if not len(at):
        return series
    plain = [decoded(html.unescape(text)) for text in series.gather(at)]
    return series.scatter(at, pl.Series(plain, dtype=pl.String))


# --- the fast way -----------------------------------------------------------------------------------------------------


def plain_rows(piece: bytes, texts: Texts, *, after: int, width: int) -> Block | None:
    """Whole rows of canonical XML; None where something is not as usual."""
    if b"<!" in piece or b"<?" in piece:
        return None
    rows = pl.Series(piece.decode("utf-8", "replace").split("</row>")[:-1], dtype=pl.String).str.split("<c ")
    numbers = rows.list.first().str.extract(ROW_HEAD, 1).cast(pl.Int64)
    if numbers.null_count() or not _rising(numbers.to_numpy(), after):
        return None
    counts = rows.list.len().to_numpy() - 1
    cells = rows.list.slice(1).explode().drop_nulls().str.extract_groups(CELL).struct.unnest()
    cells.columns = ["letters", "style", "kind", "value", "inline"]
    if cells["letters"].null_count() or cells.height != counts.sum():
        return None
    found = _values(cells, texts)
    return None if found is None else Block(numbers.to_numpy(), _columns(cells["letters"], *found, counts, width))


def _rising(numbers: np.ndarray, after: int) -> bool:
    return bool(len(numbers)) and numbers[0] > after and numbers[-1] <= LAST_ROW and bool((np.diff(numbers) > 0).all())


def _values(cells: pl.DataFrame, texts: Texts) -> tuple[pl.Series, np.ndarray] | None:
    """The texts that cells may have and which of them each has; None where a kind of cell is unknown here.

    Shared texts are pointed at, not copied: one of them may stand in every cell.
    """
    kinds = set(cells["kind"].unique().to_list())
    if not kinds <= {None, "n", "s", "inlineStr", "str", "e"}:
        return None
    values = cells["value"].zip_with(cells["value"].is_not_null(), cells["inline"])
    is_shared = (cells["kind"] == "s").fill_null(False) & cells["value"].is_not_null()
    is_text = cells["kind"].is_in(["inlineStr", "str", "e"]).fill_null(False)
    if is_text.any():
        values = unescaped(values).str.head(CELL_LIMIT)
    numeric = ~is_shared & ~is_text & cells["value"].is_not_null()
    values = _numbers(values, cells["style"], numeric, texts)
    which = np.arange(len(values))
    if is_shared.any():
        at = np.flatnonzero(is_shared.to_numpy())
        wanted = cells["value"].gather(at).cast(pl.UInt32, strict=False)
        if wanted.null_count() or int(wanted.to_numpy().max()) >= len(texts.shared):
            raise Refused(BROKEN_TEXTS)
        which[at] = wanted.to_numpy().astype(np.int64) + len(values)
    return pl.concat([values.set(values == "", None), texts.shared]), which


def _numbers(values: pl.Series, styles: pl.Series, numeric: pl.Series, texts: Texts) -> pl.Series:
    """Whole numbers stay as they are written; dates and fractions are told once for each distinct number."""
    dated = styles.is_in([str(style) for style in texts.dates]).fill_null(False)
    odd = numeric & (dated | ~values.str.contains(PLAIN_NUMBER).fill_null(True))
    if not odd.any():
        return values
    at = np.flatnonzero(odd.to_numpy())
    pairs = pl.DataFrame({"raw": values.gather(at), "style": styles.gather(at)})
    told = pairs.unique(maintain_order=True)
    known = told.with_columns(text=pl.Series([texts.number(*pair) for pair in told.rows()], dtype=pl.String))
    joined = pairs.join(known, on=["raw", "style"], how="left", nulls_equal=True, maintain_order="left")
    return values.scatter(at, joined["text"])


def _columns(
    letters: pl.Series, values: pl.Series, which: np.ndarray, counts: np.ndarray, width: int
) -> list[pl.Series]:
    """The cells side by side: for each column the place of its text, or of a blank behind the last."""
    if letters.is_empty():
        return [blanks(len(counts))] * width
    names = letters.unique().to_list()
    at = letters.replace_strict(names, [column_of(name) for name in names], return_dtype=pl.Int32).to_numpy()
    rows = np.repeat(np.arange(len(counts)), counts)
    inside = at < width
    places = np.full((len(counts), width), len(values), dtype=np.int64)
    places[rows[inside], at[inside]] = which[inside]
    ended = pl.concat([values, pl.Series([None], dtype=pl.String)])
    return [ended.gather(places[:, column]) for column in range(width)]


# --- the careful way --------------------------------------------------------------------------------------------------


class CarefulRows:
    """Rows of any worksheet's XML. `feed` takes the document (or a part of it with a root around it) by pieces."""

    def __init__(self, texts: Texts, *, after: int, width: int) -> None:
        self.texts, self.width, self.number = texts, width, after
        self.rows: list[tuple[int, list[str | None]]] = []
        self.cells: dict[int, str] = {}
        self.inside = self.aloud = False  # a value or an inline text; how it is read aloud
        self.at, self.kind, self.style, self.text = -1, "n", "", ""
        self.parser = SafeParser()
        self.parser.expat.StartElementHandler = self._start
        self.parser.expat.EndElementHandler = self._end
        self.parser.expat.CharacterDataHandler = self._characters

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = local(name)
        if name == "c":
            found = LETTERS.match(attributes.get("r", ""))
            self.at = column_of(found[1]) if found else self.at + 1
            self.kind, self.style, self.text = attributes.get("t", "n"), attributes.get("s", ""), ""
        elif name == "row":
            stated = attributes.get("r", "")
            number = int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 8 else 0
            self.number = number if self.number < number <= LAST_ROW else self.number + 1
            self.cells, self.at = {}, -1
        elif name == "rPh":  # how a text is read aloud is no part of it
            self.aloud = True
        elif name in ("v", "t"):
            self.inside = not self.aloud

    def _characters(self, text: str) -> None:
        if self.inside and len(self.text) < CELL_LIMIT:
            self.text += text[:CELL_LIMIT]

    def _end(self, name: str) -> None:
        name = local(name)
        if name in ("v", "t"):
            self.inside = False
        elif name == "rPh":
            self.aloud = False
        elif name == "c" and self.text and self.at < self.width:
            self.cells[self.at] = self._value()
        elif name == "row":
            last = max(self.cells, default=-1)
            self.rows.append((self.number, [self.cells.get(at) for at in range(last + 1)]))

    def _value(self) -> str:
        if self.kind == "s":
            try:
                return self.texts.shared[int(self.text)] or ""
            except (ValueError, IndexError) as error:
                raise Refused(BROKEN_TEXTS) from error
        if self.kind == "b":
            return "FALSE" if self.text == "0" else "TRUE"
        if self.kind == "d":
            return self.text.partition("T")[0]
        return self.texts.number(self.text, self.style) if self.kind == "n" else decoded(self.text)

    def feed(self, piece: bytes, last: bool = False) -> None:
        self.parser.feed(piece, last)

    def taken(self) -> list[tuple[int, list[str | None]]]:
        rows, self.rows = self.rows, []
        return rows


def block_of(rows: list[tuple[int, list[str | None]]], width: int) -> Block:
    numbers = np.fromiter((number for number, _ in rows), dtype=np.int64, count=len(rows))
    return Block(numbers, series_of([cells for _, cells in rows], width))


def careful_piece(piece: bytes, texts: Texts, *, after: int, width: int) -> Block:
    """Whole rows without prefixes, read carefully."""
    rows = CarefulRows(texts, after=after, width=width)
    rows.feed(b"<sheetData>" + piece + b"</sheetData>", True)
    return block_of(rows.taken(), width)


def first_rows(pieces: Iterator[bytes], texts: Texts, count: int) -> list[tuple[int, list[str]]]:
    rows = CarefulRows(texts, after=0, width=LAST_COLUMN)
    for piece in pieces:
        rows.feed(piece)
        if len(rows.rows) >= count:
            break
    return [(number, [cell or "" for cell in cells]) for number, cells in rows.rows[:count]]


def sheet_blocks(pieces: Callable[[], Iterator[bytes]], texts: Texts, *, plain: bool, width: int) -> Iterator[Block]:
    """All rows of a worksheet. `plain`: a look at it found neither prefixes nor document types."""
    if not plain:
        yield from _careful(pieces(), texts, width)
        return
    number, rest = 0, b""
    for piece in pieces():
        piece = rest + piece
        if number == 0 and (start := piece.find(b"<row")) > 0:
            piece = piece[start:]
        cut = piece.rfind(b"</row>") + len(b"</row>")
        if cut < len(b"</row>"):
            rest = piece
            if len(rest) > ROW_LIMIT:
                raise Refused(HUGE_ROW)
            continue
        whole, rest = piece[:cut], piece[cut:]
        for part in cut_up(whole, ROW_END, rows_at_once(width)):
            block = plain_rows(part, texts, after=number, width=width)
            if block is None:
                block = careful_piece(part, texts, after=number, width=width)
            if len(block):
                number = int(block.numbers[-1])
                yield block


def _careful(pieces: Iterator[bytes], texts: Texts, width: int) -> Iterator[Block]:
    rows = CarefulRows(texts, after=0, width=width)
    for piece in pieces:
        rows.feed(piece)
        taken = rows.taken()
        for at in range(0, len(taken), rows_at_once(width)):
            yield block_of(taken[at : at + rows_at_once(width)], width)
    rows.feed(b"", True)
    if taken := rows.taken():
        yield block_of(taken, width)
