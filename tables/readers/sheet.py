"""Workbooks (xlsx, xls, ods) through calamine: each cell as the text a person would have typed."""

import datetime as dt
import itertools
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError, SheetVisibleEnum, ZipError

from tables.readers.base import BLOCK_ROWS, HEADER_WITHIN, Block, Refused, series_of

UNPACKED_LIMIT = 4 * 1024**3  # bytes: a workbook of a million rows unpacks to about one
UNPACKED_RATIO = 400  # times its size; XML of repeated rows reaches some forty
EXACT = 2**53  # above it a spreadsheet has lost digits


def cell_text(cell: object) -> str:
    """Whole numbers without a fraction, dates as 2020-01-02; a number too long for a spreadsheet as 9.1E+17."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int | float):
        if abs(cell) >= EXACT:
            return f"{cell:E}"
        return str(int(cell)) if cell == int(cell) else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, dt.date | dt.time) else str(cell)


def open_workbook(path: Path) -> CalamineWorkbook:
    """Raises Refused where the workbook is locked, broken or a bomb."""
    if zipfile.is_zipfile(path):
        _check_size(path)
        _check_kind(path)
    try:
        return _open(path)
    except PasswordError as error:
        raise Refused("文件设了打开密码，系统读不了。请在 Excel 里去掉密码后另存，再重新上传。") from error
    except (CalamineError, ZipError, ValueError, OSError) as error:
        raise Refused("文件打不开：可能没有传完整，或者不是表格。请用 Excel 打开确认后另存为 .xlsx 再上传。") from error


def _open(path: Path) -> CalamineWorkbook:
    """By its name first, which needs no copy in memory; then by its content, for an .xlsx that calls itself .xls."""
    try:
        return CalamineWorkbook.from_path(str(path))
    except PasswordError:
        raise
    except (CalamineError, ZipError):
        with path.open("rb") as file:
            return CalamineWorkbook.from_filelike(file)


def _check_size(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > UNPACKED_LIMIT or unpacked > UNPACKED_RATIO * max(path.stat().st_size, 100_000):
        raise Refused("文件解压后大得不正常，系统不读取。请把表格另存为 .csv 或拆成几份再上传。")


def _check_kind(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    # Every workbook (xlsx, xlsm, xlsb, ods) says what its parts are in one of these.
    if not {"[Content_Types].xml", "META-INF/manifest.xml", "content.xml"} & set(names):
        raise Refused("这是压缩包。请先解压，再上传里面的 Excel(.xlsx)或 CSV 文件。")


class SheetReader:
    def __init__(self, sheet: CalamineSheet) -> None:
        self.sheet = sheet
        self.rows = sheet.total_height

    def top(self) -> list[tuple[int, list[str]]]:
        rows = itertools.islice(self.sheet.iter_rows(), HEADER_WITHIN)
        return [(number, [cell_text(cell) for cell in row]) for number, row in enumerate(rows, 1)]

    def blocks(self, *, header_row: int, width: int) -> Iterator[Block]:
        rows = itertools.islice(self.sheet.iter_rows(), header_row, None)
        first = header_row + 1
        while block := list(itertools.islice(rows, BLOCK_ROWS)):
            cells = [[cell_text(cell) for cell in row] for row in block]
            yield Block(np.arange(first, first + len(cells), dtype=np.int64), series_of(cells, width))
            first += len(cells)


def sheet_readers(path: Path) -> Iterator[SheetReader]:
    """A reader for each visible sheet that holds anything."""
    book = open_workbook(path)
    for at, meta in enumerate(book.sheets_metadata):
        if meta.visible != SheetVisibleEnum.Visible:
            continue
        try:
            sheet = book.get_sheet_by_index(at)
        except CalamineError:
            continue  # a chart or a broken sheet: another one may hold the rows
        if sheet.height:
            yield SheetReader(sheet)
