"""Opening a workbook that will be written into and sent on: only what a form needs may be in it."""

import re
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from typing import IO

from tables.readers.base import Refused
from tables.readers.numbers import small_number
from tables.readers.package import (
    BROKEN,
    LOCKED,
    MACROS,
    TOO_BIG,
    Allowance,
    SafeParser,
    elements,
    local,
    open_package,
    unpacked,
)
from tables.readers.sheet import ENCRYPTED
from tables.readers.sheetxml import Texts
from tables.readers.xlsx import BINARY, has_macros, relations, sheets_in, texts_of, workbook_part

FILE_LIMIT = 5 * 1024**2  # bytes: a form with some pictures has a few hundred thousand
UNPACKED_LIMIT = 64 * 1024**2  # bytes of all its parts
SHEETS_LIMIT = 60
NAMES_LIMIT = 10_000  # of areas and formulas
FORMULA_LIMIT = 16_384  # characters; Excel takes 8,192 of what a person types
ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
NOT_XLSX = "这不是 Excel 工作簿(.xlsx)。请用 Excel 打开原表，另存为「Excel 工作簿(.xlsx)」再上传。"
OLD = "这是旧的 .xls 表格。请用 Excel 打开，另存为「Excel 工作簿(.xlsx)」再上传。"
LARGE = f"报表超过 {FILE_LIMIT // 1024**2} MB，系统不接收。请删去里面的大图片和用不着的工作表再上传。"
TOO_MANY = f"工作簿里有超过 {SHEETS_LIMIT} 张工作表，系统不接收。请只留下要填的工作表再上传。"
UNUSUAL = "文件的写法不常见，系统不能保证填好后还打得开。请用 Excel 打开后另存为 .xlsx 再上传。"
WHAT_TO_DO = "系统不接收：它会在打开的人的电脑上取别处的内容或运行程序。请在 Excel 里去掉后另存为 .xlsx 再上传。"
# What a part of a workbook may refer to that acts by itself, by the last word of the relation's type.
ACTS = {
    "externalLink": "对其他工作簿的链接", "externalLinkPath": "对其他工作簿的链接", "xlExternalLinkPath": "对其他工作簿的链接",
    "oleObject": "嵌入的对象", "package": "嵌入的文件", "control": "控件", "activeXControlBinary": "控件",
    "vbaProject": "宏", "xlMacrosheet": "宏表", "xlIntlMacrosheet": "宏表", "dialogsheet": "对话框表",
    "connections": "外部数据连接", "queryTable": "外部数据查询", "powerPivotData": "数据模型",
    "webextension": "网络加载项", "webextensiontaskpanes": "网络加载项", "extensibility": "自定义功能区",
    "attachedTemplate": "外部模板",
}  # fmt: skip
SIGNED = "文件有数字签名，填写以后签名就失效了。请上传没有签名的空表。"
_REACHES_OUT = re.compile(
    r"\b(?:_xlfn\.)?(?:_xlws\.)?(WEBSERVICE|FILTERXML|IMAGE|RTD|CALL|REGISTER(?:\.ID)?|EXEC|SQL\.REQUEST|STOCKHISTORY)\s*\(",
    re.I,
)
_DECLARED = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"']([A-Za-z0-9_.-]+)[\"']")
_QUOTED = re.compile(r'"(?:[^"]|"")*"|\'(?:[^\']|\'\')*\'')
_ELSEWHERE = re.compile(r"\[[^\[\]]*\][^\s!'\"\[\](){},;+\-*/^&=<>]+!")  # [1]Sheet!A1: no sheet's name holds a bracket


@dataclass(frozen=True)
class SheetPart:
    name: str
    part: str
    is_hidden: bool


@dataclass
class Workbook:
    """An open package that was looked through. `part`: the one that lists its sheets."""

    package: zipfile.ZipFile
    part: str
    sheets: list[SheetPart]
    is_locked: bool  # its list of sheets is protected
    texts: Texts
    percents: frozenset[str] = field(default_factory=frozenset)  # styles that show a share as percent

    @property
    def folder(self) -> str:
        return self.part.rpartition("/")[0]

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(self.package.namelist())

    def read(self, part: str) -> bytes:
        """Raises Refused where the part is damaged."""
        return b"".join(unpacked(self.package, part))

    def read_xml(self, part: str) -> bytes:
        """One that is written into by its bytes: in UTF-8, as every spreadsheet writes it."""
        data = self.read(part)
        declared = _DECLARED.match(data[:200].removeprefix(b"\xef\xbb\xbf"))
        if data[:2] in (b"\xff\xfe", b"\xfe\xff") or declared and declared[1].lower() not in (b"utf-8", b"utf8"):
            raise Refused(UNUSUAL)
        return data


def open_workbook(file: IO[bytes]) -> Workbook:
    """Raises Refused, in words for whoever sent it."""
    if file.seek(0, 2) > FILE_LIMIT:
        raise Refused(LARGE)
    file.seek(0)
    head = file.read(8)
    if head.startswith(OLE):
        raise Refused(LOCKED if ENCRYPTED in head + file.read() else OLD)
    if not head.startswith(ZIP):
        raise Refused(NOT_XLSX)
    package = open_package(file, Allowance(file))
    _check_package(package)
    names = set(package.namelist())
    part = workbook_part(package, names)
    _check_relations(package)
    sheets = _sheets(package, part, names)
    folder = part.rpartition("/")[0]
    lock, named = _book_facts(package, part)
    for text in named:
        check_formula(text)
    texts = texts_of(package, names, folder, sheets_in(package, part)[1])
    return Workbook(package, part, sheets, lock, texts, _percents(package, f"{folder}/styles.xml".lstrip("/")))


def _check_package(package: zipfile.ZipFile) -> None:
    entries = package.infolist()
    names = [entry.filename for entry in entries]
    if len(set(names)) < len(names):  # two readers might take different ones
        raise Refused(BROKEN)
    if sum(entry.file_size for entry in entries) > UNPACKED_LIMIT:
        raise Refused(TOO_BIG)
    if "[Content_Types].xml" not in names or not any(name.startswith("xl/") for name in names):
        raise Refused(NOT_XLSX)
    if "xl/workbook.bin" in names:
        raise Refused(BINARY)
    if has_macros(package, set(names)):
        raise Refused(MACROS)


def _check_relations(package: zipfile.ZipFile) -> None:
    """What the parts refer to: nothing that acts by itself, and nothing outside the file except links to click."""
    for name in package.namelist():
        if not name.endswith(".rels"):
            continue
        for _, each in elements(package, name, "Relationship"):
            kind = each.get("Type", "").rpartition("/")[2]
            if kind in ACTS:
                raise Refused(f"文件里有{ACTS[kind]}，{WHAT_TO_DO}")
            if kind == "origin":
                raise Refused(SIGNED)
            if each.get("TargetMode") == "External" and kind != "hyperlink":
                raise Refused(f"文件里引用了外部的内容，{WHAT_TO_DO}")


def _sheets(package: zipfile.ZipFile, part: str, names: set[str]) -> list[SheetPart]:
    targets, found = relations(package, part), []
    for each in sheets_in(package, part)[0]:
        kind, target = targets.get(next((v for k, v in each.items() if local(k) == "id"), ""), ("", ""))
        if kind.endswith("/worksheet") and target in names:
            found.append(SheetPart(each.get("name", "")[:31], target, each.get("state", "visible") != "visible"))
    if len(found) > SHEETS_LIMIT:
        raise Refused(TOO_MANY)
    if not found or len({sheet.part for sheet in found}) < len(found):
        raise Refused(BROKEN)
    if len({sheet.name.lower() for sheet in found}) < len(found):  # what is bound in one would be written into both
        raise Refused(UNUSUAL)
    return found


class _Facts:
    """Whether the list of sheets is protected, and the formulas behind names."""

    def __init__(self) -> None:
        self.is_locked, self.named, self.inside = False, [""], False
        self.parser = SafeParser(self._start, self._end)
        self.parser.expat.CharacterDataHandler = self._characters

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "workbookProtection":
            self.is_locked = attributes.get("lockStructure", "0") in ("1", "true", "on")
        self.inside = name == "definedName"
        if self.inside:
            self.named.append("")
        if len(self.named) > NAMES_LIMIT:
            raise Refused(UNUSUAL)

    def _characters(self, text: str) -> None:
        if self.inside:
            self.named[-1] += text

    def _end(self, name: str) -> None:
        self.inside = False


def _book_facts(package: zipfile.ZipFile, part: str) -> tuple[bool, list[str]]:
    facts = _Facts()
    for piece in unpacked(package, part):
        facts.parser.feed(piece)
    facts.parser.feed(b"", True)
    return facts.is_locked, facts.named


def check_formula(text: str) -> None:
    """Raises Refused for a formula that fetches something, or starts a program (DDE), when the file is opened."""
    if len(text) > FORMULA_LIMIT:
        raise Refused(UNUSUAL)
    bare = _QUOTED.sub("", text)
    if _ELSEWHERE.search(bare) or any(
        one[0].startswith("'") and "[" in one[0] and text.startswith("!", one.end()) for one in _QUOTED.finditer(text)
    ):
        raise Refused(f"文件里有{ACTS['externalLink']}，{WHAT_TO_DO}")
    if "|" in bare:  # no operator of a formula: application|topic!item
        raise Refused(f"文件里有调用其他程序的公式（DDE），{WHAT_TO_DO}")
    if found := _REACHES_OUT.search(bare):
        raise Refused(f"文件里有公式 {found[1].upper()}，{WHAT_TO_DO}")


def _percents(package: zipfile.ZipFile, part: str) -> frozenset[str]:
    """The styles whose number format ends in a percent sign."""
    if part not in package.namelist():
        return frozenset()
    codes, found, inside, at = {9, 10}, set(), False, 0
    for name, each in elements(package, part, "numFmt", "cellXfs", "cellStyleXfs", "cellStyles", "dxfs", "xf"):
        if name == "numFmt":
            if "%" in each.get("formatCode", ""):
                codes.add(small_number(each.get("numFmtId", "")))
        elif name != "xf":
            inside = name == "cellXfs"
        elif inside:
            if small_number(each.get("numFmtId", "")) in codes:
                found.add(str(at))
            at += 1
    return frozenset(found)
