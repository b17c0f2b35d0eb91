"""Redis that stalls, refuses or is away, a disk without room: nobody waits long, nothing is half done, and what needs it says
so in Chinese."""

import socket
import time

import pytest
from django.core.cache import cache
from django.db import InterfaceError, OperationalError
from psycopg2.errors import DiskFull
from redis.exceptions import ConnectionError, RedisError, TimeoutError

from accounts.cache import PATIENCE, PatientRedisCache, _Redis

pytestmark = pytest.mark.django_db


@pytest.fixture
def away(monkeypatch):
    def refused(self, *args, **options):
        raise ConnectionError("refused")

    monkeypatch.setattr(_Redis, "execute_command", refused)


def test_a_server_that_stalls_is_waited_for_once(monkeypatch):
    monkeypatch.setattr(_Redis, "silent_until", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as stalled:
        stalling = PatientRedisCache(f"redis://127.0.0.1:{stalled.getsockname()[1]}/0", {})
        began = time.monotonic()
        for _ in range(10):
            with pytest.raises(TimeoutError):
                stalling.get("anything")
        assert time.monotonic() - began < 2 * PATIENCE


def test_ready_says_what_is_away(client, away):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (503, {"ok": False, "away": "redis"})


def no_room():
    error = OperationalError("could not extend file")
    error.__cause__ = DiskFull()
    return error


@pytest.mark.parametrize("path", ["/notice/", "/api/v1/organizations/"])
@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (RedisError("away"), 503, "请过一两分钟再试"),
        (no_room(), 507, "磁盘空间不够"),
        (OSError(28, "x"), 507, "磁盘空间不够"),
        (OperationalError("connection to server failed"), 503, "数据库暂时没有应答"),
        (InterfaceError("connection already closed"), 503, "数据库暂时没有应答"),
    ],
)
def test_what_cannot_be_done_now_asks_in_chinese_to_come_again(client, path, error, status, says, monkeypatch):
    def needs_it(*args, **kwargs):
        raise error

    monkeypatch.setattr("django.core.handlers.base.BaseHandler.resolve_request", lambda *_: (needs_it, (), {}))
    client.raise_request_exception = False
    answer = client.get(path)
    assert answer.status_code == status and answer["Retry-After"] == "60"
    told = answer.json()["detail"] if path.startswith("/api/") else answer.content.decode()
    assert says in told


def test_the_cache_is_the_patient_one():
    assert cache._class is PatientRedisCache("redis://127.0.0.1:1/0", {})._class
