"""A process of its own that reads an old or open workbook (xls, ods) from its input and writes each row as JSON.

The library lays a sheet out from its first cell to its last and trusts what a file says of itself: a few bytes can ask
for all the memory there is, and that ends a process. So it ends this one, and sheet.py says what it means.
Run by its path and not as a module: it needs nothing of the product and starts in some milliseconds.
"""

import datetime as dt
import errno
import io
import json
import os
import resource
import sys

from python_calamine import CalamineWorkbook, PasswordError, SheetVisibleEnum

MEMORY = 896 * 1024**2  # bytes; 65,536 rows of forty columns take two thirds
WRITTEN = 2 * 1024**3  # bytes
SECONDS = 60
CELL_LIMIT = 1_000  # characters kept of a cell, as of those of an xlsx
BROKEN, LOCKED, TOO_FAR, DISK_FULL = 1, 3, 4, 5  # how it ends; 0 when all is well


def plain(cell: object) -> str:
    """What JSON has no word for."""
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, dt.date | dt.time) else str(cell)


def write(line: object) -> None:
    sys.stdout.write(json.dumps(line, default=plain, ensure_ascii=False) + "\n")


def tell(book: CalamineWorkbook) -> None:
    """Each sheet: what is known of it, then its rows."""
    for at, meta in enumerate(book.sheets_metadata):
        if meta.visible != SheetVisibleEnum.Visible:
            write({"name": meta.name, "hidden": True})
            continue
        try:
            sheet = book.get_sheet_by_index(at)
        except Exception:
            continue  # a chart or a broken sheet: another one may hold the rows
        if sheet.height:
            write({"name": meta.name, "rows": sheet.total_height, "merges": sheet.merged_cell_ranges or []})
            for row in sheet.iter_rows():
                cells = [cell[:CELL_LIMIT] if isinstance(cell, str) else cell for cell in row]
                while cells and cells[-1] == "":
                    cells.pop()
                write(cells)


def main() -> int:
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, WRITTEN),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    try:
        tell(CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read())))
        sys.stdout.flush()
    except PasswordError:
        return LOCKED
    except MemoryError:
        return TOO_FAR
    except OSError as error:
        return {errno.ENOSPC: DISK_FULL, errno.EFBIG: TOO_FAR}.get(error.errno or 0, BROKEN)
    except BaseException:  # a panic of the library is no Exception
        return BROKEN
    return 0


if __name__ == "__main__":
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  what the library says of its panics is no one's business
    os._exit(main())  # what was laid out need not be taken apart
