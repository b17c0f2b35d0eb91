"""Asks a virus scanner on the network about a file: clamd's INSTREAM (clamd(8)), the protocol that other scanners speak too.

Nothing is written anywhere: the bytes go as they came.
"""

import socket
import struct
from collections.abc import Iterable

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

TIMEOUT = 60  # seconds without a sign of life: a large archive takes a while
LONGEST_ANSWER = 4096  # bytes


class NoAnswer(Exception):
    """The scanner is away, broken, or does not take a file this large: nobody knows whether it is clean."""


def is_alive() -> bool:
    try:
        return _ask(b"PING") == "PONG"
    except NoAnswer:
        return False


def malware_in(upload: UploadedFile) -> str:
    """What was found, by the scanner's name for it; empty where it is clean. Raises NoAnswer."""
    answer = _ask(b"INSTREAM", upload.chunks())
    upload.seek(0)
    if answer == "stream: OK":
        return ""
    if not answer.endswith(" FOUND"):
        raise NoAnswer(answer)
    return answer.removeprefix("stream: ").removesuffix(" FOUND")


def _ask(command: bytes, pieces: Iterable[bytes] | None = None) -> str:
    answer = b""
    try:
        with _link() as link:
            link.sendall(b"z" + command + b"\0")
            if pieces is not None:
                for piece in pieces:
                    link.sendall(struct.pack("!L", len(piece)) + piece)
                link.sendall(struct.pack("!L", 0))
            while len(answer) < LONGEST_ANSWER and (part := link.recv(LONGEST_ANSWER)):
                answer += part
    except OSError as error:
        raise NoAnswer(type(error).__name__) from error
    return answer.rstrip(b"\0\n").decode(errors="replace")


def _link() -> socket.socket:
    place = settings.UPLOAD_SCANNER
    if not place.startswith("/"):
        host, _, port = place.rpartition(":")
        return socket.create_connection((host, int(port)), TIMEOUT)
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(TIMEOUT)
    try:
        link.connect(place)
    except OSError:
        link.close()
        raise
    return link
