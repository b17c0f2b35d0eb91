"""The files of forms: sealed where they lie, opened and looked through when they are needed."""

import hashlib
import io
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings

from accounts.crypto import CannotDecrypt
from accounts.own_words import names_a_person
from accounts.sealed_files import create_sealed, open_sealed
from reports.models import FilledForm, ReportForm
from tables import workbooks
from tables.workbooks import Refused, Sheet, Workbook, address

FOLDER = "report_forms"
ORPHANED_AFTER = 24 * 3600  # seconds: no filling takes that long
LOST = "保存的文件打不开了（密钥已更换，或文件受损）。请重新上传这份报表。"


@dataclass
class Book:
    """A form's workbook with all its sheets, looked through."""

    workbook: Workbook
    sheets: list[Sheet]

    def sheet(self, name: str) -> Sheet | None:
        return next((sheet for sheet in self.shown if sheet.name == name), None)

    @property
    def shown(self) -> list[Sheet]:
        return [sheet for sheet in self.sheets if not sheet.is_hidden]

    @property
    def facts(self) -> list[dict]:
        """What is kept of the sheets beside the file."""
        return [
            {"name": sheet.name, "hidden": sheet.is_hidden, "protected": sheet.is_protected} for sheet in self.sheets
        ]


def open_book(file: IO[bytes]) -> Book:
    """Raises Refused with a sentence for whoever sent the file."""
    workbook = workbooks.open_workbook(file)
    book = Book(workbook, workbooks.look_through(workbook))
    if not book.shown:
        raise Refused("工作簿里的工作表都是隐藏的。请取消隐藏要填的工作表，另存后再上传。")
    return book


_ASIDE = ("xl/comments", "xl/threadedComments", "xl/drawings/", "docProps/")
_TAG = re.compile(r"<[^>]*>")


def refuse_persons(book: Book, name: str) -> None:
    """Raises Refused where an identity number or a mobile phone stands in the file or its name: it is kept and filled for
    years, and no erasure reaches into it."""
    if place := _place_of_a_person(book, name):
        raise Refused(f"{place}像有身份号码或手机号：报表会长期保存，不能抹除。请删去再上传。")


def _place_of_a_person(book: Book, name: str) -> str:
    if names_a_person(name):
        return "文件名里"
    for sheet in book.sheets:
        for place, spot in sheet.spots.items():
            if not (spot.kind == "n" and "." in spot.text) and names_a_person(spot.text):
                return f"工作表“{sheet.name}”的 {address(place)} "
    for part in book.workbook.names:
        if part.startswith(_ASIDE) and names_a_person(_TAG.sub("|", book.workbook.read(part).decode(errors="replace"))):
            return "批注、文本框或文件属性里"
    return ""


def book_of(form: ReportForm) -> Book:
    """Raises Refused where the file is lost."""
    return open_book(io.BytesIO(read(form.stored_as)))


# --- where they lie ---------------------------------------------------------------------------------------------------


def keep(content: bytes) -> tuple[str, str]:
    """Where the bytes lie, and their SHA-256."""
    name = f"{FOLDER}/{secrets.token_hex(16)}"
    path = Path(settings.MEDIA_ROOT) / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with create_sealed(path) as file:
            file.write(content)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return name, hashlib.sha256(content).hexdigest()


def read(stored_as: str) -> bytes:
    """Raises Refused where it is lost."""
    try:
        with open_sealed(Path(settings.MEDIA_ROOT) / stored_as) as file:
            return file.read()
    except (FileNotFoundError, CannotDecrypt) as error:
        raise Refused(LOST) from error


def discard(stored_as: str) -> None:
    (Path(settings.MEDIA_ROOT) / stored_as).unlink(missing_ok=True)


def remove_orphans() -> int:
    """Remove what no row names: left by somebody who was killed, or replaced by a newer form. How many."""
    known = {*_names(ReportForm), *_names(FilledForm)}
    before = time.time() - ORPHANED_AFTER
    old = [
        path
        for path in (Path(settings.MEDIA_ROOT) / FOLDER).glob("*")
        if f"{FOLDER}/{path.name}" not in known and path.stat().st_mtime < before
    ]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _names(model) -> Iterator[str]:
    return model.objects.values_list("stored_as", flat=True).iterator()
