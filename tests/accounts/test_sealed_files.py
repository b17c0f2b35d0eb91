"""Files encrypted at rest: read at any position, and never opened when they were tampered with."""

import io
import os
import zipfile

import pytest

from accounts.crypto import CannotDecrypt
from accounts.sealed_files import MARK, PIECE, TAG, create_sealed, open_sealed


def seal(path, content: bytes):
    with create_sealed(path) as file:
        for start in range(0, len(content), 100_000):
            file.write(content[start : start + 100_000])
    return path


def read(path) -> bytes:
    with open_sealed(path) as file:
        return file.read()


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_what_was_written_is_read(tmp_path, size):
    content = os.urandom(size)
    path = seal(tmp_path / "file", content)
    assert read(path) == content
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes().startswith(MARK) and (size < 8 or content[:8] not in path.read_bytes())


@pytest.mark.parametrize("size", [0, PIECE + 1])
def test_under_sm4_as_well_and_each_file_tells_its_cipher(tmp_path, settings, size):
    content = os.urandom(size)
    settings.FIELD_CIPHER = "SM4-GCM"
    path = seal(tmp_path / "file", content)
    settings.FIELD_CIPHER = "AES-256-GCM"
    assert read(path) == content
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(CannotDecrypt):
        read(path)


def test_it_is_read_from_any_position(tmp_path):
    content = os.urandom(2 * PIECE + 500)
    with open_sealed(seal(tmp_path / "file", content)) as file:
        for at in (0, PIECE - 3, 2 * PIECE + 499, 10, len(content), len(content) + 7):
            assert file.seek(at) == at
            assert file.read(10) == content[at : at + 10]
        assert file.seek(-5, io.SEEK_END) == len(content) - 5 and file.read() == content[-5:]


def test_an_archive_is_written_into_it_and_read_out_of_it(tmp_path):
    with create_sealed(tmp_path / "file") as file, zipfile.ZipFile(file, "w") as archive:
        for name in ("a", "b"):
            with archive.open(name, "w", force_zip64=True) as entry:
                entry.write(name.encode() * PIECE)
    with open_sealed(tmp_path / "file") as file, zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None and archive.read("b") == b"b" * PIECE


def test_what_was_changed_cut_off_or_renamed_does_not_open(tmp_path):
    path = seal(tmp_path / "file", os.urandom(3 * PIECE + 100))
    whole = path.read_bytes()
    head = len(whole) - 3 * (PIECE + TAG) - 100 - TAG
    first, second = whole[head : head + PIECE + TAG], whole[head + PIECE + TAG : head + 2 * (PIECE + TAG)]
    for damaged in (
        whole[:-1],
        whole[: head + 2 * (PIECE + TAG)],
        whole[:-50] + bytes(50),
        whole[:head] + second + first + whole[head + 2 * (PIECE + TAG) :],
        whole[:-1] + bytes([whole[-1] ^ 1]),
        b"plain text" * 50,
        b"",
    ):
        path.write_bytes(damaged)
        with pytest.raises(CannotDecrypt):
            read(path)
    path.write_bytes(whole)
    with pytest.raises(CannotDecrypt):
        read(path.rename(tmp_path / "other"))


def test_without_its_key_it_does_not_open(tmp_path, settings):
    path = seal(tmp_path / "file", b"text")
    old = dict(settings.FIELD_KEYS)
    settings.FIELD_KEYS = {"new": os.urandom(32), **old}  # rotated: the old key stays in the ring
    assert read(path) == b"text"
    settings.FIELD_KEYS = {"new": os.urandom(32)}
    with pytest.raises(CannotDecrypt):
        read(path)
