"""One request in an account's name, inside this process: the product's own addresses and views, and no session.

There is nobody signed in: no cookie, no session row, no token. The transaction in which the view ran is rolled back, so
what it would have written, its event in the audit too, was never there.
"""

import io
import re
from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.messages.storage import default_storage
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import PermissionDenied
from django.core.handlers.wsgi import WSGIRequest
from django.db import OperationalError, connection, transaction
from django.http import Http404, HttpRequest
from django.urls import resolve
from django_htmx.middleware import HtmxDetails
from psycopg2.errors import QueryCanceled

from accounts import wall
from accounts.models import User

PATIENCE_MS = 10_000  # for one statement of a page
LONGEST = 5_000_000  # bytes of an answer that are looked at
_OF_THE_REQUEST = re.compile(r'(csrfmiddlewaretoken" value="|X-CSRFToken": "|form_token" value=")[^"]+')


class TookTooLong(Exception):
    """A statement of the page ran into the limit; nothing can be said of its answer."""


@dataclass(frozen=True)
class Answer:
    status: int
    text: str = ""
    leads_to: str = ""


def _request(user: User, path: str, query: dict[str, str]) -> HttpRequest:
    host = next((name.lstrip(".") for name in settings.ALLOWED_HOSTS if name.strip("*.")), "localhost")
    request = WSGIRequest({
        "REQUEST_METHOD": "GET", "PATH_INFO": path.encode().decode("iso-8859-1"), "QUERY_STRING": urlencode(query),
        "SERVER_NAME": host, "SERVER_PORT": "443", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "https", "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO(),
    })  # fmt: skip
    request.user, request.session = user, SessionBase()
    request._messages = default_storage(request)  # type: ignore[attr-defined]
    request.htmx = HtmxDetails(request)  # type: ignore[attr-defined]
    return request


def _answered(request: HttpRequest, path: str) -> Answer:
    found = request.resolver_match = resolve(path)
    response = found.func(request, *found.args, **found.kwargs)
    if hasattr(response, "render"):
        response.render()
    pieces, size = [], 0
    for piece in response:
        pieces.append(piece)
        size += len(piece)
        if size > LONGEST:
            break
    text = b"".join(pieces).decode(errors="replace")
    return Answer(response.status_code, _OF_THE_REQUEST.sub("", text), response.headers.get("Location", ""))


def ask(user: User, path: str, query: dict[str, str] | None = None) -> Answer:
    """What the account would be answered. Raises TookTooLong, and whatever the view itself raises by mistake."""
    fresh = User.objects.get(pk=user.pk)  # nothing of an earlier look is remembered
    try:
        with wall.as_user(fresh), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = {PATIENCE_MS}")
            answer = _answered(_request(fresh, path, query or {}), path)
            transaction.set_rollback(True)
    except Http404:
        return Answer(404)
    except PermissionDenied as reason:
        return Answer(403, str(reason))
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TookTooLong from error
        raise
    return answer
