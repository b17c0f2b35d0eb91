"""Field encryption, the blind index and the key ring.

Identity numbers and phones are stored as ciphertext: AES-256-GCM, or SM4-GCM (GB/T 32907-2016) where FIELD_CIPHER says
so. Each ciphertext tells its own cipher, so that both are read at once and a change of the setting is a rotation.
Equality search goes through an HMAC (SHA-256, or SM3 by BLIND_INDEX_HASH and DIGEST_HASH) under a key of its own, so
that rotating the ring does not move the index and a stolen index says nothing without its key.

Stored form: 1 byte length of the key id, with the highest bit for SM4 ‖ key id ‖ 12 bytes nonce ‖ ciphertext and tag.
The column's name is bound in as associated data: a ciphertext moved to another column does not open.
"""

import base64
import hashlib
import hmac
import os
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from django.conf import settings
from django.db import models

NONCE = 12
TAG = 16
SM4_BIT = 0x80
AES, SM4 = "AES-256-GCM", "SM4-GCM"


class CannotDecrypt(Exception):
    """The key is not in the ring, or the ciphertext was changed or moved."""


def write_key(path: Path, key: bytes) -> None:
    """A private key in a file of its own that its owner alone may read. Raises FileExistsError: never over another; OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(base64.b64encode(key).decode() + "\n")


class Sm4Gcm:
    """SM4-GCM with the face of AESGCM. The key of the ring has 32 bytes, SM4 takes 16: they are derived, so that one
    key is never used by two ciphers."""

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, b"SM4-GCM", "sha256")[:16]

    def encrypt(self, nonce: bytes, data: bytes, associated: bytes | None) -> bytes:
        sealing = Cipher(algorithms.SM4(self._key), modes.GCM(nonce)).encryptor()
        sealing.authenticate_additional_data(associated or b"")
        return sealing.update(data) + sealing.finalize() + sealing.tag

    def decrypt(self, nonce: bytes, data: bytes, associated: bytes | None) -> bytes:
        """Raises InvalidTag; ValueError where something is cut off."""
        opening = Cipher(algorithms.SM4(self._key), modes.GCM(nonce, data[-TAG:])).decryptor()
        opening.authenticate_additional_data(associated or b"")
        return opening.update(data[:-TAG]) + opening.finalize()


def cipher_of(name: str, key: bytes) -> AESGCM | Sm4Gcm:
    return AESGCM(key) if name == AES else Sm4Gcm(key)


def key_head(key_id: str, cipher: str) -> bytes:
    """How a ciphertext under this key and cipher begins."""
    name = key_id.encode()
    return bytes([len(name) | (SM4_BIT if cipher == SM4 else 0)]) + name


def present_head() -> bytes:
    """How a ciphertext that is made now begins: what begins otherwise waits for its rotation."""
    return key_head(next(iter(settings.FIELD_KEYS)), settings.FIELD_CIPHER)


def told_key(stored: bytes) -> tuple[str, str, bytes]:
    """(key id, cipher, the rest) of what is stored."""
    mark = stored[0] if stored else 0
    end = 1 + (mark & ~SM4_BIT)
    return stored[1:end].decode(errors="replace"), SM4 if mark & SM4_BIT else AES, stored[end:]


def encrypt(text: str, *, column: str) -> bytes:
    key = next(iter(settings.FIELD_KEYS.values()))
    nonce = os.urandom(NONCE)
    return present_head() + nonce + _ready(settings.FIELD_CIPHER, key).encrypt(nonce, text.encode(), column.encode())


def decrypt(stored: bytes, *, column: str) -> str:
    """The plain text. Raises CannotDecrypt."""
    key_id, cipher, rest = told_key(bytes(stored))
    key = settings.FIELD_KEYS.get(key_id)
    if key is None:
        raise CannotDecrypt(f"key {key_id} is not in the ring")
    try:
        return _ready(cipher, key).decrypt(rest[:NONCE], rest[NONCE:], column.encode()).decode()
    except (InvalidTag, ValueError) as error:  # ValueError: cut off inside the nonce
        raise CannotDecrypt(column) from error


_ready = lru_cache(16)(cipher_of)  # the same few keys for every row of a list


def blind_index(text: str, *, kind: str, key: bytes = b"", chosen: str = "") -> bytes:
    """32 bytes that are equal for equal texts of one kind. The caller normalises first; `key`: another than persons have,
    with the hash of digests where no other is `chosen`."""
    said = f"{kind}:{text}".encode()
    chosen = chosen or (settings.DIGEST_HASH if key else settings.BLIND_INDEX_HASH)
    if not (key := key or settings.BLIND_INDEX_KEY):
        raise CannotDecrypt("the key of the blind index is not on the public face")
    if chosen == "SM3":
        made = HMAC(key, hashes.SM3())
        made.update(said)
        return made.finalize()
    return hmac.new(key, said, hashlib.sha256).digest()


def index_before(text: str, *, kind: str) -> bytes:
    """Under the key and hash before, while there are any."""
    return blind_index(text, kind=kind, key=settings.BLIND_INDEX_OLD_KEY, chosen=settings.BLIND_INDEX_OLD_HASH)


class EncryptedTextField(models.BinaryField):
    """Text that is ciphertext in the database and plain text in Python. Not searchable: add a blind index beside it."""

    _pyi_private_get_type: str  # type: ignore[assignment]  # for the type checker: text out, though the column is binary
    _pyi_private_set_type: str

    @property
    def bound_to(self) -> str:
        """What is bound into each ciphertext of this column."""
        return f"{self.model._meta.label_lower}.{self.attname}"

    def get_prep_value(self, value):
        if value is None or isinstance(value, bytes | memoryview):
            return value
        return encrypt(value, column=self.bound_to) if value != "" else None

    def from_db_value(self, value, expression, connection):
        return None if value is None else decrypt(value, column=self.bound_to)

    def value_to_string(self, obj) -> str:
        return ""  # never into a fixture
