"""How often what may be asked: one table for every room.

Generous where a whole market or office stands behind one address. What is kept by the database is not here: five wrong
passwords of an account from an address (axes), five wrong codes of a second factor (services/factors.py).
"""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from django.core.cache import cache
from redis.exceptions import RedisError

from accounts.addresses import site

logger = logging.getLogger(__name__)
WINDOW = 600  # seconds


@dataclass(frozen=True)
class Limit:
    """So many in a window, counted under one key each: an address, a person, a code."""

    most: int
    counts: str


LIMITS: dict[str, Limit] = {
    "form_address": Limit(600, "public forms sent from an address"),
    "form_poster": Limit(3_000, "public forms sent on a poster"),
    "form_receipt": Limit(120, "acts on a receipt"),
    "receipt_missed": Limit(120, "codes of receipts that do not exist, from an address"),
    "verify_address": Limit(120, "checks of printed reports; codes cannot be guessed, this keeps machines from trying"),
    "sign_in_address": Limit(100, "wrong passwords from an address, of whatever accounts"),
    "sign_in_account": Limit(200, "wrong passwords of an account, from whatever addresses"),
    "oidc_address": Limit(300, "ways to the unified sign-in from an address"),
    "token_address": Limit(60, "refused tokens from an address that are written down; right ones are never held up"),
    "search_person": Limit(300, "searches of somebody signed in"),
    "intake_address": Limit(1_200, "requests from an address that claim to be signed"),
    "intake_client": Limit(600, "signed requests of another department's system, up to 1,000 events each"),
}


def counter(name: str, key: object) -> str:
    """Not the key itself: people type passwords and phones into the box for the account."""
    return f"limit:{name}:{hashlib.sha256(site(str(key)).encode(errors='replace')).hexdigest()[:32]}"


def within(name: str, key: object) -> bool:
    """Count one more; False when there were more than the limit in the running window.

    Without Redis nothing is counted and everything is let through: the locks in the database still hold.
    """
    place = counter(name, key)
    try:
        cache.add(place, 0, WINDOW)
        return cache.incr(place) <= LIMITS[name].most
    except ValueError:  # the window ended between the two calls
        return True
    except RedisError:
        logger.warning("Limits are not counted: no answer from Redis")
        return True


def forget(name: str, key: object) -> None:
    """Count from nothing again."""
    try:
        cache.delete(counter(name, key))
    except RedisError:
        logger.warning("Limits are not forgotten: no answer from Redis")


def used_up(name: str, keys: Iterable[str]) -> list[str]:
    """Those of `keys` of which `within` would say no, without counting."""
    places = {counter(name, key): key for key in keys}
    try:
        counts = cache.get_many(places)
    except RedisError:
        return []
    return [places[place] for place, count in counts.items() if count >= LIMITS[name].most]


def is_used_up(name: str, key: object) -> bool:
    """Whether `within` would say no, without counting."""
    return bool(used_up(name, [str(key)]))
