"""Old workbooks (xls) and those of open formats (ods) through calamine: small by their nature, read whole."""

import itertools
import zipfile
from collections.abc import Iterator
from typing import IO

import numpy as np
from python_calamine import CalamineSheet, CalamineWorkbook, PasswordError, SheetVisibleEnum

from tables.readers.base import BLOCK_ROWS, HEADER_WITHIN, Block, Merge, Refused, pieces, series_of
from tables.readers.numbers import cell_text
from tables.readers.package import BROKEN, LOCKED, TOO_BIG, SafeParser, local, unpacked

AREA_LIMIT = 20_000_000  # cells from the first to the last, blank or not: they are all held in memory
WHOLE_LIMIT = 256 * 1024**2  # bytes of a file that is read whole
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
MACRO_STORAGE = "_VBA_PROJECT_CUR".encode("utf-16-le")


class SheetReader:
    def __init__(self, sheet: CalamineSheet, name: str) -> None:
        self.sheet, self.name = sheet, name
        self.rows = sheet.total_height
        self.merges = [
            Merge(left, top + 1, bottom + 1)
            for (top, left), (bottom, _) in sheet.merged_cell_ranges or ()
            if bottom > top
        ]

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


def sheet_readers(file: IO[bytes], package: zipfile.ZipFile | None) -> tuple[list[SheetReader], list[tuple[str, str]]]:
    """A reader for each visible sheet that holds anything; what was left aside. `package`: of an ods."""
    if package is not None:
        _check_area(package)
    elif any(ENCRYPTED in piece for piece in pieces(file, 1 << 20)):
        raise Refused(LOCKED)
    if file.seek(0, 2) > WHOLE_LIMIT:
        raise Refused(TOO_BIG)
    file.seek(0)
    book = _calling(lambda: CalamineWorkbook.from_filelike(file))
    readers, skipped = [], []
    for at, meta in enumerate(book.sheets_metadata):
        if meta.visible != SheetVisibleEnum.Visible:
            skipped.append((meta.name[:31], "隐藏的工作表不读取"))
            continue
        try:
            sheet = _calling(lambda at=at: book.get_sheet_by_index(at))
        except Refused:
            continue  # a chart or a broken sheet: another one may hold the rows
        if sheet.height:
            readers.append(SheetReader(sheet, meta.name[:31]))
    return readers, skipped


def _calling(act):
    """Whatever the library makes of a broken file, even a panic, is a refusal."""
    try:
        return act()
    except PasswordError as error:
        raise Refused(LOCKED) from error
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # a panic of the library is no Exception
        raise Refused(BROKEN) from error


def _check_area(package: zipfile.ZipFile) -> None:
    """How far the cells of an ods reach: a few bytes can repeat a row or a cell a million times."""
    state = {"row": 0, "rows": 1, "at": 0, "last": 0, "width": 0}

    def number(attributes: dict[str, str], ending: str) -> int:
        stated = next((value for key, value in attributes.items() if local(key) == ending), "1")
        return int(stated) if stated.isdecimal() and len(stated) < 10 else 1

    def start(name: str, attributes: dict[str, str]) -> None:
        name = local(name)
        if name == "table":
            state.update(row=0, last=0, width=0)
        elif name == "table-row":
            state.update(at=0, rows=number(attributes, "number-rows-repeated"))
            state["row"] += state["rows"]
        elif name in ("table-cell", "covered-table-cell"):
            state["at"] += number(attributes, "number-columns-repeated")
            if any(local(key) in ("value-type", "formula") for key in attributes):
                state.update(last=state["row"], width=max(state["width"], state["at"]))
                if state["last"] * state["width"] > AREA_LIMIT:
                    raise Refused(TOO_BIG)

    parser = SafeParser()
    parser.expat.StartElementHandler = start
    for piece in unpacked(package, "content.xml"):
        parser.feed(piece)
    parser.feed(b"", True)
