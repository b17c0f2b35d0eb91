"""Archives (zip) of tables: each entry is unpacked into a nameless temporary file, under limits, never by its name."""

import re
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import IO

from tables.readers.base import Refused
from tables.readers.package import unpacked

TABLES_LIMIT = 200
NAME_SHOWN = 60
UTF8_NAME = 0x800
NOTHING = "压缩包里没有文件。请检查后重新上传。"
NESTED = "压缩包里还有压缩包，系统不读取。请先解压，再把里面的表格直接打包上传。"
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e]")


def entry_path(entry: zipfile.ZipInfo) -> str:
    """The entry's path as its maker saw it: Chinese Windows writes GBK and says nothing about it."""
    name = entry.filename
    if not entry.flag_bits & UTF8_NAME:
        try:
            raw = name.encode("cp437")
        except UnicodeEncodeError:
            raw = name.encode()
        for encoding in ("utf-8", "gb18030"):
            try:
                name = raw.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
    return _CONTROLS.sub("", name).replace("\\", "/")


def entry_name(entry: zipfile.ZipInfo) -> str:
    return entry_path(entry).rpartition("/")[2][:NAME_SHOWN]


def told_apart(wanted: Sequence[zipfile.ZipInfo]) -> list[str]:
    """The entries' names; where two have one name their paths, and where those end alike a number before them."""
    names = [entry_name(entry) for entry in wanted]
    often = Counter(names)
    longer = [
        entry_path(entry).lstrip("/")[-NAME_SHOWN:] if often[name] > 1 else name
        for entry, name in zip(wanted, names, strict=True)
    ]
    often = Counter(longer)
    return [f"{at}：{name}" if often[name] > 1 else name for at, name in enumerate(longer, 1)]


def entries(package: zipfile.ZipFile, stack: ExitStack) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and content of each entry that may be a table. `stack` closes the temporary files."""
    wanted = [
        entry
        for entry in package.infolist()
        if not entry.is_dir() and "__MACOSX" not in entry.filename and not entry_name(entry).startswith((".", "~$"))
    ]
    if not wanted:
        raise Refused(NOTHING)
    if len(wanted) > TABLES_LIMIT:
        raise Refused(f"压缩包里有超过 {TABLES_LIMIT} 个文件，系统不读取。请分成几包上传。")
    for entry, name in zip(wanted, told_apart(wanted), strict=True):
        file = stack.enter_context(tempfile.TemporaryFile(prefix="import-"))  # noqa: SIM115  the stack closes it
        for piece in unpacked(package, entry):
            file.write(piece)
        yield name, file
