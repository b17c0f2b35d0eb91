"""One event as it was sent: what stands in it, and what is wrong with it. Nothing here touches the database."""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.crypto import blind_index
from markets import codes
from markets.imports import texts
from members.models import IntakeEvent
from tables.cells import clean, read

MAX_ITEMS = 1_000
MAX_PERSONS, MAX_PERSONS_TOGETHER = 20, 2_000  # of an item, of a request: all are locked at once
TEXT_LENGTH = 500
CLOCK = timedelta(minutes=5)
# The field of a business in the request → the column of the import that judges it.
BUSINESS = {
    "uscc": "code", "name": "name", "entity_type": "entity_type", "scale": "scale", "industry": "industry",
    "registered_on": "registered_on", "status": "status", "employees": "employees", "address": "address",
    "district": "district", "street": "street", "office": "office", "market": "market",
    "predecessor": "predecessor",
}  # fmt: skip
ITEM = ("event_id", "event_type", "occurred_at", "business", "persons")
_EVENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
Kind = IntakeEvent.Kind
# What the event itself says of the status, where the row does not.
STATUS = {Kind.DEREGISTER: "注销", Kind.REVOKE: "吊销", Kind.MOVE_OUT: "迁出"}


class BadBody(ValueError):
    """The request as a whole cannot be read."""


@dataclass
class Refusal:
    """Why an item was not taken."""

    code: str
    message: str
    event_id: str = ""
    errors: list[dict[str, str]] = field(default_factory=list)


@dataclass
class Item:
    event_id: str
    kind: str
    occurred_at: datetime
    cells: dict[str, str | None]  # by the import's columns
    persons: list[Any]
    digest: bytes

    @property
    def uscc(self) -> str:
        return codes.clean_code(clean(self.cells["code"]) or "")


def read_body(body: bytes) -> list[Any]:
    """The items of a request. Raises BadBody in words that say what to do."""
    try:
        text = body.decode()
        data = json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_constant)
        json.dumps(data, ensure_ascii=False).encode()  # half a character is no text
    except BadBody:
        raise
    except (ValueError, RecursionError) as error:
        raise BadBody("请求体不是合规的 JSON（UTF-8 编码），请检查。") from error
    if not isinstance(data, dict) or set(data) != {"items"} or not isinstance(data["items"], list):
        raise BadBody('请求体应为 {"items": […]}，没有别的字段。')
    if not 1 <= len(data["items"]) <= MAX_ITEMS:
        raise BadBody(f"items 应有 1 到 {MAX_ITEMS} 项，这里有 {len(data['items'])} 项；多的请分几次发送。")
    persons = [each["persons"] for each in data["items"] if isinstance(each, dict) and "persons" in each]
    if (people := sum(len(each) for each in persons if isinstance(each, list))) > MAX_PERSONS_TOGETHER:
        raise BadBody(f"一次最多 {MAX_PERSONS_TOGETHER} 人，这里有 {people} 人；多的请分几次发送。")
    return data["items"]


def _once_each(pairs: list[tuple[str, Any]]) -> dict:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadBody("请求体里有重复的字段名，分不清以哪个为准，请检查。")
    return found


def _no_constant(name: str):
    raise BadBody("请求体里有 NaN 或 Infinity，不是合规的 JSON，请检查。")


def read_item(raw: Any) -> Item | Refusal:
    if not isinstance(raw, dict):
        return Refusal("invalid", "每一项应为一个对象。")
    given = raw.get("event_id")
    event_id = given if isinstance(given, str) and _EVENT_ID.fullmatch(given) else ""
    errors = [*unknown_fields(raw, ITEM, ""), *_facts_errors(raw, event_id)]
    business: dict[str, Any] = {}
    if isinstance(raw.get("business"), dict):
        business = raw["business"]
        errors += [*unknown_fields(business, BUSINESS, "business."), *_text_errors(business)]
    else:
        errors.append(problem("business", "应为一个对象，写明经营主体"))
    persons = raw.get("persons", [])
    if not isinstance(persons, list) or len(persons) > MAX_PERSONS:
        errors.append(problem("persons", f"应为列表，最多 {MAX_PERSONS} 人；人数统计不要放在这里"))
    if not errors:
        errors = _status_errors(raw["event_type"], _text(business.get("status")))
    if errors:
        return Refusal("invalid", "字段有误，请按 errors 逐项更正后重发。", event_id, errors)
    cells = {column: _text(business.get(name)) for name, column in BUSINESS.items()}
    if not clean(cells["status"]):
        cells["status"] = STATUS.get(raw["event_type"], cells["status"])
    occurred_at = moment(raw["occurred_at"])
    assert occurred_at is not None  # told above
    return Item(event_id, raw["event_type"], occurred_at, cells, persons, _digest(raw))


def _facts_errors(raw: dict, event_id: str) -> list[dict[str, str]]:
    errors = []
    if not event_id:
        errors.append(problem("event_id", "应为 1 到 64 个字母、数字或 . _ : -，以字母或数字开头"))
    if raw.get("event_type") not in Kind.values:
        known = "、".join(f"{kind.value}（{kind.label}）" for kind in Kind)
        errors.append(problem("event_type", f"应为其中之一：{known}"))
    occurred_at = moment(raw.get("occurred_at"))
    if occurred_at is None:
        errors.append(problem("occurred_at", "应为带时区的时间，如 2026-11-25T09:30:00+08:00"))
    elif occurred_at > timezone.now() + CLOCK:
        errors.append(problem("occurred_at", "晚于现在，请核对"))
    return errors


def _text_errors(business: dict) -> list[dict[str, str]]:
    errors = []
    for name in BUSINESS:
        value = business.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, str | int)):
            errors.append(problem(f"business.{name}", "应为文字（从业人数可为整数）"))
        elif len(_text(value) or "") > TEXT_LENGTH:
            errors.append(problem(f"business.{name}", f"超过 {TEXT_LENGTH} 个字，请缩短"))
    return errors


def _status_errors(kind: str, said: str | None) -> list[dict[str, str]]:
    """An event that ends a registration, with a status that says something else: nobody knows which is meant."""
    meant = STATUS.get(Kind(kind))
    status = read(texts.status, said or "")[0]
    if meant is None or status is None or status == texts.status(meant):
        return []
    return [problem("business.status", f"与 event_type 说的{Kind(kind).label}不符，请核对；可以不写 status")]


def unknown_fields(given: dict, known, path: str) -> list[dict[str, str]]:
    """A misspelt name would lose its value in silence."""
    return [
        problem(f"{path}{shown(name)}"[:100], "不认识的字段，请去掉或核对拼写") for name in given if name not in known
    ]


def shown(name: str) -> str:
    """A field's name as it is answered, and kept with the answer: where a value stands in its place, not its digits."""
    return re.sub("[0-9]{4,}", "…", name)


def problem(where: str, message: str) -> dict[str, str]:
    return {"field": where, "message": message}


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value).replace("\0", "")


def moment(value: Any) -> datetime | None:
    """A time with its zone, or None. In UTC, because the database knows no zone beyond sixteen hours."""
    try:
        found = parse_datetime(value) if isinstance(value, str) and len(value) < 40 else None
        if found is None or found.utcoffset() is None:
            return None
        found = found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if found.year >= 1900 else None


def _digest(raw: dict) -> bytes:
    """Tells whether the same is sent again. Without the persons: their consents tell that, and nothing of them is kept."""
    facts = {name: value for name, value in raw.items() if name != "persons"}
    said = json.dumps(facts, ensure_ascii=False, sort_keys=True)
    return blind_index(said, kind="intake_event", key=settings.DIGEST_KEY)
