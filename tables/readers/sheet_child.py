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
import re
import resource
import struct
import sys
import zipfile

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


# --- formulas that failed: the library gives blank cells for them ----------------------------------------------------

ZIPPED, CONTENT = b"PK", "content.xml"
KEPT = ("mimetype", "META-INF/manifest.xml", "styles.xml", "settings.xml", CONTENT)
CONTENT_LIMIT = 96 * 1024**2  # bytes: a larger one is left as it is, for it would be held three times
SAYS_NOTHING = re.compile(
    rb' office:string-value=""|office:value-type="float" office:value="0"(?=[^<>]*><text:p>(?:#[A-Z]|Err:))'
)
STRING = b'office:value-type="string"'
FAILED = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}
FORMULA, CELL_ERROR, BOUND_SHEET = 0x0006, 0x0205, 0x0085
DATE_MODE, END_OF_STREAM = 0x0022, 0x000A
MAY_FAIL = re.compile(rb"\x05\x02\x08\x00.{7}\x01|\x06\x00.{8}\x02.{5}\xff\xff", re.DOTALL)
Failed = dict[int, dict[int, dict[int, str]]]  # sheet, row, column


def spoken(file: bytes) -> bytes:
    """An ods whose failed cells hold an empty text or a zero beside what they show: what they show is read then."""
    with zipfile.ZipFile(io.BytesIO(file)) as package:
        names = package.namelist()
        if CONTENT not in names or package.getinfo(CONTENT).file_size > CONTENT_LIMIT:
            return file
        content = package.read(CONTENT)
        if not SAYS_NOTHING.search(content):
            return file
        content = SAYS_NOTHING.sub(lambda found: STRING if found[0].startswith(b"office") else b"", content)
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as mended:
            for name in KEPT:
                if name in names:
                    mended.writestr(name, content if name == CONTENT else package.read(name))
    return made.getvalue()


def workbook_stream(file: bytes) -> bytes:
    """The records of an xls out of the sectors of its compound file."""
    shift = struct.unpack_from("<H", file, 30)[0]
    if shift not in (9, 12):
        return b""
    size = 1 << shift
    directory, next_table = struct.unpack_from("<I", file, 48)[0], struct.unpack_from("<I", file, 68)[0]
    smallest, most = struct.unpack_from("<I", file, 56)[0], len(file) // size

    def sector(at: int) -> bytes:
        return file[(at + 1) * size : (at + 2) * size]

    tables = list(struct.unpack_from("<109I", file, 76))
    while next_table < most and len(tables) <= most:
        *more, next_table = struct.unpack(f"<{size // 4}I", sector(next_table))
        tables += more
    after: list[int] = []
    for table in tables:
        if table < most:
            after += struct.unpack(f"<{size // 4}I", sector(table))

    def chain(at: int) -> bytes:
        found: list[bytes] = []
        while at < len(after) and len(found) <= most:
            found.append(sector(at))
            at = after[at]
        return b"".join(found)

    entries = chain(directory)
    for start in range(0, len(entries), 128):
        name = entries[start : start + 64].decode("utf-16-le", "replace").partition("\0")[0]
        if name in ("Workbook", "Book"):
            first, length = struct.unpack_from("<II", entries, start + 116)
            return chain(first)[:length] if length >= smallest else b""  # shorter ones stand elsewhere
    return b""


def records_of(file: bytes) -> bytes:
    """Of an xls whose sectors lead nowhere none are known."""
    try:
        return workbook_stream(file)
    except (struct.error, ValueError, MemoryError):
        return b""


def begins_1904(stream: bytes) -> bool:
    """Whether the calendar of an xls begins in 1904: its first part, the one about the whole book, says so."""
    at = 0
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        if kind in (DATE_MODE, END_OF_STREAM):
            return kind == DATE_MODE and stream[at + 4 : at + 6] == b"\1\0"
        at += 4 + length
    return False


def failed_cells(stream: bytes) -> Failed:
    found: Failed = {}
    if not MAY_FAIL.search(stream):
        return found
    begins: dict[int, int] = {}
    at, sheet = 0, -1
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        sheet = begins.get(at, sheet)
        record = stream[at + 4 : at + 4 + length]
        if kind == BOUND_SHEET and length >= 4:
            begins[struct.unpack_from("<I", record)[0]] = len(begins)
        failed = None
        if kind == CELL_ERROR and length >= 8 and record[7] == 1:
            failed = record[6]
        elif kind == FORMULA and length >= 14 and record[6] == 2 and record[12:14] == b"\xff\xff":
            failed = record[8]
        if failed in FAILED and sheet >= 0:
            row, column = struct.unpack_from("<HH", record)
            found.setdefault(sheet, {}).setdefault(row, {})[column] = FAILED[failed]
        at += 4 + length
    return found


# --- its rows ---------------------------------------------------------------------------------------------------------


def tell(file: bytes) -> None:
    """Each sheet: what is known of it, then its rows."""
    stream = b"" if file.startswith(ZIPPED) else records_of(file)
    failed, from_1904 = failed_cells(stream), begins_1904(stream)
    book = CalamineWorkbook.from_filelike(io.BytesIO(spoken(file) if file.startswith(ZIPPED) else file))
    for at, meta in enumerate(book.sheets_metadata):
        if meta.visible != SheetVisibleEnum.Visible:
            write({"name": meta.name, "hidden": True})
            continue
        try:
            sheet = book.get_sheet_by_index(at)
        except Exception:
            continue  # a chart or a broken sheet: another one may hold the rows
        if sheet.height:
            merges = sheet.merged_cell_ranges or []
            write({"name": meta.name, "rows": sheet.total_height, "merges": merges, "from_1904": from_1904})
            told = failed.get(at, {})
            for number, row in enumerate(sheet.iter_rows()):
                cells = [cell[:CELL_LIMIT] if isinstance(cell, str) else cell for cell in row]
                for column, text in told.get(number, {}).items():
                    if column < len(cells) and cells[column] == "":
                        cells[column] = text
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
        tell(sys.stdin.buffer.read())
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
