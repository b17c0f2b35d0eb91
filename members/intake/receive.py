"""Taking a request in: every event judged, businesses written, registrations opened, and one answer for each item.

Everything happens in the caller's transaction, one request of a client after the other.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import OperationalError, connection
from django.db.models import Max, Q
from django.utils import timezone

from accounts import audit
from markets.imports import direct
from markets.imports.direct import Busy, Verdict
from markets.models import Business
from markets.rules import TAKEN
from members.intake import persons
from members.intake.items import BUSINESS, Item, Refusal, problem, read_item
from members.models import IntakeClient, IntakeEvent, IntakePerson
from orgs.kinds import Level
from orgs.places import Scope

__all__ = ["Busy", "client_lock", "receive"]
NAMES = {column: f"business.{name}" for name, column in BUSINESS.items()}
RECEIVED = "已收到"
HAND_OVERS = {  # by the verdict's word: code, what is said of what was taken
    direct.WAITS: ("hand_over", "已收到；所在地属于另一个区，已请对方接收（划转），对方同意以前所在地不变"),
    direct.NOT_AGREED: ("hand_over_not_agreed", "已收到；所在地属于另一个区，划转没有得到同意，所在地不变"),
}
ASKED_HERE = "该主体已由其他单位登记，已请对方划出（划转）；对方同意后请重新发送"
ASKED_THERE = "所在地不在这把密钥的登记范围内，已请对方接收（划转）；对方同意后由对方部门发送"
REPEATED = "本次请求前面已有同一编号的事项，以前一项为准；前一项没有收下的，请更正后只发一项。"
OLDER = "已收到；已有更新的事项或登记文件，内容没有写入"
RESULTS = {"new": "accepted", "changed": "updated", "unchanged": "unchanged"}
WAIT = "5s"
LOCK = 7_803  # pg_advisory_xact_lock(LOCK, client): its events come in, and are told of, one after the other


@dataclass
class Going:
    """An item that goes on, with the event that is known under its number."""

    at: int
    item: Item
    known: IntakeEvent | None
    is_same: bool = False
    verdict: Verdict | None = None


def client_lock(client: IntakeClient) -> datetime:
    """Waits for this client's other requests; the time from which this one counts. Raises Busy."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{WAIT}'")
        try:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, client.pk])
        except OperationalError as error:
            raise Busy from error
        cursor.execute("SET LOCAL lock_timeout = 0")
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def scope_of(client: IntakeClient) -> Scope:
    unit = client.organization
    if unit.level == Level.CITY:
        return Scope(everywhere=True)
    column = {Level.DISTRICT: "district_committee", Level.GUIDANCE_STATION: "guidance_station"}[Level(unit.level)]
    return Scope(units={column: frozenset({unit.pk})})


def receive(*, client: IntakeClient, raws: list[Any]) -> list[dict[str, Any]]:
    """The answer to each item, in order. Raises Busy where a file is being written just now."""
    now = client_lock(client)
    direct.lock()
    read = [read_item(raw) for raw in raws]
    answers: dict[int, dict[str, Any]] = {}
    taken = []
    for at, each in enumerate(_with_known(client, read)):
        if isinstance(each, Refusal):
            answers[at] = _refused(each)
        else:
            taken.append(each)
    scope = scope_of(client)
    units = _businesses(taken, scope, str(client))
    for each in [each for each in taken if each.verdict is None or each.verdict.business is None]:
        answers[each.at] = _refused(_refusal(each))
    taken = [each for each in taken if each.at not in answers]
    _keep_events(client, taken, now)
    opened = _persons(client, taken, now)
    for each in taken:
        answers[each.at] = _accepted(each, opened.get(each.at, []))
    found = [answers[at] for at in range(len(raws))]
    _note(client, taken, units, found)
    return found


def _with_known(client: IntakeClient, read: list[Item | Refusal]) -> list[Going | Refusal]:
    """Each item with the event of the same number; what cannot go on beside it is refused."""
    numbers = [each.event_id for each in read if isinstance(each, Item)]
    known = {event.event_id: event for event in IntakeEvent.objects.filter(client=client, event_id__in=numbers)}
    seen: set[str] = set()
    found: list[Going | Refusal] = []
    for at, item in enumerate(read):
        if isinstance(item, Refusal):
            found.append(item)
            seen.add(item.event_id)
            continue
        event = known.get(item.event_id)
        is_newer = event is None or item.occurred_at > event.occurred_at
        # Events of before 0009 have no digest: what was sent then cannot be told from what is sent now.
        is_same = event is not None and (bytes(event.digest) == item.digest or not (event.digest or is_newer))
        if item.event_id in seen:
            found.append(Refusal("repeated", REPEATED, item.event_id))
        elif not is_newer and not is_same:
            text = (
                "这个编号的事项已经收到过，内容不同而发生时间没有更新。更正时请写新的 occurred_at；别的事项请换编号。"
            )
            found.append(Refusal("stale", text, item.event_id))
        else:
            found.append(Going(at, item, event, is_same))
        seen.add(item.event_id)
    return found


def _businesses(taken: list[Going], scope: Scope, sender: str) -> list[int]:
    """A verdict on each item's business. What is older than another event of the same business writes nothing."""
    for each in taken:
        if each.is_same:
            each.verdict = Verdict("unchanged", each.known.business_id if each.known else None)
    going = sorted((each for each in taken if not each.is_same), key=lambda each: (each.item.occurred_at, each.at))
    known, latest, own = _latest(going, scope)
    rounds: dict[int, list[Going]] = defaultdict(list)  # one business may stand several times in a request
    count: Counter[int | str] = Counter()
    for each in going:
        business = known.get(each.item.uscc)
        if business in latest and each.item.occurred_at < latest[business]:
            errors = [] if business in own else [("business.uscc", TAKEN)]
            each.verdict = Verdict("unchanged", business if business in own else None, errors, is_older=True)
            continue
        name = business or each.item.uscc
        rounds[count[name] if name else 0].append(each)
        count[name] += 1
    units: set[int] = set()
    for _, together in sorted(rounds.items()):
        days = [timezone.localdate(each.item.occurred_at) for each in together]
        verdicts, moved = direct.take(
            [each.item.cells for each in together], days, scope=scope, names=NAMES, sender=sender
        )
        units.update(moved)
        for each, verdict in zip(together, verdicts, strict=True):
            each.verdict = verdict
    return sorted(units)


def _latest(going: list[Going], scope: Scope) -> tuple[dict[str, int], dict[int | None, datetime], set[int | None]]:
    """The businesses by either of their codes; when each had its latest event, whoever sent it; those in scope."""
    codes = {each.item.uscc for each in going} - {""}
    found = Business.objects.filter(Q(uscc__in=codes) | Q(legacy_registration_no__in=codes))
    known = {
        code: pk for *both, pk in found.values_list("uscc", "legacy_registration_no", "pk") for code in both if code
    }
    events = IntakeEvent.objects.filter(business__in=known.values()).values_list("business")
    latest = dict(events.annotate(at=Max("occurred_at")).order_by())
    own = Business.objects.filter(pk__in=latest)
    if not scope.everywhere:
        own = own.filter(**{f"{column}__in": ids for column, ids in scope.units.items()})
    return known, latest, set(own.values_list("pk", flat=True))


def _refusal(each: Going) -> Refusal:
    verdict = each.verdict
    assert verdict is not None
    is_elsewhere = any(reason == TAKEN for _, reason in verdict.errors)
    if verdict.hand_over == direct.WAITS:
        return Refusal("hand_over", f"{ASKED_HERE if is_elsewhere else ASKED_THERE}。", each.item.event_id)
    if is_elsewhere:
        return Refusal("registered_elsewhere", f"{TAKEN}。", each.item.event_id)
    if verdict.what == "out_of_scope":
        return Refusal(
            "out_of_scope", "所在地不在这把密钥的登记范围内，请核对所属区、街道或监管所。", each.item.event_id
        )
    errors = [problem(name, reason) for name, reason in verdict.errors]
    return Refusal("invalid", "字段有误，请按 errors 逐项更正后重发。", each.item.event_id, errors)


def _keep_events(client: IntakeClient, taken: list[Going], now: datetime) -> None:
    """New events, and corrections: those begin anew."""
    fresh: list[IntakeEvent] = []
    corrected: list[IntakeEvent] = []
    for each in taken:
        if each.is_same:
            continue
        assert each.verdict is not None and each.verdict.business is not None
        event = each.known or IntakeEvent(client=client, event_id=each.item.event_id)
        event.kind, event.occurred_at, event.digest = each.item.kind, each.item.occurred_at, each.item.digest
        event.received_at, event.completed_at, event.business_id = now, None, each.verdict.business
        (corrected if each.known else fresh).append(event)
        each.known = event
    IntakeEvent.objects.bulk_create(fresh)
    columns = ["kind", "occurred_at", "digest", "received_at", "completed_at", "business"]
    IntakeEvent.objects.bulk_update(corrected, columns)


def _persons(client: IntakeClient, taken: list[Going], now: datetime) -> dict[int, list[dict[str, str]]]:
    """What is answered for the persons of each item."""
    if not any(each.item.persons for each in taken):
        return {}
    notices = persons.published_notices()
    read = {each.at: persons.read_persons(each.item.persons, notices) for each in taken}
    persons.lock_persons(one for found in read.values() for one in found if isinstance(one, persons.Person))
    ids = {each.verdict.business for each in taken if each.verdict and read[each.at]}
    businesses = Business.objects.select_related("market").in_bulk([pk for pk in ids if pk])
    people = [
        (each, one, businesses[each.verdict.business])  # type: ignore[index, union-attr]  # who was taken has both
        for each in taken
        for one in read[each.at]
        if isinstance(one, persons.Person)
    ]
    opened = persons.take([persons.opening(one, client=client, business=business) for _, one, business in people])
    links = {
        (each.known.pk, one_taken.registration.pk): one.channel  # type: ignore[union-attr]
        for (each, one, _), one_taken in zip(people, opened, strict=True)
    }
    # Whether a consent is new says nothing of the person; with a new one the event waits again, and as long.
    again = {
        each.known.pk  # type: ignore[union-attr]
        for (each, *_), one_taken in zip(people, opened, strict=True)
        if each.is_same and (one_taken.is_opened or one_taken.is_joined)
    }
    IntakeEvent.objects.filter(pk__in=again).update(received_at=now, completed_at=None)
    IntakePerson.objects.bulk_create(
        (IntakePerson(event_id=pk, registration_id=other, consent_channel=how) for (pk, other), how in links.items()),
        ignore_conflicts=True,
    )
    return {
        at: [persons.RECEIVED if isinstance(one, persons.Person) else one for one in found]
        for at, found in read.items()
    }


def _refused(refusal: Refusal) -> dict[str, Any]:
    return {
        "event_id": refusal.event_id, "result": "refused", "code": refusal.code, "message": refusal.message,
        "errors": refusal.errors, "persons": [],
    }  # fmt: skip


def _accepted(each: Going, people: list[dict[str, str]]) -> dict[str, Any]:
    assert each.verdict is not None
    code, message = (
        ("older", OLDER) if each.verdict.is_older else HAND_OVERS.get(each.verdict.hand_over, ("", RECEIVED))
    )
    return {
        "event_id": each.item.event_id, "result": RESULTS[each.verdict.what], "code": code, "message": message,
        "errors": [], "persons": people,
    }  # fmt: skip


def _note(client: IntakeClient, taken: list[Going], units: list[int], answers: list[dict[str, Any]]) -> None:
    counts = Counter(answer["result"] for answer in answers)
    detail = {"client": client.pk, "department": client.source_department, "items": len(answers), **counts}
    events = [each.known for each in taken if each.known and not each.is_same]
    audit.record("members.intake.receive", by=None, subjects=events, units=units, detail=detail)
    written = [each.verdict.business for each in taken if each.verdict and each.verdict.what in ("new", "changed")]
    if written:
        audit.record(
            "markets.business.intake", by=None, subjects=[pk for pk in written if pk], subject_type="markets.business",
            units=units, detail={"client": client.pk, "rows": len(written)},
        )  # fmt: skip
