"""Where a request comes from: the one answer for the audit, the sign-in lock and the limits of public forms.

nginx stands between us and everybody, so the connection's own address would be nginx's. Its X-Forwarded-For is read
only where BEHIND_PROXY says that it is there: elsewhere the header is whatever the sender likes to claim.
"""

from contextvars import ContextVar
from ipaddress import ip_address

from django.conf import settings

# Set while a request is answered, so that services need not hand the request down for the audit's sake.
current: ContextVar[str | None] = ContextVar("client_address", default=None)


def _plain(text: str) -> str:
    """An address that the database takes; empty for anything else (a socket's name, "unknown", a scope)."""
    try:
        return str(ip_address(text.strip().split("%", 1)[0]))
    except ValueError:
        return ""


def client_address(meta: dict) -> str:
    """Behind the proxy the last hop, which the proxy itself wrote; else the connection's own address. May be empty."""
    if settings.BEHIND_PROXY:
        hop = _plain(meta.get("HTTP_X_FORWARDED_FOR", "").rsplit(",", 1)[-1])
        if hop:
            return hop
    return _plain(meta.get("REMOTE_ADDR", ""))
