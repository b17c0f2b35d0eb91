"""The interface keeps its own OpenAPI schema, whatever is made from it; and a signature is good for one request alone."""

import json
import time
from datetime import timedelta

import pytest
import requests
import schemathesis
from django.core.cache import cache
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from members.models import IntakeClient, IntakeEvent
from members.services.intake_clients import intake_client_rotate
from tests import factories as make
from tests.members import make as people
from tests.members.intake_tools import FEEDBACK, POST, headers, item, make_client

pytestmark = pytest.mark.django_db
SCHEMA = schemathesis.openapi.from_dict(
    json.loads(json.dumps(SchemaGenerator().get_schema(request=None, public=True), default=str))
)
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
FEW = settings(
    max_examples=25, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.fixture
def sender():
    people.notice()
    return make_client(make.make_city().city)


def keeps_its_schema(case, answer) -> None:
    request = requests.Request(case.method, f"http://testserver{case.formatted_path}").prepare()
    known = {name.lower(): [value] for name, value in answer.headers.items()}
    case.validate_response(Response(answer.status_code, known, answer.content, request, 0.1, False), checks=CHECKS)


@given(case=SCHEMA[POST]["POST"].as_strategy())
@FEW
def test_whatever_the_schema_lets_one_send(client, sender, case):
    cache.clear()
    body = json.dumps(case.body).encode()
    key = f"k{time.monotonic_ns()}"
    signed = headers(sender, method="POST", path=POST, body=body, key=key)
    answer = client.post(POST, body, content_type="application/json", headers=signed)
    assert answer.status_code in (200, 400), answer.content
    keeps_its_schema(case, answer)


@given(case=SCHEMA[FEEDBACK]["GET"].as_strategy())
@FEW
def test_whatever_one_asks_for(client, sender, case):
    cache.clear()
    request = client.get(FEEDBACK, case.query or {}).wsgi_request  # how the address is written
    path = request.get_full_path()
    answer = client.get(path, headers=headers(sender, method="GET", path=path))
    assert answer.status_code in (200, 400), answer.content
    keeps_its_schema(case, answer)


@given(case=SCHEMA[POST]["POST"].as_strategy())
@FEW
def test_unsigned_nothing_is_told(client, sender, case):
    cache.clear()
    plain = {name: value for name, value in (case.headers or {}).items() if name.isascii() and value.isprintable()}
    answer = client.post(POST, json.dumps(case.body).encode(), content_type="application/json", headers=plain)
    assert answer.status_code == 401 and not IntakeEvent.objects.exists()
    keeps_its_schema(case, answer)


# --- the signature ----------------------------------------------------------------------------------------------------


def test_a_request_that_is_caught_and_sent_again_does_nothing_more(client, sender):
    body = json.dumps({"items": [item()]}).encode()
    signed = headers(sender, method="POST", path=POST, body=body, key="k")

    def again():
        return client.post(POST, body, content_type="application/json", headers=signed)

    first, second = again(), again()
    assert (first.status_code, first.content) == (200, second.content) and IntakeEvent.objects.count() == 1
    late = headers(sender, method="POST", path=POST, body=body, key="k", at=int(time.time()) - 301)
    assert client.post(POST, body, content_type="application/json", headers=late).status_code == 401


@pytest.mark.parametrize("seconds", [-298, 298])
def test_clocks_may_stand_apart_by_five_minutes(client, sender, seconds):
    body = json.dumps({"items": [item()]}).encode()
    signed = headers(sender, method="POST", path=POST, body=body, key="k", at=int(time.time()) + seconds)
    assert client.post(POST, body, content_type="application/json", headers=signed).status_code == 200


def test_what_is_not_as_it_was_signed_is_refused(client, sender):
    other = make_client(IntakeClient.objects.get().organization)
    content = {"items": [item(business={"name": "示例科技有限公司"})]}
    body = json.dumps(content, ensure_ascii=False).encode()
    signed = headers(sender, method="POST", path=POST, body=body, key="k")
    encoded_anew = [json.dumps(content).encode(), json.dumps(content, indent=1, ensure_ascii=False).encode()]
    tries = [(each, signed) for each in (*encoded_anew, body + b"\n", b"")]
    tries += [(body, signed | {"X-Intake-Key": other.key_id}), (body, signed | {"Idempotency-Key": "K"})]
    tries += [(body, signed | {"X-Intake-Signature": signed["X-Intake-Signature"][:-1] + "g"})]
    tries += [(body, signed | {"X-Intake-Signature": "签名"}), (body, signed | {"X-Intake-Timestamp": "１７"})]
    for sent, said in tries:
        said = {name: value.encode().decode("latin-1") for name, value in said.items()}
        assert client.post(POST, sent, content_type="application/json", headers=said).status_code == 401, said
    assert not IntakeEvent.objects.exists()


def test_a_secret_that_ran_out_signs_nothing(client, sender):
    former = IntakeClient.objects.get()
    intake_client_rotate(client=sender, by=None)
    IntakeClient.objects.update(former_until=timezone.now() - timedelta(seconds=1))
    signed = headers(former, method="GET", path=FEEDBACK)
    assert client.get(FEEDBACK, headers=signed).status_code == 401
