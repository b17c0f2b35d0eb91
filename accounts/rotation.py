"""Turning the key ring: every ciphertext under the first key and the present cipher, so that an old key can go.

Nothing is kept about how far it came: each ciphertext tells its key, so whoever starts again goes on where it stopped.
Every EncryptedTextField is found by walking the models; ciphertexts that lie elsewhere (inside JSON, in files) are told of
by their room in AppConfig.ready(). A value is replaced only if it is still the one that was read: the application
works on meanwhile, and what it writes is under the first key already.
"""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction

from accounts.crypto import CannotDecrypt, EncryptedTextField, decrypt, encrypt, present_head, told_key
from accounts.sealed_files import create_sealed, open_sealed, sealed_head

BATCH = 500
COPIED = 1 << 20  # bytes of a file at a time
ASIDE = ".turning"  # under MEDIA_ROOT: what a killed run left there the next one removes
LOCK = 7_830  # pg_try_advisory_lock: one at a time


class AlreadyRunning(Exception):
    """Another process turns the ring."""


class Store(Protocol):
    """One place where ciphertexts lie."""

    label: str

    def keys(self) -> Counter[str]:
        """How many ciphertexts there are under each key and cipher (key_name)."""
        ...

    def turn(self, batch: int) -> Iterator[int]:
        """Bring what is not under the present key and cipher there, bit by bit; how many each time."""
        ...


_stores: list[Store] = []


def register_store(store: Store) -> None:
    _stores.append(store)


def stores() -> list[Store]:
    columns: list[Store] = [
        Column(field)
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
        for field in model._meta.local_fields
        if isinstance(field, EncryptedTextField)
    ]
    return columns + _stores


def is_present(name: str) -> bool:
    return name == key_name(present_head())


def key_name(stored: bytes) -> str:
    """`k1 AES-256-GCM`, of a ciphertext or its beginning."""
    key_id, cipher, _ = told_key(stored)
    return f"{key_id} {cipher}"


# --- a column ---------------------------------------------------------------------------------------------------------


class Column:
    def __init__(self, field: EncryptedTextField) -> None:
        meta = field.model._meta
        self.field, self.label = field, f"{meta.verbose_name}·{field.verbose_name}"
        quote = connection.ops.quote_name
        self.table, self.key, self.column = quote(meta.db_table), quote(str(meta.pk.column)), quote(str(field.column))

    def keys(self) -> Counter[str]:
        head = f"substring({self.column} FOR 1 + (get_byte({self.column}, 0) & 127))"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {head}, count(*) FROM {self.table} WHERE length({self.column}) > 0 GROUP BY 1")
            return Counter({key_name(bytes(found)): count for found, count in cursor.fetchall()})

    def turn(self, batch: int) -> Iterator[int]:
        """Rows in order of their key, so that no batch begins at the table's start again."""
        last = None
        while rows := self._waiting(last, batch):
            last = rows[-1][0]
            yield self._replace(rows)

    def _waiting(self, last, batch: int) -> list[tuple]:
        head = present_head()
        behind = f"AND {self.key} > %s" if last is not None else ""
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {self.key}, {self.column} FROM {self.table}"
                f" WHERE length({self.column}) > 0 AND substring({self.column} FOR %s) <> %s {behind}"
                f" ORDER BY {self.key} LIMIT %s",
                [len(head), head, *([last] if last is not None else []), batch],
            )
            return [(key, bytes(stored)) for key, stored in cursor.fetchall()]

    @transaction.atomic
    def _replace(self, rows: list[tuple]) -> int:
        bound = self.field.bound_to
        done = 0
        with connection.cursor() as cursor:
            for key, stored in rows:
                try:
                    fresh = encrypt(decrypt(stored, column=bound), column=bound)
                except CannotDecrypt:  # it stays under its key, and `keys` tells of it
                    continue
                cursor.execute(
                    f"UPDATE {self.table} SET {self.column} = %s WHERE {self.key} = %s AND {self.column} = %s",
                    [fresh, key, stored],
                )
                done += cursor.rowcount
        return done


# --- files ------------------------------------------------------------------------------------------------------------


@dataclass
class SealedFolder:
    """Sealed files of one folder under MEDIA_ROOT."""

    label: str
    name: str

    def _files(self) -> Iterator[tuple[Path, bytes]]:
        for path in sorted((Path(settings.MEDIA_ROOT) / self.name).glob("*")):
            try:
                head = sealed_head(path)
            except OSError:  # removed meanwhile, or a folder
                continue
            if head:
                yield path, head

    def keys(self) -> Counter[str]:
        return Counter(key_name(head) for _, head in self._files())

    def turn(self, batch: int) -> Iterator[int]:
        for path, head in self._files():
            if head != present_head():
                yield self._again(path)

    def _again(self, path: Path) -> int:
        """Written anew beside it under the same name, which is part of the file's key; then put in its place."""
        fresh = Path(settings.MEDIA_ROOT) / ASIDE / path.name
        fresh.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            times = path.stat()
            with open_sealed(path) as old, create_sealed(fresh) as new:
                while piece := old.read(COPIED):
                    new.write(piece)
            os.utime(fresh, ns=(times.st_atime_ns, times.st_mtime_ns))  # its retention goes by its age
            if path.exists():  # what was erased meanwhile stays erased
                fresh.replace(path)
                return 1
        except (CannotDecrypt, FileNotFoundError):
            pass
        finally:
            fresh.unlink(missing_ok=True)
        return 0


# --- the whole ring ---------------------------------------------------------------------------------------------------


def keys_in_use() -> dict[str, Counter[str]]:
    """By store: how many ciphertexts under which key."""
    return {store.label: store.keys() for store in stores()}


Heard = Callable[[str, int, int, tuple[int, int]], None]


def turn_all(heard: Heard, batch: int = BATCH) -> int:
    """Turn every store; `heard(label, done, waiting, (done, waiting) of all)` after each batch. How many ciphertexts were
    brought over.

    Raises AlreadyRunning.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            raise AlreadyRunning
    try:
        shutil.rmtree(Path(settings.MEDIA_ROOT) / ASIDE, ignore_errors=True)
        waiting = [(store, _waiting(store)) for store in stores()]
        return _turn(waiting, heard, batch)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _waiting(store: Store) -> int:
    return sum(count for name, count in store.keys().items() if not is_present(name))


def _turn(stores_waiting: list[tuple[Store, int]], heard: Heard, batch: int) -> int:
    everything, turned = sum(waiting for _, waiting in stores_waiting), 0
    for store, waiting in stores_waiting:
        done = 0
        for some in store.turn(batch):
            done += some
            turned += some
            heard(store.label, done, waiting, (turned, everything))
    return turned
