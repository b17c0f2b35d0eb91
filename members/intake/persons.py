"""Persons of an event: each opens a registration by the own consent, or leaves no trace.

One consent opens one registration, for good (members/services/agreed.py): whoever withdrew is not brought back by a
later event, or a file, that carries the same consent. What is answered is the same whether a number was known or not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts import audit
from markets.models import Business
from members import identity
from members.errors import ConsentMissing, Refused
from members.identity import IdentityError
from members.intake.items import CLOCK, moment, shown
from members.models import Consent, IntakeClient, Member, Notice, Registration
from members.services.agreed import Agreement
from members.services.due import OLD_WORDS
from members.services.leads import Opening, Taken, registrations_take
from members.services.submit import NEEDED, Answers, Origin, lock_keys

FIELDS = ("name", "phone", "id_number", "standing", "role", "home_place", "home_branch", "consent_ref")
CONSENT = ("notice_version", "given_at", "channel", "items")
LIMITS = {"name": 50, "phone": 30, "id_number": 30, "home_place": 60, "home_branch": 100}
ROLES = {
    "legal_representative": "法定代表人", "operator": "经营者", "partner": "合伙人或投资人", "manager": "管理人员",
    "employee": "从业人员",
}  # fmt: skip
CHANNELS = {"window": "办事窗口", "online": "网上办理", "kiosk": "自助终端", "mobile": "手机办理"}
STANDINGS = (Member.Standing.FULL, Member.Standing.PROBATIONARY)
NO_CONSENT = "缺少本人同意凭证"
RECEIVED = {"result": "received", "message": "已收到"}


@dataclass(frozen=True)
class Person:
    answers: Answers
    role: str
    notice: Notice
    given_at: datetime
    channel: str
    items: frozenset[str]

    @property
    def indexes(self) -> list[bytes]:
        """What two forms about the same person would wait for (services/submit.py)."""
        found = [identity.phone_index(self.answers.phone)]
        return found + ([identity.id_number_index(self.answers.id_number)] if self.answers.id_number else [])


def published_notices() -> dict[str, Notice]:
    published = Notice.objects.with_superseded().filter(published_at__lte=timezone.now())
    return {notice.version: notice for notice in published}


def read_person(raw: Any, notices: dict[str, Notice]) -> Person:
    """Raises ConsentMissing, Refused, IdentityError."""
    if not isinstance(raw, dict):
        raise Refused("每个人应为一个对象。")
    notice, given_at, channel, items = _consent(raw.get("consent_ref"), notices)
    if unknown := [name for name in raw if name not in FIELDS]:
        raise Refused(f"不认识的字段：{'、'.join(map(shown, unknown))[:100]}。")
    texts = {name: _text(raw, name, limit) for name, limit in LIMITS.items()}
    if raw.get("standing") not in STANDINGS:
        raise Refused("standing 应为 full（正式党员）或 probationary（预备党员），以本人所说为准。")
    if raw.get("role") not in list(ROLES):  # what is no text is in no dict either, but fails to ask one
        raise Refused(f"role 应为其中之一：{'、'.join(f'{code}（{label}）' for code, label in ROLES.items())}。")
    if not identity.clean_name(texts["name"]):
        raise Refused("请填写姓名。")
    texts["phone"] = identity.check_phone(texts["phone"])
    if texts["id_number"]:
        texts["id_number"] = identity.check_id(texts["id_number"])
        if Consent.Item.ID_NUMBER not in items:
            raise ConsentMissing(f"{NO_CONSENT}：本人没有同意提供身份号码，请去掉 id_number。")
    answers = Answers(**texts, standing=raw["standing"], home_unknown=not texts["home_branch"])
    return Person(answers, ROLES[raw["role"]], notice, given_at, channel, frozenset(items))


def _text(raw: dict, name: str, limit: int) -> str:
    value = raw.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > limit or "\0" in value:
        raise Refused(f"{name} 应为文字，最多 {limit} 个字。")
    return value.strip()


def _consent(ref: Any, notices: dict[str, Notice]) -> tuple[Notice, datetime, str, set[str]]:
    """The person's own agreement: to a published notice, after it was published and not in the future."""
    if not isinstance(ref, dict) or set(ref) != set(CONSENT):
        raise ConsentMissing(f"{NO_CONSENT}：consent_ref 应写明 {'、'.join(CONSENT)}。")
    version, items, channel = ref["notice_version"], ref["items"], ref["channel"]
    notice = notices.get(version) if isinstance(version, str) else None
    if notice is None:
        raise ConsentMissing(f"{NO_CONSENT}：没有这一版已发布的告知书。")
    if notice.is_superseded:
        raise ConsentMissing(f"{NO_CONSENT}：{OLD_WORDS}。")
    given_at = moment(ref["given_at"])
    assert notice.published_at is not None
    if given_at is None or not notice.published_at <= given_at <= timezone.now() + CLOCK:
        raise ConsentMissing(f"{NO_CONSENT}：同意时间应带时区，在这一版告知书发布之后，不晚于现在。")
    if not isinstance(channel, str) or channel not in CHANNELS:
        raise ConsentMissing(f"{NO_CONSENT}：channel 应为其中之一：{'、'.join(CHANNELS)}。")
    known = [Consent.Item.MEMBERSHIP, Consent.Item.ID_NUMBER, Consent.Item.HOME_VERIFY]
    if not isinstance(items, list) or not all(isinstance(item, str) and item in known for item in items):
        raise ConsentMissing(f"{NO_CONSENT}：items 只能是 {'、'.join(known)}，逐项由本人勾选。")
    if not set(items).issuperset(NEEDED):
        raise ConsentMissing(f"{NO_CONSENT}：本人没有同意登记党员身份并向组织关系所在党组织核实。")
    return notice, given_at, CHANNELS[channel], set(items)


def read_persons(raws: Iterable[Any], notices: dict[str, Notice]) -> list[Person | dict[str, str]]:
    """Each person, or the refusal that is answered in its place."""
    found: list[Person | dict[str, str]] = []
    for raw in raws:
        try:
            found.append(read_person(raw, notices))
        except (Refused, IdentityError) as error:
            found.append(refusal(error))
    return found


def refusal(error: Exception) -> dict[str, str]:
    code = "consent_missing" if isinstance(error, ConsentMissing) else "invalid"
    return {"result": "refused", "code": code, "message": str(error)}


def lock_persons(persons: Iterable[Person]) -> None:
    """All at once and in one order: public forms, which lock one person each, can never wait in a ring with us."""
    lock_keys(*(index for person in persons for index in person.indexes))


def opening(person: Person, *, client: IntakeClient, business: Business) -> Opening:
    answers = replace(person.answers, workplace=f"{business.name[:180]}（{person.role}）")
    agreement = Agreement(person.answers.phone, person.notice.version, person.given_at)
    origin = Origin(
        channel=Registration.Channel.INTAKE,
        confirmation=Registration.Confirmation.REFERENCE,
        business=business,
        agreement=agreement,
        reference=f"{person.channel}，{client}"[:60],
    )
    return Opening(answers, person.items, person.notice, origin, agreement)


def take(openings: Sequence[Opening]) -> list[Taken]:
    """The registration that each consent opened or joined."""
    taken = registrations_take(openings)
    for act, rows in (
        ("members.registration.submit", [each.registration for each in taken if each.is_opened]),
        ("members.registration.join", [each.registration for each in taken if each.is_joined]),
    ):
        if rows:
            _note(act, rows)
    return taken


def _note(act: str, rows: Sequence[Registration]) -> None:
    units = {unit for row in rows for unit in (row.guidance_station_id, row.district_committee_id)}
    detail = {
        "channel": Registration.Channel.INTAKE, "confirmation": Registration.Confirmation.REFERENCE, "rows": len(rows),
    }  # fmt: skip
    audit.record(act, by=None, subjects=rows, units=units, detail=detail)
