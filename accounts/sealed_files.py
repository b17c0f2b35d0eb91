"""Files that are encrypted at rest, written and read by pieces: memory does not grow with them.

AES-256-GCM or SM4-GCM, as accounts/crypto.py chooses. Every file has a key of its own, made of the ring's first key, a
random salt and the file's name; the nonce of a piece is its number and whether it is the last one. A file that was cut
off, put together anew or given another name does not open. Stored form: MARK ‖ 1 byte length of the key id, its highest
bit for SM4 ‖ key id ‖ 32 bytes salt ‖ pieces, each with its tag.
"""

import hashlib
import hmac
import io
import os
from pathlib import Path
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from accounts.crypto import NONCE, SM4_BIT, TAG, CannotDecrypt, Sm4Gcm, cipher_of, present_head, told_key

MARK = b"SEALED1\n"
SALT = 32
PIECE = 256 * 1024  # bytes of plain text; the last piece may be shorter


def create_sealed(path: Path) -> "SealedWriter":
    """A file to write to, only its owner's; what stood there is written over."""
    return SealedWriter(path)


def open_sealed(path: Path) -> io.BufferedReader:
    """The plain bytes, from any position. Raises FileNotFoundError, CannotDecrypt."""
    return io.BufferedReader(_SealedReader(path))


def sealed_head(path: Path) -> bytes:
    """How the file's key and cipher are told (crypto.present_head); empty for what is no sealed file."""
    with path.open("rb") as file:
        return _head(file) if file.read(len(MARK)) == MARK else b""


def _head(file: IO[bytes]) -> bytes:
    length = file.read(1)
    return length + file.read(length[0] & ~SM4_BIT if length else 0)


def _cipher(name: str, key: bytes, salt: bytes, path: Path) -> AESGCM | Sm4Gcm:
    return cipher_of(name, hmac.new(key, salt + path.name.encode(), hashlib.sha256).digest())


def _nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(NONCE - 1, "big") + bytes([is_last])


class SealedWriter(io.RawIOBase):
    """Forwards only. The file is whole once it is closed."""

    def __init__(self, path: Path) -> None:
        key, salt = next(iter(settings.FIELD_KEYS.values())), os.urandom(SALT)
        self._cipher = _cipher(settings.FIELD_CIPHER, key, salt, path)
        self._waiting, self._number = bytearray(), 0
        self._file = path.open("wb")
        path.chmod(0o600)
        self._file.write(MARK + present_head() + salt)

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self._waiting += data
        while len(self._waiting) > PIECE:  # what is left may be the last
            self._seal(bytes(self._waiting[:PIECE]), is_last=False)
            del self._waiting[:PIECE]
        return len(data)

    def _seal(self, piece: bytes, *, is_last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, is_last), piece, None))
        self._number += 1

    def close(self) -> None:
        if self.closed:
            return
        try:
            self._seal(bytes(self._waiting), is_last=True)
        finally:
            self._file.close()
            super().close()


class _SealedReader(io.RawIOBase):
    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        try:
            self._begin(path)
        except BaseException:
            self._file.close()
            raise

    def _begin(self, path: Path) -> None:
        mark = self._file.read(len(MARK))
        key_id, cipher, _ = told_key(_head(self._file))
        salt, key = self._file.read(SALT), settings.FIELD_KEYS.get(key_id)
        if mark != MARK or key is None:
            raise CannotDecrypt(f"{path.name}: no sealed file, or key {key_id} is not in the ring")
        self._cipher = _cipher(cipher, key, salt, path)
        self._start = self._file.tell()
        sealed = os.fstat(self._file.fileno()).st_size - self._start
        self._pieces = max(-(-sealed // (PIECE + TAG)), 1)
        self._size = sealed - self._pieces * TAG
        self._at, self._number, self._piece = 0, -1, b""
        self._open(self._pieces - 1)  # tells at once whether the key is right and nothing is cut off
        self._open(0)

    def _open(self, number: int) -> bytes:
        if number != self._number:
            self._file.seek(self._start + number * (PIECE + TAG))
            sealed = self._file.read(PIECE + TAG)
            try:
                self._piece = self._cipher.decrypt(_nonce(number, number == self._pieces - 1), sealed, None)
            except (InvalidTag, ValueError) as error:
                raise CannotDecrypt(f"piece {number} of {self._pieces}") from error
            self._number = number
        return self._piece

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(start + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer) -> int:
        if self._at >= self._size:
            return 0
        number, begin = divmod(self._at, PIECE)
        found = self._open(number)[begin : begin + len(buffer)]
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)

    def close(self) -> None:
        self._file.close()
        super().close()
