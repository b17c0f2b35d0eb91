"""Old workbooks (xls) and those of open formats (ods): read whole by a process of its own, see sheet_child.py."""

import errno
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

from jobs.listening import STOPPED, listen
from tables.readers import sheet_child
from tables.readers.base import HEADER_WITHIN, Block, Merge, Refused, blocks_of, pieces
from tables.readers.numbers import cell_text
from tables.readers.package import BROKEN, LOCKED, MACROS, TOO_BIG

WHOLE_LIMIT = 256 * 1024**2  # bytes of a file that is read whole
LISTENS = 0.5  # seconds between two questions whether the work shall stop
BLOCK_BYTES = 8 * 1024**2  # of rows as JSON
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
FILEPASS = re.compile(rb"\x09\x08(?:\x10\x00.{16}|\x08\x00.{8})\x2f\x00", re.DOTALL)  # behind the first record of all
MACRO_STORAGE = "_VBA_PROJECT_CUR".encode("utf-16-le")
TOO_FAR = (
    "这个 .xls（或 .ods）表格太大，或者离数据很远的行、列里还有内容，系统读不下。"
    "请删去数据以外的行和列，或在 Excel 里另存为「Excel 工作簿(.xlsx)」再上传。"
)


class SheetReader:
    """One sheet: its rows as JSON, one a line, from `start` to `end` of a file."""

    def __init__(self, file: IO[bytes], start: int, end: int, told: dict) -> None:
        self.file, self.start, self.end = file, start, end
        self.name: str = told["name"][:31]
        self.rows: int = told["rows"]
        self.from_1904: bool = told["from_1904"]
        self.merges = [Merge(left, top + 1, bottom + 1) for (top, left), (bottom, _) in told["merges"] if bottom > top]

    def _lines(self, size: int) -> Iterator[list[list[str]]]:
        at = self.start
        while at < self.end:
            self.file.seek(at)
            lines = self.file.readlines(min(size, self.end - at) - 1)  # it stops when there are more bytes than that
            at += sum(map(len, lines))
            yield [[cell_text(cell) for cell in json.loads(line)] for line in lines]

    def top(self) -> list[tuple[int, list[str]]]:
        rows: list[list[str]] = []
        for some in self._lines(1 << 16):
            rows += some
            if len(rows) >= HEADER_WITHIN:
                break
        return list(enumerate(rows[:HEADER_WITHIN], 1))

    def blocks(self, *, header_row: int, width: int) -> Iterator[Block]:
        first = 1
        for rows in self._lines(BLOCK_BYTES):
            numbered = [(number, cells) for number, cells in enumerate(rows, first) if number > header_row and cells]
            yield from blocks_of(numbered, width)
            first += len(rows)


def sheet_readers(file: IO[bytes], stack: ExitStack, *, old: bool) -> tuple[list[SheetReader], list[tuple[str, str]]]:
    """A reader for each visible sheet that holds anything; what was left aside. `old`: an xls, which says by itself
    whether it is locked. `stack` closes what the rows are kept in."""
    for piece in pieces(file, 1 << 20) if old else ():
        if ENCRYPTED in piece or FILEPASS.search(piece):
            raise Refused(LOCKED)
        if MACRO_STORAGE in piece:
            raise Refused(MACROS)
    if file.seek(0, 2) > WHOLE_LIMIT:
        raise Refused(TOO_BIG)
    laid_out = stack.enter_context(tempfile.TemporaryFile(prefix="import-"))  # noqa: SIM115  the stack closes it
    _run(file, laid_out)
    return _found(laid_out)


def _run(file: IO[bytes], into: IO[bytes]) -> None:
    command = [sys.executable, "-I", str(Path(sheet_child.__file__))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=into, stderr=subprocess.DEVNULL) as child:
        assert child.stdin is not None
        try:
            with suppress(BrokenPipeError), child.stdin as sent:  # how it ended says why it takes no more
                for piece in pieces(file, 1 << 20):
                    sent.write(piece)
            while not _has_ended(child):
                listen()
        except STOPPED:
            child.kill()
            raise
    ended = child.returncode
    if ended == sheet_child.DISK_FULL:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if ended == sheet_child.LOCKED:
        raise Refused(LOCKED)
    if ended == sheet_child.TOO_FAR or ended < 0:  # by a signal: memory or time were not enough
        raise Refused(TOO_FAR)
    if ended:
        raise Refused(BROKEN)


def _has_ended(child: subprocess.Popen) -> bool:
    try:
        child.wait(LISTENS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _found(laid_out: IO[bytes]) -> tuple[list[SheetReader], list[tuple[str, str]]]:
    readers: list[SheetReader] = []
    skipped: list[tuple[str, str]] = []
    at = 0
    laid_out.seek(0)
    for line in laid_out:
        if line.startswith(b"{"):
            told = json.loads(line)
            if "hidden" in told:
                skipped.append((told["name"][:31], "隐藏的工作表不读取"))
            else:
                readers.append(SheetReader(laid_out, at + len(line), at + len(line), told))
        else:
            readers[-1].end = at + len(line)
        at += len(line)
    return readers, skipped
