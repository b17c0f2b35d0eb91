"""One file: a line of JSON that says what it is, a line with the signature of that one, then the rows as lines of JSON.

    {"format": 1, "direction": "to-staff", "number": 12, "made_at": "…", "heard": 7, "whole": false, "counts": {…},
     "size": 4711, "digest": "…", "key": "…"}
    <signature, base64>
    ["members_submission", {"id": "…", "kind": "registration", "box": "\\\\x…", "received_at": "…"}]

`digest` is the SHA-256 of everything after the second line, so that the signature covers it.
"""

import base64
import hashlib
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from members.ferry import keys
from members.models import FerryFile

FORMAT = 1
SIGNED_AS = b"xgz ferry file\n"  # a signature of this key under anything else is not one of a file
LONGEST_LINE = 4096  # of the first two
LAST_NUMBER = 2**31 - 1  # that the book takes
UNREADABLE = (ValueError, TypeError, RecursionError)  # what reading JSON, or using it as what it should be, ends in
PIECE = 1 << 20
Line = tuple[str, str]  # name, the row as JSON


class FerryRefused(Exception):
    """The file is not taken, and nothing was written. Says why and what to do; `why` is the one word for the audit."""

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message)
        self.why = why


@dataclass(frozen=True)
class Header:
    """`heard`: up to this number its maker had taken of the other direction. `whole`: nothing before it is needed."""

    format: int
    direction: str
    number: int
    made_at: str
    heard: int
    whole: bool
    counts: dict[str, int]
    size: int
    digest: str
    key: str

    def __post_init__(self) -> None:
        """Raises ValueError where it is no header of this format."""
        kinds = {"format": int, "number": int, "heard": int, "size": int, "whole": bool, "counts": dict}
        for name, value in asdict(self).items():
            if type(value) is not kinds.get(name, str):
                raise ValueError(name)
        if not (1 <= self.number <= LAST_NUMBER and 0 <= self.heard <= LAST_NUMBER):
            raise ValueError("number")
        if not all(name.isidentifier() and type(count) is int for name, count in self.counts.items()):
            raise ValueError("counts")
        if not re.fullmatch("[0-9a-f]{16}", self.key):  # it is told before anything is known to be true
            raise ValueError("key")
        if datetime.fromisoformat(self.made_at).tzinfo is None:
            raise ValueError("made_at")


def file_name(direction: str, number: int) -> str:
    return f"xgz-{direction}-{number:06d}.jsonl"


# --- writing ----------------------------------------------------------------------------------------------------------


def write_body(path: Path, lines: Iterable[Line]) -> tuple[dict[str, int], int, str]:
    """(counts by name, size, digest)."""
    counts: Counter[str] = Counter()
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        for name, row in lines:
            line = f'["{name}", {row}]\n'.encode()
            file.write(line)
            digest.update(line)
            size += len(line)
            counts[name] += 1
    return dict(counts), size, digest.hexdigest()


def write_file(path: Path, header: Header, body: Path, key: Ed25519PrivateKey) -> None:
    """Whole and on the disk when this returns."""
    head = json.dumps(asdict(header), ensure_ascii=False).encode()
    with path.open("wb") as file:
        file.write(head + b"\n" + base64.b64encode(key.sign(SIGNED_AS + head)) + b"\n")
        with body.open("rb") as rows:
            shutil.copyfileobj(rows, file, PIECE)
        file.flush()
        os.fsync(file.fileno())


# --- reading ----------------------------------------------------------------------------------------------------------

AGAIN = "，没有写入：请重新拷贝一次，仍不对请报告安全管理员。"
NOT_OURS = "这不是摆渡文件，或者开头已经损坏：请重新拷贝一次；还不行，请在生成它的那一侧重新生成。"


def read_header(file: BinaryIO) -> tuple[Header, bytes, bytes]:
    """(what it says of itself, the line that was signed, the signature); leaves the file at its rows. Raises FerryRefused."""
    head, signature = (file.readline(LONGEST_LINE).rstrip(b"\n") for _ in range(2))
    try:
        return Header(**json.loads(head)), head, base64.b64decode(signature, validate=True)
    except UNREADABLE as error:
        raise FerryRefused("format", NOT_OURS) from error


def check(file: BinaryIO, *, direction: str, trusted: Iterable[bytes]) -> Header:
    """That it was made for this side, by whom we trust, and came whole. Leaves the file at its rows. Raises FerryRefused."""
    header, head, signature = read_header(file)
    if header.direction != direction:  # first: else whoever took the wrong one would be told to trust the own key
        told = FerryFile.Direction(direction).label
        raise FerryRefused("direction", f"方向不对：这里只收“{told}”的文件，没有写入。请换成另一侧生成的文件。")
    known = {keys.fingerprint(one): one for one in trusted}
    if header.key not in known:
        raise FerryRefused(
            "key",
            f"签名密钥 {header.key} 不在 FERRY_TRUSTED 里，没有写入：请核对文件来源；对方换了密钥的，先把新公钥加进去。",
        )
    if not keys.is_signed(SIGNED_AS + head, signature, known[header.key]):
        raise FerryRefused("signature", f"签名不对，文件被改动过或者损坏了{AGAIN}")
    if header.format != FORMAT:
        raise FerryRefused(
            "format", f"文件格式是第 {header.format} 版，这里只认第 {FORMAT} 版：请把两侧升级到同一版本。"
        )
    rows_at = file.tell()
    digest, size = hashlib.sha256(), 0
    while piece := file.read(PIECE):
        digest.update(piece)
        size += len(piece)
    if size != header.size or digest.hexdigest() != header.digest:
        cut = "文件不完整" if size < header.size else "内容与签名不符"
        raise FerryRefused("digest", f"{cut}{AGAIN}")
    file.seek(rows_at)
    return header


def read_rows(file: BinaryIO, header: Header, known: Iterable[str]) -> Iterator[tuple[str, dict]]:
    """Raises FerryRefused for a line that is none of what this direction carries; and after the last one where they are not
    those that were checked: a file may be copied over, or put in its place, while it waits for its turn."""
    names, digest = set(known), hashlib.sha256()
    for line in file:
        digest.update(line)
        try:
            name, row = json.loads(line)
            if name not in names or type(row) is not dict:
                raise ValueError(name)
        except UNREADABLE as error:
            raise FerryRefused("rows", "文件里有这一侧不认识的内容，没有写入：请把两侧升级到同一版本。") from error
        yield name, row
    if digest.hexdigest() != header.digest:
        raise FerryRefused("digest", f"内容与签名不符{AGAIN}")
