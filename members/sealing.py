"""What only the holder of a receipt can read: sealed under a key made of the receipt's code, which nobody here keeps.

AES-256-GCM; the code has 80 random bits, so that no stretching is needed. Stored form: 12 bytes nonce ‖ ciphertext and
tag. What is sealed for is bound in: a copy does not open as anything else.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from accounts.crypto import NONCE, CannotDecrypt
from members.identity import normalise_code


def _cipher(code: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=b"receipt").derive(normalise_code(code).encode()))


def seal(data: bytes, *, code: str, what: str) -> bytes:
    nonce = os.urandom(NONCE)
    return nonce + _cipher(code).encrypt(nonce, data, what.encode())


def unseal(sealed: bytes | memoryview, *, code: str, what: str) -> bytes:
    """Raises CannotDecrypt."""
    sealed = bytes(sealed)
    try:
        return _cipher(code).decrypt(sealed[:NONCE], sealed[NONCE:], what.encode())
    except (InvalidTag, ValueError) as error:
        raise CannotDecrypt(what) from error
