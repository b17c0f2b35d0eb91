"""How often the public pages take a form: generous, because a whole market may stand behind one address."""

from django.core.cache import cache
from django.http import HttpRequest

WINDOW = 600  # seconds
PER_ADDRESS = 600
PER_POSTER = 3_000
PER_RECEIPT = 120
PER_VERIFIER = 120  # checks of printed reports: codes cannot be guessed, this keeps machines from trying
PER_CLIENT = 600  # signed requests of another department's system, up to 1,000 events each


def _within(key: str, limit: int) -> bool:
    """Count one more under `key`; False when there were more than `limit` in the running window."""
    key = f"members:limit:{key}"
    cache.add(key, 0, WINDOW)
    try:
        return cache.incr(key) <= limit
    except ValueError:  # the window ended between the two calls
        return True


def may_post(request: HttpRequest, *, poster: str = "", receipt: str = "") -> bool:
    """Whether one more public form is taken from this address, on this poster or receipt."""
    checks = [(f"address:{request.META.get('REMOTE_ADDR', '')}", PER_ADDRESS)]
    if poster:
        checks.append((f"poster:{poster}", PER_POSTER))
    if receipt:
        checks.append((f"receipt:{receipt}", PER_RECEIPT))
    counted = [_within(key, limit) for key, limit in checks]  # every counter goes up, whichever refuses
    return all(counted)


def may_verify(request: HttpRequest) -> bool:
    """Whether one more printed report is checked for this address."""
    return _within(f"verify:address:{request.META.get('REMOTE_ADDR', '')}", PER_VERIFIER)


def may_send(address: str) -> bool:
    """Whether one more request that claims to be signed is looked at from this address."""
    return _within(f"intake:address:{address}", 2 * PER_CLIENT)


def may_send_as(client_id: int) -> bool:
    """Whether one more request is taken from this client."""
    return _within(f"intake:client:{client_id}", PER_CLIENT)
