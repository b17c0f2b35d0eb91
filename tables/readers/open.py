"""What a file is, decided by its content and never by its name, and where its header stands."""

import hashlib
import itertools
import re
import weakref
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from tables.readers.archive import NESTED, entries
from tables.readers.base import Reader, Refused, first_of
from tables.readers.content import SAMPLE, recognise
from tables.readers.package import Allowance, open_package
from tables.readers.sheet import sheet_readers
from tables.readers.source import Part, Source, Unmapped
from tables.readers.text import DELIMITERS, TextReader
from tables.readers.xlsx import xlsx_readers
from tables.table import CHOICES_SHEET, NOTES_SHEET, Table, header_key, heading

ZIP, OLE, PDF = (b"PK\x03\x04", b"PK\x05\x06"), b"\xd0\xcf\x11\xe0", b"%PDF"
PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8")
PROGRAMS = (b"MZ", b"\x7fELF")  # a table may begin with the first's letters, but has no NUL in them
ARCHIVES = (b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!")
CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
WEB_PAGE = (b"<html", b"<!doctype", b"<table", b"<?xml", b"<!--", b"<meta", b"<head", b"<style", b"<body", b"<div", b"<tr",
            b"mime-version:")  # fmt: skip
FOUND_SHOWN = 15  # columns named in a refusal
COLUMNS_LIMIT = 1_000
SHOWN_BELOW = 3  # rows of a part that its header is shown with
OWN_SHEETS = (NOTES_SHEET, CHOICES_SHEET)
NO_HEADER, LACKING = "没有找到表头", "表头缺少"
CUT = (
    "表头下面多数行的格子比表头的列多：多半是文字里的逗号没有加引号，一格被切成了两格。"
    "请从原系统重新导出，或用 Excel 打开核对后另存为 .xlsx；确是多出来的列，请在表头补上列名，再上传。"
)
EMPTY = "文件是空的，一个字都没有。请检查后重新上传。"

Found = tuple[Sequence[Reader], list[tuple[str, str]]]  # readers; what was left aside, with the reason


class Opened(ExitStack):
    """What is open while a file is read, and what may still be unpacked of it."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self.allowance = Allowance(self.enter_context(file))


def open_source(file: Path | str | IO[bytes], table: Table) -> Source:
    """A file, or the one at a path, as rows of `table`. Raises Refused, in words that say what is needed and what was
    found."""
    file = Path(file).open("rb") if isinstance(file, Path | str) else file  # noqa: SIM115  closed with the source
    opened = Opened(file)
    try:
        source = _open(file, table, opened)
    except BaseException:
        opened.close()
        raise
    source.close = weakref.finalize(source, opened.close)
    return source


def header_digest(header: Sequence[str]) -> str:
    """Files of one origin have one header: under this, what somebody confirmed about its columns is remembered."""
    return hashlib.sha256("\x1f".join(header_key(cell) for cell in header).encode()).hexdigest()


def _open(file: IO[bytes], table: Table, opened: Opened) -> Source:
    readers, passed_over = _readers(file, "", opened)
    unopened = [name for name, _ in passed_over if _own_name(name) not in OWN_SHEETS]
    found = [(reader, _part(reader, table)) for reader in readers]
    parts = [part for _, part in found if part and not part.reason]
    reasons = [(reader.name, part.reason if part else NO_HEADER) for reader, part in found]
    passed_over += [(name, reason) for name, reason in reasons if reason]
    aside = [part for _, part in found if part and part.reason and _may_be_mapped(part, table)]
    if not parts:
        headers = [part.header for _, part in found if part]
        reason = _why_nothing(table, headers, passed_over, bool(readers))
        raise Unmapped(reason, aside) if aside else Refused(reason)
    if any(len(part.header) > COLUMNS_LIMIT for part in parts):
        raise Refused(f"表头有超过 {COLUMNS_LIMIT:,} 列，系统不读取。请删去多余的列再上传。")
    told = [one for one in passed_over if _own_name(one[0]) not in OWN_SHEETS]
    return Source(table, parts, _unused(table, parts), told, aside, list(readers), unopened)


def _own_name(name: str) -> str:
    """Of a sheet, without the file's."""
    return name.rpartition(" · ")[2]


def _may_be_mapped(part: Part, table: Table) -> bool:
    """Can somebody say which column is which? There are as many as are needed, and rows below."""
    least = max(_named_at_least(table), len(table.needs))
    is_ours = _own_name(part.reader.name) in OWN_SHEETS
    return bool(part.first_rows) and part.reason != CUT and least <= len(part.header) <= COLUMNS_LIMIT and not is_ours


# --- what it is -------------------------------------------------------------------------------------------------------


def _readers(file: IO[bytes], name: str, opened: Opened) -> Found:
    """Every sheet of a file, or of the files in an archive. `name` is that of an entry; entries may be no archives."""
    file.seek(0)
    head = file.read(512)
    if not head:
        raise Refused(EMPTY)
    if head.startswith(ZIP):
        return _packed(file, name, opened)
    if head.startswith(OLE):
        return _named(sheet_readers(file, opened, old=True), name)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(PDF.lower()):
        raise Refused("这是 PDF，不是表格。请上传 Excel(.xlsx)或 CSV 文件。")
    if start.startswith(WEB_PAGE):
        raise Refused("这个文件其实是网页格式（有些系统导出的 .xls 是这样）。请用 Excel 打开，另存为 .xlsx 再上传。")
    if head.startswith(PROGRAMS) and b"\0" in head:
        raise Refused("这是程序，不是表格。请上传 Excel(.xlsx)或 CSV 文件；来历不明的程序请不要打开。")
    if head.startswith(PICTURES):
        raise Refused("这是图片，不是表格。请上传 Excel(.xlsx)或 CSV 文件。")
    if head.startswith(ARCHIVES):
        raise Refused("系统只读 zip 压缩包。请先解压，再上传里面的 Excel(.xlsx)或 CSV 文件，或改打成 zip。")
    return [TextReader(file, name)], []


def _packed(file: IO[bytes], name: str, opened: Opened) -> Found:
    package = opened.enter_context(open_package(file, opened.allowance))
    names = set(package.namelist())
    if "[Content_Types].xml" in names:
        if not any(part.startswith("xl/") for part in names):
            raise Refused("这是文档，不是表格。请上传 Excel(.xlsx)或 CSV 文件。")
        return _named(xlsx_readers(package), name)
    if "content.xml" in names and ("mimetype" in names or "META-INF/manifest.xml" in names):
        return _named(sheet_readers(file, opened, old=False), name)
    if name:
        raise Refused(NESTED)
    return _unpacked(package, opened)


def _unpacked(package: zipfile.ZipFile, opened: Opened) -> Found:
    readers: list[Reader] = []
    passed_over: list[tuple[str, str]] = []
    for name, file in entries(package, opened):
        try:
            found, skipped = _readers(file, name, opened)
        except Refused as refused:
            if str(refused) == NESTED:
                raise
            passed_over.append((name, str(refused).partition("。")[0]))
            continue
        readers += found
        passed_over += skipped
    return readers, passed_over


def _named(found: Found, name: str) -> Found:
    """Sheets of an archive's entry are called after both."""
    readers, skipped = found
    for reader in readers:
        reader.name = f"{name} · {reader.name}" if name else reader.name
    return readers, [(f"{name} · {sheet}" if name else sheet, reason) for sheet, reason in skipped]


# --- where its header stands ------------------------------------------------------------------------------------------


def _part(reader: Reader, table: Table) -> Part | None:
    """A sheet or file with its header, or what comes nearest to one; of text the delimiter is found with it."""
    if not isinstance(reader, TextReader):
        return _find_header(reader, table)
    found: list[tuple[Part, str]] = []
    for reader.delimiter in DELIMITERS:
        if part := _find_header(reader, table):
            found.append((part, reader.delimiter))
    best, reader.delimiter = max(found, key=lambda one: _rank(one[0], table), default=(None, DELIMITERS[0]))
    return best


def _find_header(reader: Reader, table: Table) -> Part | None:
    """The row of the first thirty that somebody chose or that names most of the table's columns; where there is none,
    the fullest, with the reason why it will not do. None for a sheet without a cell."""
    top = [(number, [heading(cell) for cell in _trimmed(cells)]) for number, cells in reader.top()]
    asked = table.header_row(reader.name)
    if asked == 0:
        rows = [(0, [""] * max((len(cells) for _, cells in top), default=0))]
    else:
        rows = [(number, cells) for number, cells in top if asked is None or number == asked]
    parts = [Part(reader, cells, number, table.map_header(cells)) for number, cells in rows if cells]
    if asked is None:
        parts += [part for part in _of_two_rows(reader, table, rows) if _is_header(part, table)]
    if not parts:
        return None
    best = max(parts, key=lambda part: _rank(part, table))
    below = [cells for number, cells in top if number > best.header_row and cells]
    best.first_rows = below[:SHOWN_BELOW]
    is_found = _is_header(best, table)
    by_content = {} if table.is_chosen(best.header) else recognise(table, best.header, best.mapping, below)
    best.mapping |= by_content
    best.header += [""] * (max(best.mapping.values(), default=0) + 1 - len(best.header))
    best.nameless = _nameless(best, below)
    best.by_content = [best.header[at] or f"第 {at + 1} 列" for at in by_content.values()]
    lacking = table.missing(best.mapping)
    best.reason = NO_HEADER if not is_found else f"{LACKING}{'、'.join(lacking)}" if lacking else ""
    if best.nameless and not best.reason and _may_be_cut(best):
        best.reason = CUT
    return best


def _nameless(part: Part, below: Sequence[list[str]]) -> list[int]:
    """The columns behind the header's last one, where most rows go on there."""
    over = [cells for cells in below if first_of(cells[len(part.header) :])]
    if len(below) < SAMPLE or len(over) * 2 <= len(below):
        return []
    return sorted({at for cells in over for at in range(len(part.header), len(cells)) if cells[at].strip()})


def _may_be_cut(part: Part) -> bool:
    """In text a comma without quotation marks makes two cells of one; a column that the header leaves room for is one."""
    header = next((cells for number, cells in part.reader.top() if number == part.header_row), [])
    return isinstance(part.reader, TextReader) and part.nameless[-1] >= len(header)


def _of_two_rows(reader: Reader, table: Table, rows: Sequence[tuple[int, list[str]]]) -> Iterator[Part]:
    """Each row with the one above it: in a header of two rows, what is merged over both stands in the upper one."""
    for (_, above), (number, cells) in itertools.pairwise(rows):
        header = [lower or upper for upper, lower in itertools.zip_longest(above, cells, fillvalue="")]
        yield Part(reader, header, number, table.map_header(header))


def _is_header(part: Part, table: Table) -> bool:
    named = len(part.mapping) - len(part.by_content)
    return table.is_chosen(part.header) or named >= _named_at_least(table)


def _named_at_least(table: Table) -> int:
    """One name alone may stand in any sentence."""
    return min(2, len(table.imported()))


def _rank(part: Part, table: Table) -> tuple[bool, int, int]:
    """Of two rows or delimiters the higher one is the header's; of equals the first."""
    if _is_header(part, table):
        return table.is_chosen(part.header), len(part.mapping), 0
    return False, 0, sum(bool(cell.strip()) for cell in part.header)


def _trimmed(cells: Sequence[str]) -> list[str]:
    cells = [CONTROLS.sub("", cell) for cell in cells]
    while cells and not cells[-1].strip():
        cells.pop()
    return cells


def _unused(table: Table, parts: Sequence[Part]) -> list[str]:
    """Headings that mean nothing here, and second ones of a column that is taken already."""
    unused: dict[str, None] = {}
    for part in parts:
        unused |= dict.fromkeys(f"第 {at + 1} 列（没有列名）" for at in part.nameless[:FOUND_SHOWN])
        keys = {at: key for key, at in part.mapping.items()}
        for at, cell in enumerate(part.header):
            if at in keys or not cell:
                continue
            key = next((c.key for c in table.imported() if header_key(cell) in c.names), "")
            twin = part.mapping.get(key)
            unused.setdefault(f"{cell}（与「{part.header[twin]}」是同一项，没有用）" if twin is not None else cell)
    return list(unused)


def _why_nothing(
    table: Table, headers: Sequence[list[str]], passed_over: Sequence[tuple[str, str]], any_sheet: bool
) -> str:
    header = max(headers, key=len, default=[])
    lacking = next((reason for _, reason in passed_over if reason.startswith(LACKING)), "")
    if lacking:
        return f"{lacking}。{_found(header)}请补上这些列再上传，列名可参照模板。"
    if any(reason == CUT for _, reason in passed_over):
        return CUT
    others = [f"「{name}」{reason}" for name, reason in passed_over if name and reason != NO_HEADER]
    if not any_sheet and others:
        return f"压缩包里没有能读的表格：{'；'.join(others[:FOUND_SHOWN])}。"
    needed = "、".join("或".join(f"「{table.by_key[key].label}」" for key in group) for group in table.needs)
    may_be_persons = any(column.personal for column in table.columns)  # what is no header may be somebody's row
    return f"没有找到表头。需要的列：{needed}。{'' if may_be_persons else _found(header)}请在第一行写上列名（可参照模板）再上传。"


def _found(header: list[str]) -> str:
    names = [name.strip()[:20] for name in header if name.strip()][:FOUND_SHOWN]
    return f"文件里的列是：{'、'.join(names)}。" if names else "文件里没有找到任何列名。"
