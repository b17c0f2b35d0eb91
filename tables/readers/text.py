"""Delimited text in any of the encodings that Chinese offices use, streamed in blocks.

A block without quotation marks, blank lines and lone carriage returns goes through Polars, any other through a
line-wise reader that survives stray quotation marks. Both number records as a spreadsheet would: a blank line counts,
a quoted line break does not start a row.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from typing import IO

import numpy as np
import polars as pl

from tables.readers.base import HEADER_WITHIN, Block, Refused, cut_up, pieces, rows_at_once, series_of

CHUNK = 8 * 1024 * 1024  # bytes: large enough for Polars to be fast, small enough for memory not to matter
LINE_LIMIT = 4 * 1024 * 1024  # bytes of one line
LINE_END = re.compile(rb"\r\n|\n|\r")
TOP = 256 * 1024  # bytes in which a header must stand
DELIMITERS = (",", "\t", ";", "|", "，")
OPEN_QUOTE_LINES = 20  # a quoted cell that goes on for more lines than this was never meant to be one
GARBLED_SHARE = 0.001  # of the characters: more than this, and the encoding was guessed wrongly
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as the next one does
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def _utf16_without_mark(head: bytes) -> str | None:
    """Delimiters and line ends of one byte beside a zero byte betray UTF-16."""
    if head.count(0) * 20 <= len(head):
        return None
    little = sum(head.count(mark) for mark in (b",\x00", b"\t\x00", b"\n\x00"))
    big = sum(head.count(mark) for mark in (b"\x00,", b"\x00\t", b"\x00\n"))
    return "utf-16-le" if little >= big else "utf-16-be"


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
    for encoding in ("utf-8", "gb18030"):
        if _decodes(file, encoding):
            return encoding
    share, encoding = min((_garbled(file, encoding), encoding) for encoding in ("utf-8", "gb18030"))
    if share > GARBLED_SHARE:
        raise Refused(
            "认不出文件的编码，文字会变成乱码。请用 Excel 打开后另存为「Excel 工作簿(.xlsx)」或"
            "「CSV UTF-8(逗号分隔)」，再重新上传。"
        )
    return encoding


class TextReader:
    def __init__(self, file: IO[bytes], name: str = "") -> None:
        self.file, self.name = file, name
        self.encoding = find_encoding(file)
        self.delimiter = ","
        self.lone_returns = False  # the line ends of an old Macintosh
        self.rows = self._count_lines()

    def _texts(self) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder(self.encoding)("replace")
        for piece in pieces(self.file, CHUNK):
            yield decoder.decode(piece)
        yield decoder.decode(b"", True)

    def _count_lines(self) -> int:
        feeds = returns = 0
        last = ""
        wide = self.encoding.startswith(("utf-16", "utf-32"))
        for piece in self._texts() if wide else pieces(self.file, CHUNK):
            feeds += piece.count("\n" if isinstance(piece, str) else b"\n")  # type: ignore[arg-type]
            returns += piece.count("\r" if isinstance(piece, str) else b"\r")  # type: ignore[arg-type]
            last = (piece[-1:] if isinstance(piece, str) else piece[-1:].decode("latin-1")) or last
        self.lone_returns = feeds == 0 and returns > 0
        return (returns if self.lone_returns else feeds) + (last not in ("\n", "\r"))

    def _chunks(self) -> Iterator[bytes]:
        """The file in UTF-8, cut at line ends; the last chunk ends as the file does."""
        plain = self.encoding in ("utf-8", "utf-8-sig") and not self.lone_returns
        source = pieces(self.file, CHUNK) if plain else self._encoded()
        rest, first = b"", True
        for piece in source:
            if first and plain:
                piece = piece.removeprefix(codecs.BOM_UTF8)
            first = False
            piece = rest + piece
            cut = piece.rfind(b"\n") + 1
            if cut:
                yield piece[:cut]
            rest = piece[cut:]
            if len(rest) > LINE_LIMIT:
                raise Refused("文件里有一行长得不正常（没有换行），系统不读取。请检查后从原系统重新导出。")
        if rest:
            yield rest

    def _encoded(self) -> Iterator[bytes]:
        for text in self._texts():
            yield (text.replace("\r", "\n") if self.lone_returns else text).encode()

    def _parts(self, most: int) -> Iterator[bytes]:
        """The chunks, cut further where their lines are short: at most so many lines each."""
        for chunk in self._chunks():
            if chunk.count(b"\n") + chunk.count(b"\r") <= most:
                yield chunk
            else:
                yield from cut_up(chunk, LINE_END, most)

    def top(self) -> list[tuple[int, list[str]]]:
        """The first rows, cut by `delimiter`."""
        start = next(self._chunks(), b"")[:TOP].decode("utf-8", "replace")
        records, _ = split_records(start, self.delimiter, last=True)
        return list(enumerate(records[:HEADER_WITHIN], 1))

    def blocks(self, *, header_row: int, width: int) -> Iterator[Block]:
        number, rest = 0, ""  # of the last row handed out; what a quoted cell left open
        for chunk in self._parts(rows_at_once(width)):
            if not rest and _is_plain(chunk):
                columns = _parse_plain(chunk, self.delimiter, width)
                if columns is not None:
                    yield _numbered(columns, number + 1, header_row)
                    number += len(columns[0])
                    continue
            records, rest = split_records(rest + chunk.decode("utf-8", "replace"), self.delimiter, last=False)
            yield _written(records, width, number + 1, header_row)
            number += len(records)
        if rest:
            records, _ = split_records(rest, self.delimiter, last=True)
            yield _written(records, width, number + 1, header_row)


def _numbered(columns: list[pl.Series], first: int, header_row: int) -> Block:
    """The block without the rows up to the header."""
    skip = min(max(header_row - first + 1, 0), len(columns[0]))
    numbers = np.arange(first + skip, first + len(columns[0]), dtype=np.int64)
    return Block(numbers, [series[skip:] for series in columns] if skip else columns)


def _written(records: list[list[str]], width: int, first: int, header_row: int) -> Block:
    """Records below the header; blank lines are counted and left out."""
    rows = [(number, cells) for number, cells in enumerate(records, first) if cells and number > header_row]
    numbers = np.fromiter((number for number, _ in rows), dtype=np.int64, count=len(rows))
    return Block(numbers, series_of([cells for _, cells in rows], width))


def _is_plain(chunk: bytes) -> bool:
    if b'"' in chunk or b"\n\n" in chunk or chunk[:1] in (b"\n", b"\r"):
        return False
    return b"\r" not in chunk or (b"\n\r\n" not in chunk and chunk.count(b"\r") == chunk.count(b"\r\n"))


def _parse_plain(chunk: bytes, delimiter: str, width: int) -> list[pl.Series] | None:
    """Polars' way; None where it does not see as many rows as there are lines."""
    if len(delimiter.encode()) > 1 or width < 2:
        return None
    lines = chunk.count(b"\n") + (not chunk.endswith(b"\n"))
    # A first line of the right width: Polars takes the number of columns from it.
    shaped = delimiter.encode() * (width - 1) + b"\n" + chunk
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


def split_records(text: str, delimiter: str, *, last: bool) -> tuple[list[list[str]], str]:
    """Records of a text and its unfinished end: the lines of a quoted cell that is still open (only if not `last`)."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines[-1] == "" and len(lines) > 1 or text == "":
        lines.pop()
    records: list[list[str]] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if '"' not in line:
            records.append(line.split(delimiter) if line else [])
            at += 1
            continue
        record, used = _quoted(lines, at, delimiter)
        if record is None and not last and at + OPEN_QUOTE_LINES >= len(lines):
            return records, "\n".join(lines[at:]) + "\n"
        # Never closed: the mark is a character like any other.
        records.append(record if record is not None else line.split(delimiter))
        at += used if record is not None else 1
    return records, ""


def _quoted(lines: list[str], at: int, delimiter: str) -> tuple[list[str] | None, int]:
    """The record that starts at a line with quotation marks and how many lines it takes; None: it does not end."""
    within = lines[at : at + OPEN_QUOTE_LINES]
    # Over several lines only where every mark stands as a writer sets it: two stray ones would swallow the rows between.
    record, used = _by_csv(within, delimiter, strict=True)
    return (record, used) if record is not None else _by_csv(within[:1], delimiter, strict=False)


def _by_csv(lines: list[str], delimiter: str, *, strict: bool) -> tuple[list[str] | None, int]:
    pulled = 0

    def feed() -> Iterator[str]:
        nonlocal pulled
        for line in lines:
            pulled += 1
            yield line + "\n"
        pulled += 1

    try:
        record = next(csv.reader(feed(), delimiter=delimiter, strict=strict))
    except (csv.Error, StopIteration):
        return None, 1
    return (None, 1) if pulled > len(lines) else (record, pulled)
