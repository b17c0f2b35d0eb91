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

from tables.readers.base import STRIPPED, Block, Refused, blanks, blocks_of, is_blank, rows_at_once
from tables.readers.numbers import UNCALCULATED, date_text, raw_text, small_number
from tables.readers.package import BROKEN, SafeParser

LAST_ROW, LAST_COLUMN = 1_048_576, 16_384
CELL_LIMIT = 1_000  # characters kept of a cell; no column takes as many, and one text may be used a million times
ROW_LIMIT = 32 * 1024**2  # bytes of one row
BROKEN_TEXTS = "文件打不开：表格内部的文字对不上号。请用 Excel 打开后另存为 .xlsx 再上传。"
TOO_MANY_ROWS = f"工作表的行数超过 Excel 的上限（{LAST_ROW:,} 行），系统不读取。请另存为 .csv 再上传。"
HUGE_ROW = "表格里有一行大得不正常，系统不读取。请检查后另存为 .csv 再上传。"
CELL = (
    r'^r="([A-Z]{1,3})[0-9]{1,7}"(?: s="([0-9]{1,6})")?(?: t="([a-zA-Z]+)")?\s*'
    r'(?:/>|>(?:<v>([^<]*)</v>|<is><t(?: xml:space="preserve")?>([^<]*)</t></is>)?</c>)\s*$'
)
ROW_HEAD = r'<row (?:[^<>]*\s)?r="([0-9]{1,7})"[^<>]*>\s*$'
PLAIN_NUMBER = r"^-?[0-9]{1,15}$"
ROW_START, ROWS_END = b"<row", b"</sheetData"
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
LETTERS = re.compile(r"^([A-Z]{1,3})([0-9]+)$")


@dataclass
class Texts:
    """What the cells of a workbook refer to: its shared texts, which styles are dates, its calendar."""

    shared: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))
    dates: frozenset[int] = frozenset()  # styles
    from_1904: bool = False

    def number(self, raw: str, style: str | None) -> str:
        if style and small_number(style) in self.dates:
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
    plain = [decoded(_without_entities(text)) for text in series.gather(at)]
    return series.scatter(at, pl.Series(plain, dtype=pl.String))


def _without_entities(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:  # a character whose number has thousands of digits is none
        return text


# --- the fast way -----------------------------------------------------------------------------------------------------


def plain_rows(piece: bytes, texts: Texts, *, after: int, width: int) -> list[Block] | None:
    """Whole rows of canonical XML; None where something is not as usual."""
    if b"<!" in piece or b"<?" in piece:
        return None
    *whole, end = piece.decode("utf-8", "replace").split("</row>")
    if "<c" in end:
        return None
    rows = pl.Series(whole, dtype=pl.String).str.split("<c ")
    numbers = rows.list.first().str.extract(ROW_HEAD, 1).cast(pl.Int64)
    if numbers.null_count() or not _rising(numbers.to_numpy(), after):
        return None
    counts = rows.list.len().to_numpy() - 1
    cells = rows.list.slice(1).explode().drop_nulls().str.extract_groups(CELL).struct.unnest()
    cells.columns = ["letters", "style", "kind", "value", "inline"]
    if cells["letters"].null_count() or cells.height != counts.sum():
        return None
    values = _values(cells, texts)
    return None if values is None else _blocks(numbers.to_numpy(), cells["letters"], values, counts, width)


def _rising(numbers: np.ndarray, after: int) -> bool:
    return bool(len(numbers)) and numbers[0] > after and numbers[-1] <= LAST_ROW and bool((np.diff(numbers) > 0).all())


def _values(cells: pl.DataFrame, texts: Texts) -> pl.Series | None:
    """The text of each cell; None where a kind of cell is unknown here."""
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
    if is_shared.any():
        at = np.flatnonzero(is_shared.to_numpy())
        wanted = cells["value"].gather(at).cast(pl.UInt32, strict=False)
        if wanted.null_count() or int(wanted.to_numpy().max()) >= len(texts.shared):
            raise Refused(BROKEN_TEXTS)
        # Pointed at, not copied: one of them may stand in every cell.
        values = _placed(values, at, texts.shared.gather(wanted))
    return values.set(values == "", None)


def _placed(values: pl.Series, at: np.ndarray, others: pl.Series) -> pl.Series:
    """`values` with `others` in some places."""
    which = np.arange(len(values))
    which[at] = np.arange(len(others)) + len(values)
    return pl.concat([values, others]).gather(which)


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


def _blocks(numbers: np.ndarray, letters: pl.Series, values: pl.Series, counts: np.ndarray, width: int) -> list[Block]:
    """The cells side by side: for each column the place of its text, or of a blank behind the last."""
    names = {name: column_of(name) for name in letters.unique()} or {"A": 0}
    at = letters.replace_strict(names, return_dtype=pl.Int32).to_numpy()
    rows = np.repeat(np.arange(len(counts)), counts)
    inside = at < width
    surplus = {} if inside.all() else _surplus(numbers[rows[~inside]], values.filter(pl.Series(~inside)))
    rows, at, which = rows[inside], at[inside], np.flatnonzero(inside)
    used = int(at.max()) + 1 if len(at) else 0
    ended = pl.concat([values, pl.Series([None], dtype=pl.String)])
    found = []
    for first in range(0, len(counts), most := rows_at_once(used)):
        part = slice(*np.searchsorted(rows, [first, first + most]))
        height = min(most, len(counts) - first)
        places = np.full((height, used), len(values), dtype=np.int64)
        places[rows[part] - first, at[part]] = which[part]
        columns = [ended.gather(places[:, column]) for column in range(used)]
        found.append(Block(numbers[first : first + height], columns + [blanks(height)] * (width - used), surplus))
    return found


def _surplus(numbers: np.ndarray, values: pl.Series) -> dict[int, str]:
    """Of each row the first text behind the header's last column."""
    filled = ~is_blank(values)
    rows, first = np.unique(numbers[filled.to_numpy()], return_index=True)
    return dict(zip(rows.tolist(), values.filter(filled).gather(first).to_list(), strict=True))


# --- the careful way --------------------------------------------------------------------------------------------------


class CarefulRows:
    """Rows of any worksheet's XML. `feed` takes the document (or a part of it with a root around it) by pieces."""

    def __init__(self, texts: Texts, *, after: int, width: int) -> None:
        self.texts, self.width, self.number = texts, width, after
        self.rows: list[tuple[int, list[str | None]]] = []  # those with a cell
        self.seen = 0  # with those that have none
        self.cells: dict[int, str] = {}
        self.inside = self.aloud = False  # a value or an inline text; how it is read aloud
        self.formula = False  # of which no value was seen yet
        self.at, self.count, self.kind, self.style, self.text = -1, 0, "n", "", ""
        self.parser = SafeParser(self._start, self._end)
        self.parser.expat.CharacterDataHandler = self._characters

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            found = LETTERS.match(attributes.get("r", ""))
            self.at = column_of(found[1]) if found else self.at + 1
            self.kind, self.style, self.text = attributes.get("t", "n"), attributes.get("s", ""), ""
            self.formula = False
            self.count += 1
            if self.count > LAST_COLUMN:
                raise Refused(HUGE_ROW)
        elif name == "row":
            number = small_number(attributes.get("r", ""))
            self.number = number if self.number < number <= LAST_ROW else self.number + 1
            self.cells, self.at, self.count = {}, -1, 0
            self.seen += 1
            if self.seen > LAST_ROW:
                raise Refused(TOO_MANY_ROWS)
        elif name == "rPh":  # how a text is read aloud is no part of it
            self.aloud = True
        elif name in ("v", "t"):
            self.inside = not self.aloud
            self.formula = self.formula and self.kind == "n"  # an empty text is a value, an empty number is none
        elif name == "f":
            self.formula = True

    def _characters(self, text: str) -> None:
        if self.inside and len(self.text) < CELL_LIMIT:
            self.text += text[:CELL_LIMIT]

    def _end(self, name: str) -> None:
        if name in ("v", "t"):
            self.inside = False
        elif name == "rPh":
            self.aloud = False
        elif name == "c" and self.at < LAST_COLUMN and (self.text or self.formula):
            text = self._value() if self.text else UNCALCULATED
            if self.at < self.width:
                self.cells[self.at] = text
            elif text.strip(STRIPPED):  # behind the last column the first stands for all
                self.cells.setdefault(self.width, text)
        elif name == "row" and self.cells and min(self.cells) < self.width:
            self.rows.append((self.number, [self.cells.get(at) for at in range(max(self.cells) + 1)]))

    def _value(self) -> str:
        if self.kind == "s":
            place = int(self.text) if self.text.strip().isdecimal() else -1
            if not 0 <= place < len(self.texts.shared):
                raise Refused(BROKEN_TEXTS)
            return self.texts.shared[place] or ""
        if self.kind == "b":
            return "FALSE" if self.text == "0" else "TRUE"
        if self.kind == "d":
            return self.text.partition("T")[0]
        return self.texts.number(self.text, self.style) if self.kind == "n" else decoded(self.text)

    def feed(self, piece: bytes, last: bool = False) -> None:
        self.parser.feed(piece, last)

    def taken(self) -> Iterator[Block]:
        """The rows read since the last time, as blocks."""
        rows, self.rows = self.rows, []
        return blocks_of(rows, self.width)


def first_rows(pieces: Iterator[bytes], texts: Texts, count: int) -> list[tuple[int, list[str]]]:
    rows = CarefulRows(texts, after=0, width=LAST_COLUMN)
    for piece in pieces:
        rows.feed(piece)
        if rows.seen >= count:
            break
    return [(number, [cell or "" for cell in cells]) for number, cells in rows.rows[:count]]


def sheet_blocks(pieces: Callable[[], Iterator[bytes]], texts: Texts, *, plain: bool, width: int) -> Iterator[Block]:
    """All rows of a worksheet. `plain`: a look at it found neither prefixes nor document types."""
    if not plain:
        rows = CarefulRows(texts, after=0, width=width)
        for piece in pieces():
            rows.feed(piece)
            yield from rows.taken()
        rows.feed(b"", True)
        yield from rows.taken()
        return
    number = 0
    for whole in _whole_rows(pieces()):
        blocks = plain_rows(whole, texts, after=number, width=width)
        if blocks is not None:
            yield from blocks
            number = int(blocks[-1].numbers[-1])
        else:
            rows = CarefulRows(texts, after=number, width=width)
            rows.feed(b"<sheetData>" + whole + b"</sheetData>", True)
            yield from rows.taken()
            number = rows.number


def _whole_rows(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pieces from the start of a row to that of another: rows without cells may have no end tag."""
    rest, begun = b"", False
    for piece in pieces:
        piece = rest + piece
        if not begun:
            start = piece.find(ROW_START)
            begun, piece = start >= 0, piece[max(start, 0) :]
        end = piece.find(ROWS_END)
        if end >= 0:
            yield piece[:end]
            return
        cut = piece.rfind(ROW_START) if begun else len(piece) - 20
        if begun and cut > 0:
            yield piece[:cut]
        rest = piece[max(cut, 0) :]
        if len(rest) > ROW_LIMIT:
            raise Refused(HUGE_ROW)
    raise Refused(BROKEN)
