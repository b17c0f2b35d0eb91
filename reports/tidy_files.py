"""Lines of reports/tidy.py as csv, xlsx or JSON: made as they are sent, and not again while nothing has changed."""

import json
from collections.abc import Iterable, Iterator

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import content_disposition_header, quote_etag

from accounts import audit
from reports import tidy
from reports.tidy_asked import tag_of
from tables.exports import TYPES, Mark, rows_as

FORMATS = {"csv": "CSV", "xlsx": "Excel", "json": "JSON"}
TITLE = "统计数字"
HEADER = [column.label for column in tidy.COLUMNS]


def pieces(lines: Iterable[tidy.Line], format: str, mark: Mark) -> Iterator[bytes]:
    """JSON is for programs and carries no mark: whose token asked is in the audit."""
    if format == "json":
        return _json_pieces(lines)
    return rows_as(format, TITLE, HEADER, (line.spoken() for line in lines), mark)


def _json_pieces(lines: Iterable[tidy.Line]) -> Iterator[bytes]:
    """`{"results": [line, …]}`, a line at a time."""
    yield b'{"results": ['
    for number, line in enumerate(lines):
        yield (b",\n" if number else b"\n") + json.dumps(line.plain(), ensure_ascii=False).encode()
    yield b"\n]}\n"


def answer(request: HttpRequest, user, asked: tidy.Asked, format: str) -> HttpResponseBase:
    """The file, or 304 where the reader has it already. Raises tidy.TooMuch.

    Only the reader's own browser may keep it, and asks each time; another scope is another tag.
    """
    tag = quote_etag(tag_of(user, asked, format))
    response: HttpResponseBase | None = get_conditional_response(request, etag=tag)
    if response is None or isinstance(response, HttpResponse) and response.status_code == 412:
        found = tidy.lines(user, asked)
        _record(request, user, asked, format)
        mark = Mark.by(user)
        response = StreamingHttpResponse(pieces(found, format, mark), content_type=TYPES[format])
        if format != "json":
            name = f"{mark.name(f'{TITLE}-{asked.units[0].code}')}.{format}"
            response["Content-Disposition"] = content_disposition_header(True, name) or ""
    response["ETag"] = tag
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Cookie", "Authorization"])
    return response


def _record(request: HttpRequest, user, asked: tidy.Asked, format: str) -> None:
    audit.record(
        "reports.numbers.take", by=user, subjects=[asked.units[0]], request=request,
        detail={
            "format": format, "units": len(asked.units), "below": asked.below, "metrics": len(asked.keys),
            "since": str(asked.since or ""), "until": str(asked.until or ""),
        },
    )  # fmt: skip
