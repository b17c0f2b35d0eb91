"""Everything that is kept anywhere, to be searched for planted texts: as it lies, and as the keys open it."""

import gzip
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import redis
from django.apps import apps
from django.conf import settings
from django.db import connection

from accounts.sealed_files import MARK, open_sealed
from members import identity, sealing
from members.models import RightsRequest
from members.services.requests import COPY
from tables.before_images import unsealed
from tables.models import BatchChange
from tests.conftest import as_owner

GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"


def as_it_lies() -> Iterator[tuple[str, str]]:
    """Every row of every table as a dump would write it, every file's bytes, everything in Redis."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = []
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            rows += [(f"table {table}", row) for (row,) in cursor.fetchall()]
    yield from rows
    for path in _files():
        yield f"file {path.parent.name}", path.read_bytes().decode("latin-1")
    yield from _in_redis()


def as_opened() -> Iterator[tuple[str, str]]:
    """The same behind the keys: encrypted columns, before-images, sealed files, copies sealed to a receipt."""
    for model in apps.get_models():
        for row in model._default_manager.values():
            yield f"model {model._meta.label}", " ".join(map(str, row.values()))
    for change in BatchChange.objects.all():
        yield "before-images", " ".join(str(unsealed(value)) for value in change.before.values())
    for request in RightsRequest.objects.filter(sealed__isnull=False).select_related("receipt"):
        assert request.receipt is not None and request.sealed is not None
        code = identity.receipt_code(request.receipt.form_token)
        yield "sealed copies", sealing.unseal(request.sealed, code=code, what=COPY).decode()
    for path in _files():
        if path.read_bytes().startswith(MARK):
            with open_sealed(path) as file:
                yield f"sealed {path.parent.name}", _unpacked(file.read())


def _files() -> list[Path]:
    return [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


def _unpacked(content: bytes) -> str:
    if content.startswith(GZIP):
        text = gzip.decompress(content).decode()
        return text + " ".join(" ".join(json.loads(line)) for line in text.splitlines())
    if content.startswith(ZIP):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return " ".join(_unpacked(archive.read(name)) for name in archive.namelist())
    return content.decode(errors="replace")


def _in_redis() -> Iterator[tuple[str, str]]:
    with redis.Redis.from_url(settings.REDIS_URL) as store:
        for key in store.scan_iter():
            kind = store.type(key)
            read = {b"string": store.get, b"hash": store.hgetall, b"list": lambda name: store.lrange(name, 0, -1),
                    b"set": store.smembers, b"zset": lambda name: store.zrange(name, 0, -1)}  # fmt: skip
            value = read[kind](key)
            yield "redis", f"{key!r} {value!r} {_decoded(value)}"


def _decoded(value) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def found(*planted: str) -> dict[str, set[str]]:
    """Where each planted text stands: {text: places}. Also as JSON, an address or hexadecimal bytes write it."""
    forms = {text: re.compile("|".join(map(re.escape, _written(text))), re.IGNORECASE) for text in planted}
    places: dict[str, set[str]] = {text: set() for text in planted}
    for whole in (as_it_lies(), as_opened()):
        for place, content in whole:
            for text, form in forms.items():
                if form.search(content):
                    places[text].add(place)
    return places


def _written(text: str) -> set[str]:
    return {text, json.dumps(text)[1:-1], quote(text), text.encode().hex(), text.encode().decode("latin-1")}
