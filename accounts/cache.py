"""The cache in Redis. Where the server stalls, one request in some seconds waits for it: a page asks a dozen times, and each
time would wait anew. A server that refuses is asked each time, for that costs nothing. And the answer of a page that cannot
be made without it."""

import logging
import time

import redis
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
PATIENCE = 1.0  # seconds for an answer
LEFT_ALONE = 5.0  # seconds without a question to a server that gave none
API = "/api/"
TOLD = "系统的一项后台服务暂时没有应答，这次没有办理。请过一两分钟再试。"


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


class AwayMiddleware:
    """What needs Redis and has it not is told so, to be tried again: 503, and nothing of it was done."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, RedisError):
            return None
        logger.error("no answer from Redis: %s", type(error).__name__)
        if request.path.startswith(API):
            answer: HttpResponse = JsonResponse({"detail": TOLD}, status=503, json_dumps_params={"ensure_ascii": False})
        else:
            answer = render(request, "503.html", {"told": TOLD}, status=503)
        answer["Retry-After"] = "60"
        return answer
