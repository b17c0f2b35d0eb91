"""The intake as its server runs it: bodies too large or in pieces, the same key after a restart, the documented example."""

import contextlib
import http.client
import json
import threading
import time
import uuid

import pytest

from markets.models import Business
from members.models import IntakeEvent, Registration
from tables.models import IdempotencyKey
from tests import factories as make
from tests.members import make as people
from tests.members.intake_tools import POST, headers, item, make_client, person
from tests.served import HOST, Server

pytestmark = pytest.mark.django_db(transaction=True)
MB = 1024 * 1024


class IntakeServer(Server):
    def send(self, client, body, *, key: str = "", chunked: bool = False, sized: bytes | None = None):
        """Status and answer. `body` may be an iterator of pieces; the signature is of `sized`, or of the body."""
        signed = headers(
            client, method="POST", path=POST, body=body if sized is None else sized, key=key or str(uuid.uuid4())
        )
        link = http.client.HTTPConnection(HOST, self.port, timeout=60)
        try:
            all_headers = signed | {"Content-Type": "application/json"}
            link.request("POST", POST, body, all_headers, encode_chunked=chunked)
            answer = link.getresponse()
            return answer.status, answer.read()
        finally:
            link.close()


@pytest.fixture
def server():
    running = IntakeServer()
    running.start()
    yield running
    running.kill()


@pytest.fixture
def sender(transactional_db):
    return make_client(make.make_city().city)


def body_of(*items) -> bytes:
    return json.dumps({"items": list(items)}, ensure_ascii=False).encode()


def test_bodies_of_every_size_and_shape_are_answered(server, sender):
    whole = body_of(item())
    assert server.send(sender, whole)[0] == 200
    in_pieces = body_of(item())
    pieces = iter([in_pieces[:7], in_pieces[7:]])
    status, answer = server.send(sender, pieces, chunked=True, sized=in_pieces)
    assert (status, json.loads(answer)["results"][0]["result"]) == (200, "accepted")
    for size in (4 * MB + 1, 9 * MB, 40 * MB):
        for pieces, chunked in ((b" " * size, False), (iter([b" " * MB] * (size // MB) + [b" "]), True)):
            status, answer = server.send(sender, pieces, chunked=chunked, sized=b"")
            assert (status, json.loads(answer)["code"]) == (413, "too_large"), (size, chunked)
    assert server.send(sender, whole)[0] == 200
    assert IntakeEvent.objects.count() == 2


def test_the_same_key_after_a_kill_and_a_restart_gets_the_same_bytes(server, sender):
    body = body_of(item(), item(event_type="x"), 3)
    first = server.send(sender, body, key="k")
    server.kill()
    server.start()
    assert server.send(sender, body, key="k") == first and first[0] == 200
    status, answer = server.send(sender, body_of(item()), key="k")
    assert (status, json.loads(answer)["code"]) == (422, "other_body")
    assert IntakeEvent.objects.count() == IdempotencyKey.objects.count() == 1


@pytest.mark.parametrize("moment", [0.1, 0.3, 0.7])
def test_killed_at_any_moment_the_request_is_sent_again_and_nothing_is_there_twice(server, sender, moment):
    people.notice()
    body = body_of(*[item(persons=[person()]) for _ in range(60)])
    link = threading.Thread(target=cut_off, args=(server, sender, body))
    link.start()
    time.sleep(moment)
    server.kill()
    link.join()
    assert (IntakeEvent.objects.count(), Registration.objects.count()) in ((0, 0), (60, 60))  # whole or absent
    server.start()
    status, answer = server.send(sender, body, key="k")
    assert status == 200 and {one["result"] for one in json.loads(answer)["results"]} == {"accepted"}
    assert IntakeEvent.objects.count() == Business.objects.count() == Registration.objects.count() == 60


def cut_off(server, sender, body: bytes) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        server.send(sender, body, key="k")
