"""Files as they come in: encrypted under a random name, for whatever they are called they may be about persons; several
become one archive, so that readers see one thing."""

import datetime as dt
import hashlib
import re
import secrets
import tempfile
import time
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from accounts.crypto import CannotDecrypt
from accounts.sealed_files import create_sealed, open_sealed
from tables.readers import Refused
from tables.register import Cannot

FOLDER = "imports"
ORPHANED_AFTER = 24 * 3600  # seconds: no upload takes that long
_DAY = re.compile(r"(?<!\d)(20\d\d)(?:[-_.年]?)(\d{1,2})(?:[-_.月]?)(\d{1,2})日?(?!\d)")
_COMPACT = re.compile(r"(?<!\d)(20\d\d)(\d\d)(\d\d)(?!\d)")


class NamelessUploadHandler(FileUploadHandler):
    """An upload too large for memory goes to a file without a name: it is in clear, and nothing of it may stay behind
    when the server is killed."""

    def new_file(self, *args, **kwargs) -> None:
        super().new_file(*args, **kwargs)
        self.file = tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115  closed with the request

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.file.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile:
        self.file.seek(0)
        return UploadedFile(
            self.file, self.file_name, self.content_type, file_size, self.charset, self.content_type_extra
        )

    def upload_interrupted(self) -> None:
        self.file.close()


def keep(uploads: Sequence) -> tuple[str, str]:
    """Store one upload, or several as one archive (nothing is compressed: it is read soon); the name and the digest.

    Raises Cannot where the disk does not take it; nothing is left of it then.
    """
    name = f"{FOLDER}/{secrets.token_hex(16)}"
    path = Path(settings.MEDIA_ROOT) / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    try:
        _store(uploads, path, digest)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise Cannot("服务器的磁盘存不下这个文件，没有导入任何内容。请联系系统管理员腾出空间后再试一次。") from error
    return name, digest.hexdigest()


def _store(uploads: Sequence, path: Path, digest) -> None:
    with create_sealed(path) as file:
        if len(uploads) == 1:
            _pour(uploads[0], file, digest)
            return
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for inner, upload in zip(entry_names(uploads), uploads, strict=True):
                with archive.open(zipfile.ZipInfo(inner), "w", force_zip64=True) as entry:
                    _pour(upload, entry, digest)


def opened(path: Path) -> IO[bytes]:
    """A stored upload in clear, in memory only. Raises Refused."""
    try:
        return open_sealed(path)
    except CannotDecrypt as error:
        raise Refused("保存的文件打不开了（密钥已更换，或文件受损）。请重新上传。") from error


def remove_orphans(known: set[str]) -> None:
    """Files that no batch names, a day after somebody was killed between storing one and saving the batch."""
    before = time.time() - ORPHANED_AFTER
    for path in (Path(settings.MEDIA_ROOT) / FOLDER).glob("*"):
        if f"{FOLDER}/{path.stem}" not in known and path.stat().st_mtime < before:
            path.unlink(missing_ok=True)


def _pour(upload, file, digest) -> None:
    for chunk in upload.chunks():
        digest.update(chunk)
        file.write(chunk)


def entry_names(uploads: Sequence) -> list[str]:
    """The files' own names; of two alike the second gets its number."""
    names: list[str] = []
    for number, upload in enumerate(uploads, 1):
        name = Path(upload.name).name
        names.append(f"{number}-{name}" if name in names else name)
    return names


def called(uploads: Sequence) -> str:
    """What a batch of these files is called."""
    first = Path(uploads[0].name).name
    return first[:200] if len(uploads) == 1 else f"{first[:180]} 等 {len(uploads)} 个文件"


def day_in(name: str) -> dt.date | None:
    """The day that a file's name tells, as in 名册20261101.csv or 2026年11月1日.xlsx."""
    for pattern in (_COMPACT, _DAY):
        if found := pattern.search(name):
            with suppress(ValueError):
                return dt.date(*map(int, found.groups()))
    return None
