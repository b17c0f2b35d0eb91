"""A table's rows as csv, xlsx or json, streamed."""

import csv
import datetime as dt
import io
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Any

import xlsxwriter
from django.utils import timezone

from jobs.listening import STOPPED, listen
from tables.cells import UNSEEN
from tables.table import Column

# What a spreadsheet may take for a formula, in both widths; and the text's own mark, lest an import take that off.
# Spaces and marks that nobody sees may stand before it: who cleans a file takes them away.
GUARDED = re.compile(rf"[\t\r]|{UNSEEN}[=+\-@＝＋－＠]|['‘’](?:[\t\r'‘’0-9]|{UNSEEN}[=+\-@＝＋－＠])")
SHEET_ROWS = 1_048_575  # below the header
MEASURED, WIDEST = 200, 44  # rows by which columns are made as wide as they need, and no wider
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json; charset=utf-8",
}


LABEL = "内部"  # of every list that leaves
SYSTEM = "系统"


@dataclass(frozen=True)
class Mark:
    """What a file says of itself: its label, who took it out, when and, where that was asked, what for. In a workbook:
    header and footer of every sheet, and its properties; rows and header row stay as they are, so that it comes back as
    it left. A csv can hold no mark inside for the same reason: so its name does."""

    label: str
    who: str
    at: dt.datetime
    purpose: str = ""

    @classmethod
    def by(cls, user: Any, purpose: str = "", label: str = LABEL) -> "Mark":
        """Of what this person takes out now; None: the system itself."""
        return cls(label, SYSTEM if user is None else str(user), timezone.localtime(), purpose)

    @property
    def line(self) -> str:
        return f"{self.label} · {self.who} · {self.at:%Y-%m-%d %H:%M} 导出"

    def properties(self, title: str) -> dict[str, str]:
        told = f"{self.line}，用途：{self.purpose}" if self.purpose else self.line
        return {"title": title, "author": self.who, "category": self.label, "comments": told}

    def name(self, title: str, *, is_dated: bool = True) -> str:
        """Of the file, without its ending. Not dated: what comes back, for the day in a name is taken for that of the data."""
        return "-".join([title, self.label, self.who] + ([f"{self.at:%Y-%m-%d}"] if is_dated else []))

    def put_on(self, sheet) -> None:
        line = self.line.replace("&", "&&")  # a single & begins a code of the spreadsheet's
        sheet.set_header(f"&C{line}"[:255])
        sheet.set_footer(f"&L{line}&R&P / &N"[:255])


def as_text(value: Any) -> str:
    """A cell as it is written for people; times are those of the wall clock in Shanghai."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, dt.datetime):
        return timezone.localtime(value).strftime("%Y-%m-%d %H:%M:%S")
    return str(value)


def guarded(text: str) -> str:
    """A spreadsheet must not take a cell for a formula. Importing takes the mark off again."""
    return f"'{text}" if GUARDED.match(text) else text


def _rows(columns: Sequence[Column], rows: Iterable) -> Iterator[list[Any]]:
    for row in rows:
        yield [column.in_file(row) for column in columns]


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """utf-8-sig, so that Excel recognises it. Pieces of some hundred rows."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    writer.writerow(header)
    for number, row in enumerate(rows, 1):
        writer.writerow([guarded(as_text(value)) for value in row])
        if number % 500 == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


class Stoppable:
    """A file that a workbook is written to, which takes long: between two pieces it is heard when the work shall stop.
    From then on it takes nothing more, for the packer goes on to tidy up."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.is_stopped = file, False

    def write(self, data: bytes) -> int:
        if self.is_stopped:
            return len(data)
        try:
            listen()
        except STOPPED:
            self.is_stopped = True
            raise
        return self.file.write(data)

    def seek(self, at: int, whence: int = 0) -> int:
        return 0 if self.is_stopped else self.file.seek(at, whence)

    def tell(self) -> int:
        return 0 if self.is_stopped else self.file.tell()

    def flush(self) -> None:
        if not self.is_stopped:
            self.file.flush()


def xlsx_to(
    file: IO[bytes],
    title: str,
    header: Sequence[str],
    rows: Iterable[Sequence[Any]],
    sheet_rows: int = SHEET_ROWS,
    mark: Mark | None = None,
) -> None:
    """Numbers as numbers, everything else as text: codes keep their 18 digits, nothing becomes a formula.

    Rows go to disk as they come; what one sheet cannot hold goes on in the next.
    """
    with tempfile.TemporaryDirectory() as folder:  # what the packer leaves behind when it is stopped goes with it
        kept = {"constant_memory": True, "tmpdir": folder, "strings_to_formulas": False, "strings_to_urls": False}
        book = xlsxwriter.Workbook(Stoppable(file), kept)
        if mark:
            book.set_properties(mark.properties(title))
        _write_book(book, title, header, rows, sheet_rows, mark)


def _write_book(book, title: str, header: Sequence[str], rows: Iterable, sheet_rows: int, mark: Mark | None) -> None:
    bold = book.add_format({"bold": True})
    sheet, number, sheets = _sheet(book, title[:31], header, bold, mark), 0, 1
    widths = [_width(label) for label in header]
    for row in rows:
        if number == sheet_rows:
            sheets += 1
            sheet, number = _sheet(book, f"{title[:26]}（{sheets}）", header, bold, mark), 0
        number += 1
        if sheets == 1 and number <= MEASURED:
            widths = [max(width, _width(as_text(value))) for width, value in zip(widths, row, strict=False)]
        for at, value in enumerate(row):
            if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
                sheet.write_number(number, at, value)
            elif value not in (None, ""):
                sheet.write_string(number, at, guarded(as_text(value))[:32767])
    for sheet in book.worksheets():
        for at, width in enumerate(widths):
            sheet.set_column(at, at, min(width + 2, WIDEST))
    book.close()


def _width(text: str) -> int:
    """In characters of a column: a Chinese one is two wide."""
    return sum(2 if character > "\u2e7f" else 1 for character in text)


def _sheet(book, title: str, header: Sequence[str], bold, mark: Mark | None):
    sheet = book.add_worksheet(title)
    if mark:
        mark.put_on(sheet)
    for at, label in enumerate(header):
        sheet.write_string(0, at, label, bold)
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)
    sheet.set_paper(9)  # A4
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    return sheet


def _json_pieces(columns: Sequence[Column], rows: Iterable) -> Iterator[bytes]:
    yield b"["
    for number, row in enumerate(rows):
        values = {c.key: v if isinstance(v := c.of(row), int | None) else as_text(v) for c in columns}
        yield (b",\n" if number else b"\n") + json.dumps(values, ensure_ascii=False).encode()
    yield b"\n]\n"


def export(title: str, columns: Sequence[Column], rows: Iterable, format: str, mark: Mark) -> Iterator[bytes]:
    """The bytes of a file with these columns of these rows. `rows` is read once: pass `queryset.iterator()`."""
    header = [column.label for column in columns]
    if format == "csv":
        return csv_lines(header, _rows(columns, rows))
    if format == "json":
        return _json_pieces(columns, rows)
    if format == "xlsx":
        return xlsx_pieces(title, header, _rows(columns, rows), mark)
    raise ValueError(f"unknown format {format!r}")


def rows_as(
    format: str, title: str, header: Sequence[str], rows: Iterable[Sequence[Any]], mark: Mark
) -> Iterator[bytes]:
    """The bytes of a csv, or else of a workbook, with these rows: what leaves and is no list of a table of ours."""
    return csv_lines(header, rows) if format == "csv" else xlsx_pieces(title, header, rows, mark)


def xlsx_pieces(title: str, header: Sequence[str], rows: Iterable[Sequence[Any]], mark: Mark) -> Iterator[bytes]:
    with tempfile.TemporaryFile() as file:
        xlsx_to(file, title, header, rows, mark=mark)
        file.seek(0)
        while piece := file.read(1 << 16):
            yield piece
