"""One address for the two faces, by the beginning of the path: what nginx is in production (deploy/nginx.conf.template).

A WSGI application for the demo, which has no nginx. Bodies go through in pieces, both ways.
"""

import contextlib
import http.client
import os
import re
from collections.abc import Iterable, Iterator
from typing import Any

PUBLIC = re.compile(r"^/(q|r|notice|verify)/")  # as nginx; tests/setup/test_production.py holds them together
PIECE = 64 * 1024
PATIENCE = 130  # seconds, as nginx
# What belongs to one connection and not to the message (RFC 9110 7.6.1).
OF_A_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-connection"}


def _port(path: str) -> int:
    return int(os.environ["FRONT_PUBLIC" if PUBLIC.match(path) else "FRONT_STAFF"])


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    sent = {name[5:].replace("_", "-").title(): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            sent[name.replace("_", "-").title()] = environ[name]
    kept = {name: value for name, value in sent.items() if name.lower() not in OF_A_HOP}
    return kept | {"X-Forwarded-For": environ.get("REMOTE_ADDR", ""), "Connection": "close"}


def _pieces(answer: http.client.HTTPResponse, link: http.client.HTTPConnection) -> Iterator[bytes]:
    try:
        while piece := answer.read1(PIECE):
            yield piece
    finally:
        link.close()


def application(environ: dict[str, Any], start_response) -> Iterable[bytes]:
    address = environ["RAW_URI"]
    link = http.client.HTTPConnection("127.0.0.1", _port(address), timeout=PATIENCE)
    chunked = environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
    body = environ["wsgi.input"] if chunked or environ.get("CONTENT_LENGTH") else None
    try:
        with contextlib.suppress(BrokenPipeError):  # it answered before it had read everything
            link.request(environ["REQUEST_METHOD"], address, body, _headers(environ), encode_chunked=chunked)
        answer = link.getresponse()
    except (OSError, http.client.HTTPException):
        link.close()
        start_response("502 Bad Gateway", [("Content-Type", "text/plain; charset=utf-8")])
        return ["服务正在启动或已经停止，请稍后刷新。".encode()]
    headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in OF_A_HOP]
    start_response(f"{answer.status} {answer.reason}", headers)
    return _pieces(answer, link)
