"""Files as they come in: stored under a random name; several become one archive, so that readers see one thing."""

import datetime as dt
import hashlib
import re
import secrets
import time
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from tables.register import Cannot

FOLDER = "imports"
ORPHANED_AFTER = 24 * 3600  # seconds: no upload takes that long
_DAY = re.compile(r"(?<!\d)(20\d\d)(?:[-_.年]?)(\d{1,2})(?:[-_.月]?)(\d{1,2})日?(?!\d)")
_COMPACT = re.compile(r"(?<!\d)(20\d\d)(\d\d)(\d\d)(?!\d)")


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
    path.chmod(0o600)
    return name, digest.hexdigest()


def _store(uploads: Sequence, path: Path, digest) -> None:
    if len(uploads) == 1:
        with path.open("xb") as file:
            _pour(uploads[0], file, digest)
    else:
        with zipfile.ZipFile(path, "x", zipfile.ZIP_STORED) as archive:
            for inner, upload in zip(entry_names(uploads), uploads, strict=True):
                with archive.open(zipfile.ZipInfo(inner), "w", force_zip64=True) as entry:
                    _pour(upload, entry, digest)


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
