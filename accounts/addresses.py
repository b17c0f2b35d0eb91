"""Where a request comes from: the one answer for the audit, the sign-in lock and the limits of public forms.

nginx stands between us and everybody, so the connection's own address would be nginx's. Its X-Forwarded-For is read
only where BEHIND_PROXY says that it is there: elsewhere the header is whatever the sender likes to claim.
"""

from contextvars import ContextVar
from ipaddress import ip_address, ip_network

from django.conf import settings

# Set while a request is answered, so that services need not hand the request down for the audit's sake.
current: ContextVar[str | None] = ContextVar("client_address", default=None)


def _plain(text: str) -> str:
    """An address that the database takes; empty for anything else (a socket's name, "unknown", a scope). An IPv4 address in
    its IPv6 clothes (::ffff:…, of a socket that takes both) is the same one."""
    try:
        address = ip_address(text.strip().split("%", 1)[0])
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)


def site(text: str) -> str:
    """What is counted as one: who has an address of IPv6 has the 2^64 of its /64 (RFC 4291) and may come from another one
    each time. Anything else is counted as it is."""
    address = _plain(text)
    return str(ip_network(f"{address}/64", strict=False)) if ":" in address else text


def client_address(meta: dict) -> str:
    """Behind the proxy the last hop, which the proxy itself wrote; else the connection's own address. May be empty."""
    if settings.BEHIND_PROXY:
        hop = _plain(meta.get("HTTP_X_FORWARDED_FOR", "").rsplit(",", 1)[-1])
        if hop:
            return hop
    return _plain(meta.get("REMOTE_ADDR", ""))
