"""Who gets into the intake, and that a request sent twice is one."""

import hashlib
import hmac
import json
import threading
import time
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.limits import LIMITS, Limit, counter
from accounts.models import AuditEvent
from markets.imports import direct
from markets.models import Business
from members import limits
from members.models import IntakeClient, IntakeEvent
from members.services.intake_clients import OVERLAP, intake_client_revoke, intake_client_rotate
from tables.models import IdempotencyKey
from tables.traces import lock as import_lock
from tests import factories as make
from tests.at_once import at_once
from tests.members.intake_tools import FEEDBACK, POST, ask, headers, item, make_client, send

pytestmark = pytest.mark.django_db


# --- the signature ----------------------------------------------------------------------------------------------------


def test_the_signature_is_what_the_document_says(client, sender):
    """By hand, without our own functions."""
    body, stamp = json.dumps({"items": [item()]}).encode(), str(int(time.time()))
    text = f"POST\n{POST}\n{stamp}\nK-1\n{hashlib.sha256(body).hexdigest()}"
    signature = hmac.new(sender.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    sent = {
        "X-Intake-Key": sender.key_id, "X-Intake-Timestamp": stamp, "X-Intake-Signature": signature,
        "Idempotency-Key": "K-1",
    }  # fmt: skip
    assert client.post(POST, body, content_type="application/json", headers=sent).status_code == 200
    for name in sent:
        other = "1" if sent[name].startswith("2") else "2"
        changed = {**sent, name: other + sent[name][1:]}
        assert client.post(POST, body, content_type="application/json", headers=changed).status_code == 401, name
        left_out = {key: value for key, value in sent.items() if key != name}
        assert client.post(POST, body, content_type="application/json", headers=left_out).status_code == 401, name
    assert client.post(POST, body + b" ", content_type="application/json", headers=sent).status_code == 401
    assert client.post(POST + "?a=1", body, content_type="application/json", headers=sent).status_code == 401
    assert AuditEvent.objects.filter(act="members.intake.refuse", succeeded=False).count() == 10


def test_sm3_signs_too(client, city):
    sender = make_client(city.city, algorithm="sm3")
    assert send(client, sender, [item()]).status_code == 200
    sender.algorithm = "sha256"
    assert send(client, sender, [item()]).status_code == 401


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_request_of_another_time_is_refused(client, sender, minutes):
    response = send(client, sender, [item()], at=int(time.time()) + 60 * minutes)
    assert response.status_code == 401 and "时钟" in response.json()["detail"]


def test_an_unknown_key_a_wrong_signature_and_a_revoked_key_are_answered_alike(client, city, sender):
    revoked = make_client(city.city)
    intake_client_revoke(client=revoked, by=None)
    nobody = IntakeClient(key_id="IKNOBODY", secret="x")
    answers = [send(client, sender, [item()], secret="wrong"), send(client, nobody, []), send(client, revoked, [])]
    assert {(each.status_code, each.content) for each in answers} == {(401, answers[0].content)}
    assert all(each.headers["WWW-Authenticate"] == "Intake-Signature" for each in answers)


def test_two_secrets_overlap_while_one_is_changed(client, sender):
    former = sender.secret
    fresh = intake_client_rotate(client=sender, by=None)
    assert [send(client, sender, [item()], secret=one).status_code for one in (former, fresh)] == [200, 200]
    IntakeClient.objects.update(former_until=timezone.now() - timedelta(seconds=1))
    assert [send(client, sender, [item()], secret=one).status_code for one in (former, fresh)] == [401, 200]
    assert timedelta(days=1) < OVERLAP


def test_a_session_or_a_token_opens_nothing(client, city):
    client.force_login(make.make_user("registrar", city.city))
    assert client.post(POST, {}, content_type="application/json").status_code == 401
    assert client.get("/api/v1/intake/feedback").status_code == 401


def test_the_secret_is_not_in_the_database_in_clear(sender):
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM members_intakeclient")
        assert sender.secret.encode() not in bytes(cursor.fetchone()[0])


@pytest.mark.parametrize("name", ["X-Intake-Key", "X-Intake-Timestamp", "X-Intake-Signature", "Idempotency-Key"])
def test_a_header_that_no_database_takes_is_refused_like_any_other(client, sender, name):
    body = json.dumps({"items": [item()]}).encode()
    sent = headers(sender, method="POST", path=POST, body=body, key="k") | {name: "\0"}
    assert client.post(POST, body, content_type="application/json", headers=sent).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", POST), ("GET", POST), ("OPTIONS", POST), ("POST", FEEDBACK), ("OPTIONS", FEEDBACK)]
)
def test_another_method_is_told_and_written_down(client, sender, method, path):
    answer = client.generic(method, path, headers=headers(sender, method=method, path=path))
    told = answer.json()
    assert (answer.status_code, told["code"]) == (405, "bad_method") and "只接受" in told["detail"]
    event = AuditEvent.objects.get(act="members.intake.refuse")
    assert event.detail == {"code": "bad_method", "client": sender.pk} and not event.succeeded


def test_the_answer_is_json_whatever_is_asked_for(client, sender):
    signed = headers(sender, method="GET", path=FEEDBACK)
    answer = client.get(FEEDBACK, headers=signed | {"Accept": "application/xml"})
    assert answer.status_code == 200 and answer.json()["events"] == []
    assert ask(client, sender, "?format=xml").json()["code"] == "bad_parameter"


def test_too_many_requests_are_told_to_wait(client, sender, monkeypatch):
    monkeypatch.setitem(LIMITS, "intake_client", Limit(1, ""))
    cache.delete(counter("intake_client", sender.pk))
    monkeypatch.setattr(limits, "may_send", lambda address: True)
    answers = [send(client, sender, [item()]) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 429] and answers[1].headers["Retry-After"] == "600"


# --- the body ---------------------------------------------------------------------------------------------------------

BODIES = [
    b" ", b"{", b"[]", b"{}", b'{"items": []}', b'{"items": 3}', b'{"items": [{}], "more": 1}',
    b'{"items": [{"event_id": "1", "event_id": "2"}]}', b'{"items": [NaN]}', b'{"items": ["\\ud800"]}', b"\xff",
    b'{"items": [' + b"[" * 5_000 + b"]" * 5_000 + b"]}", b'{"items": [' + b"1" * 5_000 + b"]}",
    json.dumps({"items": [{}] * 1_001}).encode(),
    json.dumps({"items": [{"persons": [1] * 20}] * 100 + [{"persons": [1]}]}).encode(),
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:30]))
def test_a_body_that_cannot_be_read_is_refused_as_a_whole(client, sender, body):
    response = send(client, sender, body=body)
    assert response.status_code == 400 and response.json()["code"] == "bad_body", response.content
    assert not IdempotencyKey.objects.exists()


def test_limits_of_a_request(client, sender):
    assert send(client, sender, body=b" " * (4 * 1024 * 1024 + 1)).json()["code"] == "too_large"
    body = json.dumps({"items": [item()]}).encode()
    plain = headers(sender, method="POST", path=POST, body=body, key="k")
    assert client.post(POST, body, content_type="text/plain", headers=plain).status_code == 415
    unkeyed = headers(sender, method="POST", path=POST, body=body)
    assert client.post(POST, body, content_type="application/json", headers=unkeyed).json()["code"] == "no_key"


# --- once ---------------------------------------------------------------------------------------------------------------


def test_the_same_key_gets_the_same_bytes_and_another_body_is_refused(client, sender):
    items = [item(), item(event_type="x")]
    first, second = (send(client, sender, items, key="k") for _ in range(2))
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert AuditEvent.objects.filter(act="members.intake.receive").count() == 1
    plain = hashlib.sha256(json.dumps({"items": items}, ensure_ascii=False).encode()).hexdigest()
    assert IdempotencyKey.objects.get().body_digest != plain  # which could be tried out
    other = send(client, sender, [item()], key="k")
    assert (other.status_code, other.json()["code"]) == (422, "other_body")
    assert Business.objects.count() == 1


def test_keys_of_two_clients_are_two_keys(client, city, sender):
    items = [item()]
    assert send(client, sender, items, key="k").json()["results"][0]["result"] == "accepted"
    assert send(client, make_client(city.city), items, key="k").json()["results"][0]["result"] == "unchanged"


@pytest.mark.django_db(transaction=True)
def test_the_same_request_twice_at_once_has_one_effect(sender):
    items = [item() for _ in range(50)]
    got = at_once(*[lambda: send(Client(), sender, items, key="k")] * 2)
    codes = sorted(each.status_code for each in got)
    assert codes in ([200, 409], [200, 200]) and Business.objects.count() == IntakeEvent.objects.count() == 50
    assert all(each.headers["Retry-After"] for each in got if each.status_code == 409)
    assert send(Client(), sender, items, key="k").content in [each.content for each in got if each.status_code == 200]


@pytest.mark.django_db(transaction=True)
def test_two_requests_about_the_same_businesses_at_once_lose_nothing(city, sender):
    other = make_client(city.city)
    items = [item() for _ in range(50)]
    got = at_once(lambda: send(Client(), sender, items), lambda: send(Client(), other, items[::-1]))
    assert [each.status_code for each in got] == [200, 200]
    assert Business.objects.count() == 50 and IntakeEvent.objects.count() == 100


@pytest.mark.django_db(transaction=True)
def test_while_a_file_is_being_written_the_sender_is_asked_to_wait(client, sender, monkeypatch):
    monkeypatch.setattr(direct, "TRIES", 1)
    held, done = threading.Event(), threading.Event()

    def importing():
        with transaction.atomic():
            import_lock(lambda: None)
            held.set()
            done.wait(20)
        connection.close()

    thread = threading.Thread(target=importing)
    thread.start()
    assert held.wait(10)
    response = send(client, sender, [item()], key="k")
    done.set()
    thread.join()
    assert response.status_code == 503 and response.headers["Retry-After"] == "60"
    assert send(client, sender, [item()], key="k").status_code == 200


def test_feedback_refuses_what_it_does_not_know(client, sender):
    for query in ("?sinse=1", "?since=2026-11-01", "?after=x", "?after=1_2_3", "?since=1e9", "?after=0_0&after=0_0"):
        response = ask(client, sender, query)
        assert (response.status_code, response.json()["code"]) == (400, "bad_parameter"), query
    for query in ("?since=2026-11-01T00:00:00%2B08:00&after=9999999999999999_1", "?since=&until=&after="):
        assert ask(client, sender, query).status_code == 200, query
    assert ask(client, sender, "?since=2026-11-01T00:00:00%2B23:59").status_code == 200


# --- what nobody foresaw ------------------------------------------------------------------------------------------------


def test_an_error_of_ours_is_answered_in_json_and_audited_without_what_was_sent(client, sender, monkeypatch, caplog):
    def fails(**_):
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s::int", [chr(0x738B) + "小明"])  # the source line of a traceback is no leak

    with monkeypatch.context() as broken:
        broken.setattr("members.intake.receive.receive", fails)
        response = send(client, sender, [item()], key="k")
    answer = response.json()
    assert response.status_code == 500 and response["Content-Type"] == "application/json"
    assert set(answer) == {"detail", "code"} and answer["code"] == "broken"
    event = AuditEvent.objects.get(act="members.intake.refuse")
    assert not event.succeeded and event.detail["client"] == sender.pk and event.detail["reference"] in answer["detail"]
    assert event.detail["reference"] in caplog.text and "receive" in caplog.text
    assert "王小明" not in f"{answer}{event.detail}{caplog.text}"
    assert send(client, sender, [item()], key="k").status_code == 200  # the key was not used up


def test_an_error_of_the_feedback_is_answered_alike(client, sender, monkeypatch):
    def fails(*_, **__):
        raise ValueError("王小明")

    monkeypatch.setattr("members.intake.feedback.page", fails)
    response = ask(client, sender)
    assert (response.status_code, response.json()["code"]) == (500, "broken")
    assert AuditEvent.objects.filter(act="members.intake.refuse", succeeded=False, detail__code="broken").count() == 1
