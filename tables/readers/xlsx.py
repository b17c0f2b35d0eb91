"""Workbooks of the current kind (xlsx), streamed: a sheet is read from its XML by pieces, never whole."""

import re
import zipfile
from collections.abc import Iterator

import numpy as np
import polars as pl

from tables.readers.base import BLOCK_ROWS, HEADER_WITHIN, Block, Merge, Refused, rows_at_once
from tables.readers.numbers import shows_date
from tables.readers.package import BROKEN, TOO_BIG, SafeParser, elements, local, small, unpacked
from tables.readers.sheetxml import (
    CELL_LIMIT,
    LAST_COLUMN,
    Texts,
    column_of,
    decoded,
    first_rows,
    sheet_blocks,
    unescaped,
)

PIECE = 4 * 1024**2  # bytes of XML: some thousand rows
TOP_PIECE = 64 * 1024
SHARED_LIMIT = 512 * 1024**2  # bytes of XML of the shared texts, which stay in memory as long as the file is read
MERGES_LIMIT = 200_000
PLAIN_TEXT = (
    r'^\s*(?:<sst[^<>]*>\s*)?<si>\s*<t(?: xml:space="preserve")?>([^<]*)</t>\s*$|^\s*(?:<sst[^<>]*>\s*)?<si>\s*<t/>\s*$'
)
MERGE = re.compile(rb'<mergeCell ref="([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})"')
MACROS = "文件含宏（.xlsm 一类），系统不读取。请在 Excel 里另存为「Excel 工作簿(.xlsx)」再上传。"
BINARY = "这是二进制工作簿（.xlsb），系统不读取。请在 Excel 里另存为「Excel 工作簿(.xlsx)」再上传。"


class XlsxReader:
    """One sheet. A look through it first finds out how many rows it has, which cells are merged, how it is written."""

    def __init__(self, package: zipfile.ZipFile, part: str, name: str, texts: Texts) -> None:
        self.package, self.part, self.name, self.texts = package, part, name, texts
        self.from_1904 = texts.from_1904
        self.rows, self.plain = 0, True
        self.merges: list[Merge] = []
        self._look()

    def _look(self) -> None:
        rest, merges = b"", []
        for piece in unpacked(self.package, self.part, PIECE):
            begun = rest[-100:]
            rest = begun + piece
            self.rows += rest.count(b"</row>") - begun.count(b"</row>")
            self.plain = self.plain and b"<!" not in rest
            if b"<mergeCell" in rest:
                merges += MERGE.findall(rest)
            if len(merges) > MERGES_LIMIT:
                raise Refused("合并单元格太多，系统不读取。请取消合并，或另存为 .csv 再上传。")
        self.plain = self.plain and self.rows > 0
        self.merges = list(_down(dict.fromkeys(merges)))

    def _pieces(self) -> Iterator[bytes]:
        return unpacked(self.package, self.part, PIECE)

    def top(self) -> list[tuple[int, list[str]]]:
        return first_rows(unpacked(self.package, self.part, TOP_PIECE), self.texts, HEADER_WITHIN)

    def blocks(self, *, header_row: int, width: int) -> Iterator[Block]:
        waiting: list[Block] = []
        enough = min(BLOCK_ROWS, rows_at_once(width))
        for block in sheet_blocks(self._pieces, self.texts, plain=self.plain, width=width):
            if block.numbers[0] <= header_row:
                below = block.numbers > header_row
                block = Block(block.numbers[below], [series.filter(pl.Series(below)) for series in block.columns])
            waiting.append(block)
            if sum(map(len, waiting)) >= enough:
                yield _joined(waiting)
                waiting = []
        if waiting:
            yield _joined(waiting)


def _joined(blocks: list[Block]) -> Block:
    columns = zip(*(block.columns for block in blocks), strict=True)
    return Block(np.concatenate([block.numbers for block in blocks]), [pl.concat(each) for each in columns])


def _down(refs) -> Iterator[Merge]:
    """The merges that go over several rows, column by column."""
    for left, top, right, bottom in refs:
        first, last = int(top), int(bottom)
        if last > first:
            for column in range(column_of(left.decode()), min(column_of(right.decode()), LAST_COLUMN) + 1):
                yield Merge(column, first, last)
                break  # the text of several columns belongs to the first


# --- the package ------------------------------------------------------------------------------------------------------


def xlsx_readers(package: zipfile.ZipFile) -> tuple[list[XlsxReader], list[tuple[str, str]]]:
    """A reader for each visible sheet; what was left aside, with the reason. Raises Refused."""
    names = set(package.namelist())
    if "xl/workbook.bin" in names:
        raise Refused(BINARY)
    types = small(package, "[Content_Types].xml")
    if b"macroEnabled" in types or any(name.lower().endswith("vbaproject.bin") for name in names):
        raise Refused(MACROS)
    workbook = _workbook_part(package, names)
    book = elements(small(package, workbook))
    targets = _relations(package, workbook)
    folder = workbook.rpartition("/")[0]
    texts = _texts(package, names, folder, book)
    readers, skipped = [], []
    for name, attributes in book:
        if name != "sheet":
            continue
        title = attributes.get("name", "")[:31]
        if attributes.get("state", "visible") != "visible":
            skipped.append((title, "隐藏的工作表不读取"))
            continue
        kind, part = targets.get(next((v for k, v in attributes.items() if local(k) == "id"), ""), ("", ""))
        if kind.endswith("/worksheet") and part in names:
            readers.append(XlsxReader(package, part, title, texts))
    return readers, skipped


def _resolved(folder: str, target: str) -> str:
    """A part's path from a relation's target, which may be absolute or go up."""
    if target.startswith("/"):
        return target[1:]
    steps: list[str] = []
    for step in f"{folder}/{target}".split("/"):
        if step == "..":
            steps = steps[:-1]
        elif step not in ("", "."):
            steps.append(step)
    return "/".join(steps)


def _relations(package: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """What a part refers to: id → (kind, part)."""
    folder, _, name = part.rpartition("/")
    rels = f"{folder}/_rels/{name}.rels".lstrip("/")
    if rels not in package.namelist():
        return {}
    return {
        each.get("Id", ""): (each.get("Type", ""), _resolved(folder, each.get("Target", "")))
        for element, each in elements(small(package, rels))
        if element == "Relationship"
    }


def _workbook_part(package: zipfile.ZipFile, names: set[str]) -> str:
    found = [part for kind, part in _relations(package, "").values() if kind.endswith("/officeDocument")]
    part = found[0] if found else "xl/workbook.xml"
    if part not in names:
        raise Refused(BROKEN)
    return part


def _texts(package: zipfile.ZipFile, names: set[str], folder: str, book) -> Texts:
    from_1904 = any(name == "workbookPr" and each.get("date1904", "0") in ("1", "true", "on") for name, each in book)
    styles, shared = f"{folder}/styles.xml".lstrip("/"), f"{folder}/sharedStrings.xml".lstrip("/")
    return Texts(
        shared=_shared(package, shared) if shared in names else pl.Series([], dtype=pl.String),
        dates=_date_styles(small(package, styles)) if styles in names else frozenset(),
        from_1904=from_1904,
    )


def _date_styles(content: bytes) -> frozenset[int]:
    codes: dict[str, str] = {}
    dates: set[int] = set()
    inside, at = False, 0
    for name, each in elements(content):
        if name == "numFmt":
            codes.setdefault(each.get("numFmtId", ""), each.get("formatCode", ""))
        elif name in ("cellXfs", "cellStyleXfs", "cellStyles", "dxfs"):
            inside = name == "cellXfs"
        elif name == "xf" and inside:
            stated = each.get("numFmtId", "0")
            if shows_date(int(stated) if stated.isdecimal() else 0, codes.get(stated)):
                dates.add(at)
            at += 1
    return frozenset(dates)


# --- shared texts -----------------------------------------------------------------------------------------------------


def _shared(package: zipfile.ZipFile, part: str) -> pl.Series:
    """Every text that cells share, in the order of their numbers."""
    if package.getinfo(part).file_size > SHARED_LIMIT:
        raise Refused(TOO_BIG)
    found, rest = [], b""
    for piece in unpacked(package, part, PIECE):
        piece = rest + piece
        if b"<!" in piece or b"\xff\xfe" in piece[:2] or b"\xfe\xff" in piece[:2]:
            return _shared_carefully(package, part)
        cut = piece.rfind(b"</si>") + len(b"</si>")
        if cut < len(b"</si>"):
            rest = piece
            if len(rest) > PIECE * 4:
                return _shared_carefully(package, part)
            continue
        texts = pl.Series(piece[:cut].decode("utf-8", "replace").split("</si>")[:-1], dtype=pl.String)
        rest = piece[cut:]
        if not texts.str.contains(PLAIN_TEXT).all():
            return _shared_carefully(package, part)
        found.append(unescaped(texts.str.extract(PLAIN_TEXT, 1).fill_null("")).str.head(CELL_LIMIT))
    if b"<si" in rest or b":si" in rest:
        return _shared_carefully(package, part)
    return _blanked(found)


def _blanked(found: list[pl.Series]) -> pl.Series:
    texts = pl.concat(found, rechunk=True) if found else pl.Series([], dtype=pl.String)
    return texts.set(texts == "", None)


class _CarefulTexts:
    """The texts of any document of shared texts: rich ones, prefixes, comments; not how they are read aloud."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.text, self.inside, self.aloud = "", False, False
        self.parser = SafeParser()
        self.parser.expat.StartElementHandler = self._start
        self.parser.expat.EndElementHandler = self._end
        self.parser.expat.CharacterDataHandler = self._characters

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        name = local(name)
        if name == "si":
            self.text = ""
        elif name == "rPh":
            self.aloud = True
        self.inside = name == "t" and not self.aloud

    def _characters(self, text: str) -> None:
        if self.inside and len(self.text) < CELL_LIMIT:
            self.text += text[:CELL_LIMIT]

    def _end(self, name: str) -> None:
        name = local(name)
        self.inside = False
        if name == "rPh":
            self.aloud = False
        elif name == "si":
            self.texts.append(decoded(self.text))

    def taken(self) -> pl.Series:
        texts, self.texts = self.texts, []
        return pl.Series(texts, dtype=pl.String)


def _shared_carefully(package: zipfile.ZipFile, part: str) -> pl.Series:
    texts = _CarefulTexts()
    found: list[pl.Series] = []
    for piece in unpacked(package, part):
        texts.parser.feed(piece)
        found.append(texts.taken())
    texts.parser.feed(b"", True)
    return _blanked([*found, texts.taken()])
