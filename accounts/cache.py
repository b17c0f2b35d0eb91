"""The cache in Redis. Where the server stalls, one request in some seconds waits for it: a page asks a dozen times, and each
time would wait anew. A server that refuses is asked each time, for that costs nothing."""

import time

import redis
from django.core.cache.backends.redis import RedisCache, RedisCacheClient

PATIENCE = 1.0  # seconds for an answer
LEFT_ALONE = 5.0  # seconds without a question to a server that gave none


class _Redis(redis.Redis):
    silent_until = 0.0  # by time.monotonic, of this process

    def execute_command(self, *args, **options):
        if time.monotonic() < _Redis.silent_until:
            raise redis.TimeoutError("no answer a moment ago")
        try:
            return super().execute_command(*args, **options)
        except redis.TimeoutError:
            _Redis.silent_until = time.monotonic() + LEFT_ALONE
            raise


class _Client(RedisCacheClient):
    def __init__(self, servers, **options):
        super().__init__(servers, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, **options)
        self._client = _Redis


class PatientRedisCache(RedisCache):
    def __init__(self, server, params):
        super().__init__(server, params)
        self._class = _Client
