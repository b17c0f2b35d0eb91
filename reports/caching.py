"""What is kept beside the database for speed only: while the cache is away everything is worked out anew."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.core.cache import cache
from redis.exceptions import RedisError


def kept(key: str, seconds: int, make: Callable[[], Any]) -> Any:
    """What is kept under this name, or what `make` gives. The name changes with whatever the value is made of."""
    with suppress(RedisError):
        if (found := cache.get(key)) is not None:
            return found
    made = make()
    with suppress(RedisError):
        cache.set(key, made, seconds)
    return made


def renewed(key: str, seconds: int) -> None:
    """What is kept under this name is kept so long from now on."""
    with suppress(RedisError):
        cache.touch(key, seconds)
