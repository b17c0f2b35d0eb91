"""A client of the intake, and requests as it signs them."""

import itertools
import json
import time
import uuid
from datetime import timedelta

from django.utils import timezone

from markets import codes
from members.intake.signature import sign, signed_text
from members.models import IntakeClient
from members.services.intake_clients import intake_client_issue
from tests.members import make as people

POST, FEEDBACK = "/api/v1/intake/registrations", "/api/v1/intake/feedback"
_numbers = itertools.count(1)


def make_client(unit, **more) -> IntakeClient:
    known = {"name": "商事登记系统", "source_department": "market_supervision", **more}
    client = IntakeClient(organization=unit, **known)
    intake_client_issue(client=client, by=None)
    return client


def headers(
    client, *, method: str, path: str, body: bytes = b"", key: str = "", at: int | None = None, secret=""
) -> dict:
    stamp = str(int(time.time()) if at is None else at)
    text = signed_text(
        method=method, path=path, timestamp=stamp, idempotency_key=key, body=body, algorithm=client.algorithm
    )
    signature = sign(secret or client.secret, text, client.algorithm)
    found = {"X-Intake-Key": client.key_id, "X-Intake-Timestamp": stamp, "X-Intake-Signature": signature}
    return found | ({"Idempotency-Key": key} if key else {})


def send(web, client, items=None, *, key: str = "", body: bytes | None = None, **more):
    """POST these items; a key of its own unless one is given."""
    body = json.dumps({"items": items}, ensure_ascii=False).encode() if body is None else body
    key = key or str(uuid.uuid4())
    signed = headers(client, method="POST", path=POST, body=body, key=key, **more)
    return web.post(POST, body, content_type="application/json", headers=signed)


def results(web, client, *items) -> list[dict]:
    response = send(web, client, list(items))
    assert response.status_code == 200, response.content.decode()
    return response.json()["results"]


def ask(web, client, query: str = "", **more):
    path = FEEDBACK + query
    return web.get(path, headers=headers(client, method="GET", path=path, **more))


def uscc() -> str:
    body = f"91440300{next(_numbers):09d}"
    return body + codes.check_digit(body)


def item(**more) -> dict:
    """An event that is taken; `business` and `persons` may be given."""
    number = next(_numbers)
    business = {
        "uscc": uscc(),
        "name": f"第{number}科技有限公司",
        "entity_type": "有限责任公司",
        "office": "粤海监管所",
    }
    return {
        "event_id": f"E{number}",
        "event_type": "establish",
        "occurred_at": hours_ago(2),
        **more,
        "business": business | more.get("business", {}),
    }


def hours_ago(hours: float) -> str:
    return timezone.localtime(timezone.now() - timedelta(hours=hours)).isoformat()


def person(notice=None, **more) -> dict:
    version = (notice or people.notice()).version
    consent = {
        "notice_version": version,
        "given_at": timezone.localtime(timezone.now()).isoformat(),
        "channel": "window",
        "items": ["membership", "home_verify", "id_number"],
    }
    return {
        "name": "张三丰",
        "phone": people.phone(),
        "standing": "full",
        "role": "legal_representative",
        "consent_ref": consent | more.pop("consent_ref", {}),
        **more,
    }
