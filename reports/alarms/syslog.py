"""One line to a syslog server: RFC 5424, by UDP (RFC 5426) or by TCP with octet counting (RFC 6587).

The standard library's handler writes the older RFC 3164: no year, no zone, no encoding.
"""

import os
import socket
from datetime import datetime
from urllib.parse import urlsplit

from django.utils import timezone

LOG_AUDIT, CRITICAL, WARNING = 13, 2, 4  # facility and severities
PORT, TIMEOUT = 514, 5  # seconds
NAME = "xgz-party-building"


def line(text: str, *, name: str, at: datetime, is_grave: bool) -> bytes:
    priority = LOG_AUDIT * 8 + (CRITICAL if is_grave else WARNING)
    when = timezone.localtime(at).isoformat(timespec="milliseconds")
    head = f"<{priority}>1 {when} {socket.gethostname() or '-'} {NAME} {os.getpid()} {name} - "
    return head.encode() + b"\xef\xbb\xbf" + " ".join(text.split()).encode()


def send(place: str, text: str, *, name: str, at: datetime, is_grave: bool) -> None:
    """`place`: udp://host:port or tcp://host:port. Raises OSError; of UDP nobody learns whether it came."""
    where, told = urlsplit(place), line(text, name=name, at=at, is_grave=is_grave)
    address = (where.hostname or "", where.port or PORT)
    if where.scheme == "tcp":
        with socket.create_connection(address, TIMEOUT) as link:
            link.sendall(b"%d %s" % (len(told), told))
        return
    family, kind, *_, to = socket.getaddrinfo(*address, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind) as link:
        link.sendto(told, to)
