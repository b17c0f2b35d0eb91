"""A small HTTP client for counting answers a second: kept connections, one thread each, a bounded time."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

HOST = "127.0.0.1"
PATIENCE = 30  # seconds for one answer


@dataclass
class Heard:
    """Answers by status; `seconds` from the first question to the last answer."""

    statuses: Counter = field(default_factory=Counter)
    seconds: float = 0.0

    def rate(self, expected: int) -> float:
        """Answers a second. Raises ValueError where one was not as expected: errors are quick."""
        if set(self.statuses) != {expected}:
            raise ValueError(f"expected only {expected}, heard {dict(self.statuses)}")
        return self.statuses[expected] / self.seconds


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def ask(port: int, requests: Iterator[bytes], *, seconds: float, connections: int) -> Heard:
    """Send requests from the shared iterator over some connections until the time is over or they run out."""
    heard, lock = Heard(), threading.Lock()
    until = time.perf_counter() + seconds

    def one() -> None:
        counted: Counter = Counter()
        link, reader = _connect(port)
        while time.perf_counter() < until:
            with lock:
                question = next(requests, None)
            if question is None:
                break
            status, again = _exchange(link, reader, question)
            counted[status] += 1
            if not again:
                link.close()
                link, reader = _connect(port)
        link.close()
        with lock:
            heard.statuses.update(counted)

    threads = [threading.Thread(target=one) for _ in range(connections)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    heard.seconds = time.perf_counter() - started
    return heard


def _connect(port: int):
    link = socket.create_connection((HOST, port), PATIENCE)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return link, link.makefile("rb")


def _exchange(link: socket.socket, reader, question: bytes) -> tuple[int, bool]:
    """The status, and whether the connection stays open."""
    link.sendall(question)
    status = int(reader.readline().split()[1])
    length, again = 0, True
    while (line := reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        elif name.lower() == b"connection":
            again = value.strip().lower() != b"close"
    reader.read(length)
    return status, again
