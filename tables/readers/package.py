"""Zip packages (archives, xlsx, ods) and the XML in them: what they may cost is known before anything is unpacked."""

import zipfile
from collections.abc import Callable, Iterator
from typing import IO
from xml.parsers import expat

from jobs.listening import Cancelled, LeaseLost, listen
from tables.readers.base import Refused

UNPACKED_LIMIT = 4 * 1024**3  # bytes: a workbook of a million rows unpacks to about one
UNPACKED_RATIO = 200  # times its size; XML of repeated rows reaches some forty
ENTRIES_LIMIT = 5_000  # a workbook of many pictures has some hundred
SMALL_PART = 32 * 1024**2  # bytes of styles, relations, the list of sheets; bloated styles reach some twenty
DEPTH_LIMIT = 100  # of elements: a spreadsheet's own reach some fifteen, each open one is held in memory
OPEN_LIMIT = 2 * 1024**2  # bytes of a tag or a comment that has not ended
PIECE = 1024**2
SMALL_PIECE = 1 << 16
TOO_BIG = "文件解压后大得不正常，系统不读取。请把表格另存为 .csv 或拆成几份再上传。"
BROKEN = "文件打不开：可能没有传完整，或者不是表格。请用 Excel 打开确认后另存为 .xlsx 再上传。"
LOCKED = "文件设了打开密码，系统读不了。请去掉密码后另存，再重新上传。"
DOCTYPE = "文件里有不该有的定义（DOCTYPE），系统不读取。请用 Excel 打开后另存为 .xlsx 再上传。"
MACROS = "文件含宏（.xlsm 一类），系统不读取。请在 Excel 里另存为「Excel 工作簿(.xlsx)」再上传。"
DEEP = "文件内部的结构不正常（层层嵌套），系统不读取。请用 Excel 打开后另存为 .xlsx 再上传。"
END_RECORD, END_RECORD_64 = b"PK\x05\x06", b"PK\x06\x06"


class Allowance:
    """What all that is unpacked of one upload may come to: archives hold workbooks, which are packages again."""

    def __init__(self, file: IO[bytes]) -> None:
        self.left = UNPACKED_RATIO * max(file.seek(0, 2), 200_000)

    def take(self, size: int) -> None:
        self.left -= size
        if self.left < 0 or size > UNPACKED_LIMIT:
            raise Refused(TOO_BIG)


def open_package(file: IO[bytes], allowance: Allowance) -> zipfile.ZipFile:
    """Raises Refused where the package is broken, locked or a bomb."""
    _check_directory(file)
    try:
        package = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, UnicodeError) as error:
        raise Refused(BROKEN) from error
    entries = package.infolist()
    allowance.take(sum(entry.file_size for entry in entries))
    if any(entry.flag_bits & 1 for entry in entries):
        raise Refused(LOCKED)
    return package


def _check_directory(file: IO[bytes]) -> None:
    """The number of entries as the archive's own end states it, before a list of them is built."""
    size = file.seek(0, 2)
    file.seek(max(size - 65_557, 0))
    tail = file.read()
    at = tail.rfind(END_RECORD)
    if at < 0:
        raise Refused(BROKEN)
    stated = int.from_bytes(tail[at + 10 : at + 12], "little")
    directory = int.from_bytes(tail[at + 12 : at + 16], "little")
    large = tail.rfind(END_RECORD_64, 0, at)
    if large >= 0 and (stated == 0xFFFF or directory == 0xFFFFFFFF):
        stated = int.from_bytes(tail[large + 32 : large + 40], "little")
        directory = int.from_bytes(tail[large + 40 : large + 48], "little")
    # The number may lie, the size of the list cannot without breaking it.
    if stated > ENTRIES_LIMIT or directory > ENTRIES_LIMIT * 400:
        raise Refused(f"压缩包里有超过 {ENTRIES_LIMIT:,} 个文件，系统不读取。请只打包需要导入的表格。")


def unpacked(package: zipfile.ZipFile, name: str | zipfile.ZipInfo, size: int = PIECE) -> Iterator[bytes]:
    """The bytes of an entry, at most as many as its directory states: what lies about its size is broken."""
    try:
        with package.open(name) as file:
            while piece := file.read(size):
                listen()
                yield piece
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, KeyError) as error:
        raise Refused(BROKEN) from error
    except Exception as error:  # zlib.error, lzma.LZMAError and their kind have no common class
        if isinstance(error, Refused | Cancelled | LeaseLost):
            raise
        raise Refused(BROKEN) from error


def local(name: str) -> str:
    """The name of an element or attribute without its prefix: writers choose prefixes as they like."""
    return name.rpartition(":")[2]


class SafeParser:
    """An XML parser that refuses what no spreadsheet writes: document types, and with them every entity; endless tags;
    elements within elements without end. `start` and `end` are told of each element by its name without prefix.

    Fed by pieces, the parser begins anew at an open tag or comment with each of them: one of many megabytes takes hours.
    """

    def __init__(self, start: Callable[[str, dict[str, str]], None], end: Callable[[str], None] | None = None) -> None:
        self.fed = self.depth = 0
        self.start, self.end = start, end
        self.expat = expat.ParserCreate()
        self.expat.StartDoctypeDeclHandler = self._doctype
        self.expat.StartElementHandler = self._start
        self.expat.EndElementHandler = self._end
        self.expat.buffer_text = True
        self.expat.buffer_size = 1 << 16

    def _doctype(self, *_args) -> None:
        raise Refused(DOCTYPE)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > DEPTH_LIMIT:
            raise Refused(DEEP)
        self.start(local(name), attributes)

    def _end(self, name: str) -> None:
        self.depth -= 1
        if self.end:
            self.end(local(name))

    def feed(self, data: bytes, last: bool = False) -> None:
        try:
            self.expat.Parse(data, last)
        except expat.ExpatError as error:
            raise Refused(BROKEN) from error
        self.fed += len(data)
        if not last and self.fed - self.expat.CurrentByteIndex > OPEN_LIMIT:
            raise Refused(BROKEN)


def elements(package: zipfile.ZipFile, part: str, *names: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The elements of these names in a part, with their attributes: of millions only some are held at once."""
    if package.getinfo(part).file_size > SMALL_PART:
        raise Refused(TOO_BIG)
    found: list[tuple[str, dict[str, str]]] = []
    parser = SafeParser(lambda name, attributes: found.append((name, attributes)) if name in names else None)
    for piece in unpacked(package, part, SMALL_PIECE):
        parser.feed(piece)
        yield from found
        found.clear()
    parser.feed(b"", True)
