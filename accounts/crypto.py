"""Field encryption, the blind index and the key ring.

Identity numbers and phones are stored as AES-256-GCM ciphertext; equality search goes through HMAC-SHA256 under a key
of its own, so that rotating the ring does not move the index and a stolen index says nothing without its key.
Stored form: 1 byte length of the key id ‖ key id ‖ 12 bytes nonce ‖ ciphertext and tag. The column's name is bound in
as associated data: a ciphertext moved to another column does not open.
"""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import models

NONCE = 12


class CannotDecrypt(Exception):
    """The key is not in the ring, or the ciphertext was changed or moved."""


def encrypt(text: str, *, column: str) -> bytes:
    key_id, key = next(iter(settings.FIELD_KEYS.items()))
    nonce = os.urandom(NONCE)
    sealed = AESGCM(key).encrypt(nonce, text.encode(), column.encode())
    name = key_id.encode()
    return bytes([len(name)]) + name + nonce + sealed


def decrypt(stored: bytes, *, column: str) -> str:
    """The plain text. Raises CannotDecrypt."""
    stored = bytes(stored)
    length = stored[0] if stored else 0
    key_id, rest = stored[1 : 1 + length].decode(errors="replace"), stored[1 + length :]
    key = settings.FIELD_KEYS.get(key_id)
    if key is None:
        raise CannotDecrypt(f"key {key_id} is not in the ring")
    try:
        return AESGCM(key).decrypt(rest[:NONCE], rest[NONCE:], column.encode()).decode()
    except (InvalidTag, ValueError) as error:  # ValueError: cut off inside the nonce
        raise CannotDecrypt(column) from error


def blind_index(text: str, *, kind: str) -> bytes:
    """32 bytes that are equal for equal texts of one kind. The caller normalises first."""
    return hmac.new(settings.BLIND_INDEX_KEY, f"{kind}:{text}".encode(), hashlib.sha256).digest()


class EncryptedTextField(models.BinaryField):
    """Text that is ciphertext in the database and plain text in Python. Not searchable: add a blind index beside it."""

    _pyi_private_get_type: str  # type: ignore[assignment]  # for the type checker: text out, though the column is binary
    _pyi_private_set_type: str

    def _column(self) -> str:
        return f"{self.model._meta.label_lower}.{self.attname}"

    def get_prep_value(self, value):
        if value is None or isinstance(value, bytes | memoryview):
            return value
        return encrypt(value, column=self._column()) if value != "" else None

    def from_db_value(self, value, expression, connection):
        return None if value is None else decrypt(value, column=self._column())

    def value_to_string(self, obj) -> str:
        return ""  # never into a fixture
