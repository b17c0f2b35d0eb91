"""Making a file. It is whole on the disk before the book says that it exists, and gets its name after: killed anywhere in
between, the next run finishes it under the same number or makes it anew."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from members.answers import in_order
from members.ferry import book, files, keys
from members.ferry.files import FerryRefused, Header, Line
from members.ferry.shown import all_shown
from members.models import Answer, FerryFile, Submission

BATCH = 500


def ferry_out(folder: Path, key: Ed25519PrivateKey, *, whole: bool = False) -> list[Path]:
    """The next file of this side, after what a killed run left behind. `whole`: everything there is, for a public side that
    starts anew; what it goes without before counts as nothing. Raises OSError."""
    direction = book.outgoing()
    with book.alone():
        done = list(_finish(folder, direction))
        number = max(book.last(direction), book.heard()) + 1  # what the other side has counts more than a book put back
        path = folder / files.file_name(direction, number)
        part, body = path.with_suffix(".part"), path.with_suffix(".rows")
        counts, size, digest = files.write_body(
            body, _of_the_public() if settings.IS_PUBLIC_FACE else _of_the_staff(number, whole)
        )
        fingerprint = keys.fingerprint(key.public_key().public_bytes_raw())
        made_at, heard = timezone.now(), book.last(book.incoming())
        header = Header(
            format=files.FORMAT, direction=str(direction), number=number, made_at=made_at.isoformat(), heard=heard,
            whole=whole, counts=counts, size=size, digest=digest, key=fingerprint,
        )  # fmt: skip
        files.write_file(part, header, body, key)
        body.unlink()
        FerryFile.objects.create(
            direction=direction,
            number=number,
            made_at=made_at,
            digest=digest,
            key=fingerprint,
            counts=counts,
            heard=heard,
        )
        book.note("members.ferry.make", number=number, digest=digest, key=fingerprint, rows=counts)
    _name(part, path)
    return [*done, path]


def _name(part: Path, path: Path) -> None:
    try:
        part.rename(path)
    except FileNotFoundError:  # whoever ran right after us has found it, and named it
        if not path.exists():
            raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _finish(folder: Path, direction: str) -> Iterator[Path]:
    """What the book knows gets its name; what it does not know never existed."""
    for rest in folder.glob(f"xgz-{direction}-*.rows"):
        rest.unlink()
    for part in sorted(folder.glob(f"xgz-{direction}-*.part")):
        with contextlib.suppress(FileNotFoundError):  # whoever ran right before us has just named it
            if not _is_in_the_book(part):
                part.unlink()
                continue
            _name(part, path := part.with_suffix(".jsonl"))
            yield path


def _is_in_the_book(part: Path) -> bool:
    try:
        with part.open("rb") as file:
            header = files.read_header(file)[0]
    except FerryRefused:  # half-made
        return False
    known = FerryFile.objects.filter(direction=header.direction, number=header.number, digest=header.digest)
    return known.exists()


# --- what is in it ----------------------------------------------------------------------------------------------------


def _rows(name: str, sql: str, values=()) -> Iterator[Line]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(f"SELECT row_to_json(one)::text FROM ({sql}) AS one", values)
        while page := cursor.fetchmany(BATCH):
            yield from ((name, text) for (text,) in page)


def _of_the_public() -> Iterator[Line]:
    """All that waits: a row goes when the staff side has told to have it."""
    table = Submission._meta.db_table
    return _rows(table, f"SELECT id, kind, box, received_at FROM {table} ORDER BY received_at, id")


def _of_the_staff(number: int, whole: bool) -> Iterator[Line]:
    for shown in all_shown():
        sql, values = shown.rows().order_by("pk").values(*shown.columns).query.sql_with_params()
        yield from _rows(shown.table, sql, values)
    unheard = Q() if whole else Q(ferried_in__isnull=True) | Q(ferried_in__gt=book.heard())
    # Marked and locked: what is written meanwhile goes with the next.
    in_order(Answer.objects.filter(unheard)).update(ferried_in=number)
    table = Answer._meta.db_table
    yield from _rows(
        table, f"SELECT code_index, sealed, written_at FROM {table} WHERE ferried_in = %s ORDER BY id", [number]
    )
    arrived = f"SELECT id FROM {Submission._meta.db_table} WHERE ferried_in = %s ORDER BY id"
    yield from _rows(ARRIVED, arrived, [book.last(book.incoming())])


ARRIVED = "arrived"  # a submission of the newest file: it need not come again
