"""Workbooks of the current kind (xlsx), streamed: a sheet is read from its XML by pieces, never whole."""

import re
import zipfile
from collections.abc import Iterator

import numpy as np
import polars as pl

from tables.readers.base import BLOCK_ROWS, HEADER_WITHIN, Block, Merge, Refused, rows_at_once
from tables.readers.numbers import shows_date, small_number
from tables.readers.package import BROKEN, MACROS, TOO_BIG, SafeParser, elements, local, unpacked
from tables.readers.sheetxml import (
    CELL_LIMIT,
    LAST_COLUMN,
    LAST_ROW,
    ROW_START,
    TOO_MANY_ROWS,
    Texts,
    column_of,
    decoded,
    first_rows,
    sheet_blocks,
    unescaped,
)
from tables.readers.tidy import chosen

PIECE = 4 * 1024**2  # bytes of XML: some thousand rows
TOP_PIECE = 64 * 1024
SHARED_LIMIT = 512 * 1024**2  # bytes of XML of the shared texts, which stay in memory as long as the file is read
SHARED_COUNT = 12_000_000  # texts: eight columns of a million rows, each with a text of its own, are eight
MERGES_LIMIT = 200_000
SHEETS_LIMIT = 1_000
PATH_LIMIT = 1_000  # characters of a part's name
RELATIONS_LIMIT = 20_000  # sheets, pictures, links of one part
STYLES_LIMIT = 65_536  # Excel's own limit is 65,490
FORMAT_SHOWN = 255  # characters of a number format; Excel takes no more
PLAIN_TEXT = (
    r'^\s*(?:<sst[^<>]*>\s*)?<si>\s*<t(?: xml:space="preserve")?>([^<]*)</t>\s*$|^\s*(?:<sst[^<>]*>\s*)?<si>\s*<t/>\s*$'
)
MERGE = re.compile(rb'<mergeCell ref="([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})"')
TOO_MANY_SHEETS = f"工作簿里有超过 {SHEETS_LIMIT:,} 张工作表，系统不读取。请只留下需要导入的工作表再上传。"
TOO_MANY_STYLES = "工作簿里的单元格格式多得不正常，系统不读取。请把数据复制到新的工作簿，或另存为 .csv 再上传。"
TOO_MANY_TEXTS = "工作簿里的文字太多，系统一次读不下。请另存为 .csv，或拆成几份再上传。"
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
            self.rows += rest.count(ROW_START) - begun.count(ROW_START)
            if self.rows > LAST_ROW + 1:  # <rowBreaks> is counted too
                raise Refused(TOO_MANY_ROWS)
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
            waiting.append(chosen(block, block.numbers > header_row) if block.numbers[0] <= header_row else block)
            if sum(map(len, waiting)) >= enough:
                yield _joined(waiting)
                waiting = []
        if waiting:
            yield _joined(waiting)


def _joined(blocks: list[Block]) -> Block:
    if len(blocks) == 1:
        return blocks[0]
    columns = zip(*(block.columns for block in blocks), strict=True)
    surplus = {row: text for block in blocks for row, text in block.surplus.items()}
    return Block(np.concatenate([block.numbers for block in blocks]), [pl.concat(each) for each in columns], surplus)


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
    if has_macros(package, names):
        raise Refused(MACROS)
    workbook = workbook_part(package, names)
    sheets, from_1904 = sheets_in(package, workbook)
    targets = relations(package, workbook)
    texts = texts_of(package, names, workbook.rpartition("/")[0], from_1904)
    readers, skipped = [], []
    for attributes in sheets:
        title = attributes.get("name", "")[:31]
        if attributes.get("state", "visible") != "visible":
            skipped.append((title, "隐藏的工作表不读取"))
            continue
        kind, part = targets.pop(next((v for k, v in attributes.items() if local(k) == "id"), ""), ("", ""))
        if kind.endswith("/worksheet") and part in names:
            names.discard(part)  # two sheets never share their rows
            readers.append(XlsxReader(package, part, title, texts))
    return readers, skipped


def has_macros(package: zipfile.ZipFile, names: set[str]) -> bool:
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        return True
    kinds = elements(package, "[Content_Types].xml", "Override", "Default")
    return any("macroEnabled" in each.get("ContentType", "") for _, each in kinds)


def sheets_in(package: zipfile.ZipFile, workbook: str) -> tuple[list[dict[str, str]], bool]:
    """Its sheets, and whether its calendar begins in 1904."""
    sheets, from_1904 = [], False
    for name, each in elements(package, workbook, "sheet", "workbookPr"):
        if name == "sheet":
            sheets.append(each)
        else:
            from_1904 = each.get("date1904", "0") in ("1", "true", "on")
        if len(sheets) > SHEETS_LIMIT:
            raise Refused(TOO_MANY_SHEETS)
    return sheets, from_1904


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


def relations(package: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """What a part refers to: id → (kind, part)."""
    folder, _, name = part.rpartition("/")
    rels = f"{folder}/_rels/{name}.rels".lstrip("/")
    if rels not in package.namelist():
        return {}
    found = {}
    for _, each in elements(package, rels, "Relationship"):
        found[each.get("Id", "")] = (each.get("Type", ""), _resolved(folder, each.get("Target", "")[:PATH_LIMIT]))
        if len(found) > RELATIONS_LIMIT:
            raise Refused(TOO_BIG)
    return found


def workbook_part(package: zipfile.ZipFile, names: set[str]) -> str:
    found = [part for kind, part in relations(package, "").values() if kind.endswith("/officeDocument")]
    part = found[0] if found else "xl/workbook.xml"
    if part not in names:
        raise Refused(BROKEN)
    return part


def texts_of(package: zipfile.ZipFile, names: set[str], folder: str, from_1904: bool) -> Texts:
    styles, shared = f"{folder}/styles.xml".lstrip("/"), f"{folder}/sharedStrings.xml".lstrip("/")
    return Texts(
        shared=_shared(package, shared) if shared in names else pl.Series([], dtype=pl.String),
        dates=_date_styles(package, styles) if styles in names else frozenset(),
        from_1904=from_1904,
    )


def _date_styles(package: zipfile.ZipFile, part: str) -> frozenset[int]:
    """The styles whose number format shows a day. Nothing else of the part is kept."""
    is_date: dict[int, bool] = {}
    dates: set[int] = set()
    inside, at = False, 0
    for name, each in elements(package, part, "numFmt", "cellXfs", "cellStyleXfs", "cellStyles", "dxfs", "xf"):
        if name == "numFmt":
            number = small_number(each.get("numFmtId", ""))
            is_date.setdefault(number, shows_date(number, each.get("formatCode", "")[:FORMAT_SHOWN]))
        elif name != "xf":
            inside = name == "cellXfs"
        elif inside:
            number = small_number(each.get("numFmtId", ""))
            if is_date[number] if number in is_date else shows_date(number, None):
                dates.add(at)
            at += 1
        if at > STYLES_LIMIT or len(is_date) > STYLES_LIMIT:
            raise Refused(TOO_MANY_STYLES)
    return frozenset(dates)


# --- shared texts -----------------------------------------------------------------------------------------------------


def _shared(package: zipfile.ZipFile, part: str) -> pl.Series:
    """Every text that cells share, in the order of their numbers."""
    if package.getinfo(part).file_size > SHARED_LIMIT:
        raise Refused(TOO_BIG)
    found: list[pl.Series] = []
    rest = b""
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
        _keep(found, unescaped(texts.str.extract(PLAIN_TEXT, 1).fill_null("")).str.head(CELL_LIMIT))
    if b"<si" in rest or b":si" in rest:
        return _shared_carefully(package, part)
    return _blanked(found)


def _keep(found: list[pl.Series], texts: pl.Series) -> None:
    found.append(texts)
    if sum(map(len, found)) > SHARED_COUNT:
        raise Refused(TOO_MANY_TEXTS)


def _blanked(found: list[pl.Series]) -> pl.Series:
    texts = pl.concat(found, rechunk=True) if found else pl.Series([], dtype=pl.String)
    return texts.set(texts == "", None)


class _CarefulTexts:
    """The texts of any document of shared texts: rich ones, prefixes, comments; not how they are read aloud."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.text, self.inside, self.aloud = "", False, False
        self.parser = SafeParser(self._start, self._end)
        self.parser.expat.CharacterDataHandler = self._characters

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        if name == "si":
            self.text = ""
        elif name == "rPh":
            self.aloud = True
        self.inside = name == "t" and not self.aloud

    def _characters(self, text: str) -> None:
        if self.inside and len(self.text) < CELL_LIMIT:
            self.text += text[:CELL_LIMIT]

    def _end(self, name: str) -> None:
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
        _keep(found, texts.taken())
    texts.parser.feed(b"", True)
    return _blanked([*found, texts.taken()])
