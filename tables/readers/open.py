"""What a file is, decided by its content and never by its name, and where its header stands."""

import re
from collections.abc import Iterator
from pathlib import Path

from tables.readers.base import Reader, Refused, Source
from tables.readers.sheet import sheet_readers
from tables.readers.text import DELIMITERS, TextReader
from tables.table import Table

ZIP, OLE, PDF = b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF"
PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8")
ARCHIVES = (b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!")
CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
WEB_PAGE = (b"<html", b"<!doctype", b"<table", b"<?xml")
FOUND_SHOWN = 15  # columns named in a refusal


def open_source(path: Path | str, table: Table) -> Source:
    """The file at `path` as rows of `table`. Raises Refused, in words that say what is needed and what was found."""
    path = Path(path)
    if not path.stat().st_size:
        raise Refused("文件是空的，一个字都没有。请检查后重新上传。")
    best: Source | None = None
    seen: list[list[str]] = []
    for reader in _readers(path):
        source, header = _find_header(reader, table)
        if source and (best is None or len(source.mapping) > len(best.mapping)):
            best = source
            if isinstance(reader, TextReader):
                best_delimiter = reader.delimiter
        seen.append(header)
    if best is None:
        raise Refused(_no_header(table, max(seen, key=len, default=[])))
    if isinstance(best.reader, TextReader):
        best.reader.delimiter = best_delimiter
    if lacking := table.missing(best.mapping):
        raise Refused(f"表头缺少{'、'.join(lacking)}。{_found(best.header)}请补上这些列再上传，列名可参照模板。")
    return best


def _readers(path: Path) -> Iterator[Reader]:
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith((ZIP, OLE)):
        yield from sheet_readers(path)
        return
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(PDF.lower()):
        raise Refused("这是 PDF，不是表格。请上传 Excel(.xlsx)或 CSV 文件。")
    if start.startswith(WEB_PAGE):
        raise Refused("这个文件其实是网页格式（有些系统导出的 .xls 是这样）。请用 Excel 打开，另存为 .xlsx 再上传。")
    if head.startswith(PICTURES):
        raise Refused("这是图片，不是表格。请上传 Excel(.xlsx)或 CSV 文件。")
    if head.startswith(ARCHIVES):
        raise Refused("这是压缩包。请先解压，再上传里面的 Excel(.xlsx)或 CSV 文件。")
    reader = TextReader(path)
    for delimiter in DELIMITERS:
        reader.delimiter = delimiter
        yield reader


def _find_header(reader: Reader, table: Table) -> tuple[Source | None, list[str]]:
    """The row of the first thirty that names most of the table's columns; with it the fullest row, for a refusal."""
    best: Source | None = None
    fullest: list[str] = []
    for number, cells in reader.top():
        cells = [CONTROLS.sub("", cell) for cell in cells]
        while cells and not cells[-1].strip():
            cells = cells[:-1]
        if sum(bool(cell.strip()) for cell in cells) > sum(bool(cell.strip()) for cell in fullest):
            fullest = cells
        mapping = table.map_header(cells)
        if len(mapping) >= min(2, len(table.imported())) and (best is None or len(mapping) > len(best.mapping)):
            used = set(mapping.values())
            unknown = [cell.strip() for at, cell in enumerate(cells) if at not in used and cell.strip()]
            best = Source(reader, [cell.strip() for cell in cells], number, mapping, unknown)
    return best, fullest


def _found(header: list[str]) -> str:
    names = [name.strip()[:20] for name in header if name.strip()][:FOUND_SHOWN]
    return f"文件里的列是：{'、'.join(names)}。" if names else "文件里没有找到任何列名。"


def _no_header(table: Table, fullest: list[str]) -> str:
    needed = "、".join("或".join(f"「{table.by_key[key].label}」" for key in group) for group in table.needs)
    return f"没有找到表头。需要的列：{needed}。{_found(fullest)}请在第一行写上列名（可参照模板）再上传。"
