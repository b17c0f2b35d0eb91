"""Delimited text in any of the encodings that Chinese offices use, streamed in blocks.

Lines without quotation marks go through Polars, others through a reader that survives stray ones. Both number records
as a spreadsheet would: a blank line counts, a quoted line break does not start a row.
"""

import codecs
import csv
import io
import itertools
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

import numpy as np
import polars as pl

from tables.readers.base import HEADER_WITHIN, Block, Refused, blanks, blocks_of, first_of, pieces, rows_at_once

CHUNK = 8 * 1024 * 1024  # bytes: large enough for Polars to be fast, small enough for memory not to matter
LINE_LIMIT = 4 * 1024 * 1024  # bytes of one line
LINES_AT_ONCE = 200_000  # however short they are
TOP = 256 * 1024  # bytes in which a header must stand
LINE_FEED, RETURN = b"\n\r"
DELIMITERS = (",", "\t", ";", "|", "，")
OPEN_QUOTE_LINES = 20  # a quoted cell that goes on for more lines than this was never meant to be one
STRAY_LIMIT = 200_000  # lines whose quotation marks never close: so many are no slip, and each is looked at by itself
STRAY = (
    f'文件里有超过 {STRAY_LIMIT:,} 行的引号（"）不成对，分不清一格到哪里为止，系统不读取。'
    "请从原系统重新导出，或用 Excel 打开后另存为 .xlsx 再上传。"
)
GARBLED_SHARE = 0.001  # of the characters: more than this, and the encoding was guessed wrongly
UTF8_RUN = re.compile(rb"(?:[\xe4-\xe9][\x80-\xbf]{2}){4}")  # four Chinese characters; in GB18030 all but never seen
UTF8_RUNS = 3
MIXED = "文件里混着两种编码（UTF-8 和 GB18030），文字会变成乱码。请分别重新导出，或用 Excel 打开后另存为 .xlsx 再上传。"
UNKNOWN_ENCODING = (
    "认不出文件的编码，文字会变成乱码。请用 Excel 打开后另存为「Excel 工作簿(.xlsx)」或"
    "「CSV UTF-8(逗号分隔)」，再重新上传。"
)
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as the next one does
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def _utf16_without_mark(head: bytes) -> str | None:
    """Delimiters, digits and line ends of one byte beside a zero byte betray UTF-16: which stands first, its order."""
    if head.count(0) * 20 <= len(head):
        return None
    return "utf-16-le" if head[1::2].count(0) >= head[::2].count(0) else "utf-16-be"


def _decodes(file: IO[bytes], encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for piece in pieces(file, CHUNK):
            decoder.decode(piece)
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return False
    return True


def _garbled(file: IO[bytes], encoding: str) -> float:
    """The share of characters that the encoding cannot explain."""
    decoder, bad, all_of_them = codecs.getincrementaldecoder(encoding)("replace"), 0, 1
    for piece in pieces(file, CHUNK):
        text = decoder.decode(piece)
        bad, all_of_them = bad + text.count("\ufffd"), all_of_them + len(text)
    return bad / all_of_them


def find_encoding(file: IO[bytes]) -> str:
    """The encoding of the whole file; the first megabytes of a Chinese file may well be plain ASCII.

    Raises Refused where neither UTF-8 nor GB18030 nor UTF-16 explains it.
    """
    head = next(pieces(file, 4096), b"")
    for mark, encoding in BOMS:
        if head.startswith(mark):
            return encoding
    if encoding := _utf16_without_mark(head):
        return encoding
    if _decodes(file, "utf-8"):
        return "utf-8"
    if _decodes(file, "gb18030"):
        if _holds_utf8(file):
            raise Refused(MIXED)
        return "gb18030"
    share, encoding = min((_garbled(file, encoding), encoding) for encoding in ("utf-8", "gb18030"))
    if share > GARBLED_SHARE:
        raise Refused(UNKNOWN_ENCODING)
    return encoding


def _holds_utf8(file: IO[bytes]) -> bool:
    """Whether lines in UTF-8 stand in a file that GB18030 explains: it would make other characters of them."""
    found = 0
    for piece in pieces(file, CHUNK):
        found += sum(1 for _ in itertools.islice(UTF8_RUN.finditer(piece), UTF8_RUNS))
        if found >= UTF8_RUNS:
            return True
    return False


class TextReader:
    def __init__(self, file: IO[bytes], name: str = "") -> None:
        self.file, self.name = file, name
        self.encoding = find_encoding(file)
        self.delimiter = ","
        self.rows = self._count_lines()

    def _texts(self) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder(self.encoding)("replace")
        for piece in pieces(self.file, CHUNK):
            yield decoder.decode(piece)
        yield decoder.decode(b"", True)

    def _count_lines(self) -> int:
        lines, last = 0, b""
        for piece in self._utf8():
            lines += piece.count(b"\n") + (piece.count(b"\r") - piece.count(b"\r\n") if b"\r" in piece else 0)
            last = piece[-1:] or last
        return lines + (last not in (b"\n", b"\r"))

    def _utf8(self) -> Iterator[bytes]:
        plain = self.encoding in ("utf-8", "utf-8-sig")
        return pieces(self.file, CHUNK) if plain else (text.encode() for text in self._texts())

    def _chunks(self) -> Iterator[bytes]:
        """The file in UTF-8, cut at line ends, of which none is a lone carriage return; the last chunk ends as the file."""
        rest, mark = b"", codecs.BOM_UTF8
        for piece in self._utf8():
            piece, mark = rest + piece.removeprefix(mark), b""
            end = piece[-1:] if piece.endswith(b"\r") else b""  # what follows may belong to it
            piece = piece.removesuffix(end)
            if b"\r" in piece and piece.count(b"\r") != piece.count(b"\r\n"):
                piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            cut = piece.rfind(b"\n") + 1
            if cut:
                yield piece[:cut]
            rest = piece[cut:] + end
            if len(rest) > LINE_LIMIT:
                raise Refused("文件里有一行长得不正常（没有换行），系统不读取。请检查后从原系统重新导出。")
        if rest:
            yield rest.replace(b"\r", b"\n")

    def _parts(self) -> Iterator[bytes]:
        """The chunks, cut further where their lines are short."""
        for chunk in self._chunks():
            if chunk.count(b"\n") <= LINES_AT_ONCE:
                yield chunk
                continue
            ends = np.flatnonzero(np.frombuffer(chunk, dtype=np.uint8) == LINE_FEED) + 1
            cuts = [0, *ends[LINES_AT_ONCE - 1 : -1 : LINES_AT_ONCE].tolist(), len(chunk)]
            yield from (chunk[start:end] for start, end in itertools.pairwise(cuts))

    def top(self) -> list[tuple[int, list[str]]]:
        """The first rows, cut by `delimiter`."""
        start = next(self._chunks(), b"")[:TOP].decode("utf-8", "replace")
        records, *_ = split_records(start, self.delimiter, last=True)
        return list(enumerate(records[:HEADER_WITHIN], 1))

    def blocks(self, *, header_row: int, width: int) -> Iterator[Block]:
        number, rest, strays = 0, "", 0  # of the last row handed out; what a quoted cell left open; marks never closed
        for chunk in self._parts():
            if not rest and b'"' not in chunk and width > 1 and len(self.delimiter.encode()) == 1:
                lines = _Lines(chunk, number)
                number += lines.count
                yield from lines.blocks(self.delimiter, header_row, width)
                continue
            records, rest, more = split_records(rest + chunk.decode("utf-8", "replace"), self.delimiter, last=False)
            strays += more
            if strays > STRAY_LIMIT:
                raise Refused(STRAY)
            yield from _written(records, width, number + 1, header_row)
            number += len(records)
        if rest:
            records, *_ = split_records(rest, self.delimiter, last=True)
            yield from _written(records, width, number + 1, header_row)


def _written(records: list[list[str]], width: int, first: int, header_row: int) -> Iterator[Block]:
    """Records below the header; blank lines are counted and left out."""
    rows = [(number, cells) for number, cells in enumerate(records, first) if cells and number > header_row]
    return blocks_of(rows, width)


class _Lines:
    """Lines without quotation marks: one record each. Blank ones are counted and left out."""

    def __init__(self, chunk: bytes, before: int) -> None:
        data = np.frombuffer(chunk if chunk.endswith(b"\n") else chunk + b"\n", dtype=np.uint8)
        ends = np.flatnonzero(data == LINE_FEED)
        lengths = np.diff(ends, prepend=-1)  # with their ends
        written = lengths > 1 + (data[ends - 1] == RETURN)
        self.count = len(ends)
        self.numbers = np.flatnonzero(written) + before + 1
        self.data = data if written.all() else data[np.repeat(written, lengths)]
        self.starts = np.concatenate([[0], np.cumsum(lengths[written])])

    def blocks(self, delimiter: str, header_row: int, width: int) -> Iterator[Block]:
        used = width
        marks = np.flatnonzero(self.data == ord(delimiter))
        before = np.searchsorted(marks, self.starts)  # marks before each line
        if len(self.numbers) > rows_at_once(width):
            # Rows may be shorter than the header: what is not there takes no room.
            used = min(max(int(np.diff(before).max()) + 1, 2), width)
        surplus = self._surplus(marks, before, delimiter, width)
        begin = int(np.searchsorted(self.numbers, header_row, side="right"))
        for first in range(begin, len(self.numbers), most := rows_at_once(used)):
            numbers = self.numbers[first : first + most]
            data = self.data[self.starts[first] : self.starts[first + len(numbers)]].tobytes()
            columns = _parse_plain(data, len(numbers), delimiter, used)
            if columns is not None:
                yield Block(numbers, columns + [blanks(len(numbers))] * (width - used), surplus)
            else:
                records, *_ = split_records(data.decode("utf-8", "replace"), delimiter, last=True)
                yield from blocks_of(list(zip(numbers.tolist(), records, strict=True)), width)

    def _surplus(self, marks: np.ndarray, before: np.ndarray, delimiter: str, width: int) -> dict[int, str]:
        """What stands behind the last column. Only lines with a character there that is no mark are looked at."""
        at = np.flatnonzero(np.diff(before) >= width)
        if not len(at):
            return {}
        starts, ends = marks[before[at] + width - 1] + 1, self.starts[at + 1] - 1
        ends = ends - (self.data[ends - 1] == RETURN)
        found = {}
        for which in np.flatnonzero(ends - starts > before[at + 1] - before[at] - width):
            cells = self.data[starts[which] : ends[which]].tobytes().decode("utf-8", "replace").split(delimiter)
            if text := first_of(cells):
                found[int(self.numbers[at[which]])] = text
        return found


def _parse_plain(data: bytes, lines: int, delimiter: str, width: int) -> list[pl.Series] | None:
    """Polars' way; None where it does not see as many rows as there are lines."""
    # A first line of the right width: Polars takes the number of columns from it.
    shaped = delimiter.encode() * (width - 1) + b"\n" + data
    try:
        frame = pl.read_csv(
            io.BytesIO(shaped),
            has_header=False,
            separator=delimiter,
            quote_char=None,
            infer_schema=False,
            schema={f"c{at}": pl.String for at in range(width)},
            truncate_ragged_lines=True,
            encoding="utf8-lossy",
        )
    except pl.exceptions.PolarsError:
        return None
    return frame[1:].get_columns() if frame.height == lines + 1 else None


def split_records(text: str, delimiter: str, *, last: bool) -> tuple[list[list[str]], str, int]:
    """Records of a text; its unfinished end, the lines of a quoted cell that is still open (only if not `last`); how many
    of the records have a mark that never closes."""
    lines = list(io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n"), newline="\n"))
    records: list[list[str]] = []
    at = strays = 0
    while at < len(lines):
        for record, after in _well_formed(lines, at, delimiter):
            records.append(record)
            at = after
        if at == len(lines):
            break
        record = _stray(lines[at], delimiter)
        if record is None and not last and at + OPEN_QUOTE_LINES >= len(lines):
            return records, "".join(lines[at:]), strays
        if record is None:  # never closed: the mark is a character like any other
            record = lines[at].rstrip("\n").split(delimiter)
            strays += 1
        records.append(record)
        at += 1
    return records, "", strays


def _well_formed(lines: list[str], at: int, delimiter: str) -> Iterator[tuple[list[str], int]]:
    """Records as a writer makes them, each with the line after it, up to the first that is none. Only such a record
    may take several lines: two stray marks would swallow the rows between."""
    begun = at

    def feed() -> Iterator[str]:
        for number in range(at, len(lines)):
            if number - begun >= OPEN_QUOTE_LINES:
                return
            yield lines[number]

    reader = csv.reader(feed(), delimiter=delimiter, strict=True)
    with suppress(csv.Error):
        for record in reader:
            begun = at + reader.line_num
            yield record, begun


def _stray(line: str, delimiter: str) -> list[str] | None:
    """The record of one line with marks that no writer sets; None where a cell does not end."""
    reader = csv.reader([line, "\n"], delimiter=delimiter)
    try:
        record = next(reader)
    except csv.Error:
        return None
    return record if reader.line_num == 1 else None
