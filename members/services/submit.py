"""Opening a registration. The same form gives the same receipt; a known number gives nothing away."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts import audit, wall
from markets.models import Business
from members import identity
from members.errors import ConsentMissing, Refused
from members.models import Consent, Draft, Member, Notice, Poster, Receipt, Registration
from members.services.agreed import Agreement, receipts_of
from orgs.models import Organization

NEEDED = (Consent.Item.MEMBERSHIP, Consent.Item.HOME_VERIFY)
Channel, Confirmation = Registration.Channel, Registration.Confirmation
# How each channel proves that the person agreed. Anything else is refused.
PROOFS: dict[str, set[str]] = {
    Channel.POSTER: {Confirmation.SELF},
    Channel.INVITATION: {Confirmation.SELF},
    Channel.COUNTER: {Confirmation.SMS, Confirmation.TAP},
    Channel.INTAKE: {Confirmation.REFERENCE},
}
LOCK, LOCKS = 7_804, 2_048  # pg_advisory_xact_lock(LOCK, one of LOCKS)
NO_PROOF = "缺少本人同意凭证，不能登记：请由本人扫码确认，或填写发到本人手机的确认码。"


@dataclass(frozen=True)
class Answers:
    """What the person said. The identity number is kept only with its own consent."""

    name: str
    phone: str
    standing: str = Member.Standing.FULL
    sex: str = Member.Sex.UNKNOWN
    id_number: str = ""
    occupation: str = ""
    workplace: str = ""
    home_place: str = ""
    home_branch: str = ""
    home_unknown: bool = False


@dataclass(frozen=True)
class Origin:
    """Where the form came from: a poster, a guidance station's counter, or an event about a business."""

    channel: str = Channel.POSTER
    confirmation: str = Confirmation.SELF
    poster: Poster | None = None
    guidance_station: Organization | None = None
    business: Business | None = None
    market_id: int | None = None  # where neither poster nor business says it
    agreement: Agreement | None = None  # given elsewhere and told to us
    reference: str = ""  # where that stands
    sent_at: datetime | None = None  # by the person; it may be taken later (members/inbox.py)

    @property
    def is_proven(self) -> bool:
        is_told = self.confirmation == Confirmation.REFERENCE
        return self.confirmation in PROOFS.get(self.channel, set()) and is_told == (self.agreement is not None)

    def columns(self) -> dict:
        market = self.poster.market if self.poster else self.business.market if self.business else None
        own = self.poster.organization if self.poster else self.guidance_station
        unit = self.business or market or own
        if unit is None:
            raise Refused("没有说明在哪里报到，请重新扫码。")
        return {
            "channel": self.channel,
            "confirmation": self.confirmation,
            "poster": self.poster,
            "market_id": market.pk if market else self.market_id,
            "workplace_business": self.business,
            "guidance_station_id": unit.guidance_station_id,
            "district_committee_id": unit.district_committee_id,
        }


def lock_keys(*texts: bytes | memoryview | None) -> None:
    """Transaction-long advisory locks on these indexes, in one order, so that two forms never wait in a ring.

    Many people share a lock: a request about thousands of them must not fill the database's table of locks.
    """
    keys = sorted({int.from_bytes(text[:8], "big") % LOCKS for text in texts if text})
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, key) FROM unnest(%s::int[]) key", [LOCK, keys])


def lock_everybody() -> None:
    """The locks of whatever people, in the same order: for a file of very many."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, key) FROM generate_series(0, %s) key", [LOCK, LOCKS - 1])


@wall.everywhere()
def receipt_of(form_token: uuid.UUID) -> Receipt | None:
    return Receipt.objects.filter(form_token=form_token).select_related("registration").first()


@wall.everywhere()
@transaction.atomic
def registration_submit(
    *, form_token: uuid.UUID, answers: Answers, consents: set[str], notice: Notice, origin: Origin, by=None
) -> Receipt:
    """Open a registration, or join the one that is already there, and return the form's receipt.

    With an agreement the token is its own. `by`: the officer at the counter. Raises ConsentMissing, Refused, IdentityError.
    """
    _require_consent(consents, notice, origin)
    columns = answered(answers, consents) | origin.columns() | {"assigned_to": by}
    agreement = origin.agreement
    # One consent has one phone, and its lock. Whoever takes many people in has locked them all before.
    lock_keys(None if agreement else form_token.bytes, columns["id_number_index"], columns["phone_index"])
    if receipt := receipts_of([agreement]).get(agreement) if agreement else receipt_of(form_token):
        return receipt
    known = _known(columns)
    registration = _open(columns, consents, notice, origin, keep=known is None)
    receipt = _receipt(
        form_token,
        agreement,
        registration=known or registration,
        is_joined=known is not None,
        items=sorted(consents),
        notice=notice,
        phone_differs=known is not None and bytes(known.phone_index or b"") != columns["phone_index"],
        made_at=origin.sent_at or timezone.now(),
    )
    Draft.objects.filter(form_token=form_token).delete()
    target = known or registration
    audit.record(
        "members.registration.join" if known else "members.registration.submit",
        by=by,
        subjects=[target],
        units=[target.guidance_station_id, target.district_committee_id],
        detail={"channel": origin.channel, "confirmation": origin.confirmation, "notice": notice.version},
    )
    return receipt


def _require_consent(consents: set[str], notice: Notice, origin: Origin) -> None:
    if not consents.issuperset(NEEDED):
        raise ConsentMissing("没有同意登记党员身份并向组织关系所在党组织核实，不能报到；不报到没有任何影响。")
    if not origin.is_proven:
        raise ConsentMissing(NO_PROOF)
    if notice.published_at is None:
        raise Refused("告知书还没有发布，暂时不能报到。")


def answered(answers: Answers, consents: set[str]) -> dict:
    """The columns of what a person said. Raises ConsentMissing, Refused, IdentityError."""
    number = identity.check_id(answers.id_number) if answers.id_number else ""
    if number and Consent.Item.ID_NUMBER not in consents:
        raise ConsentMissing("没有同意填写身份号码，系统不会保存它；请去掉号码或重新勾选同意。")
    phone = identity.check_phone(answers.phone)
    name = identity.clean_name(answers.name)
    if not name:
        raise Refused("请填写姓名。")
    return {
        "name": name,
        "sex": answers.sex,
        "id_number": number or None,
        "id_number_index": identity.id_number_index(number) if number else None,
        "phone": phone,
        "phone_index": identity.phone_index(phone),
        "phone_tail": identity.phone_tail(phone),
        "standing": answers.standing,
        "occupation": answers.occupation,
        "workplace": answers.workplace,
        "home_place": "" if answers.home_unknown else answers.home_place,
        "home_branch": "" if answers.home_unknown else answers.home_branch,
        "home_unknown": answers.home_unknown,
    }


def _known(columns: dict) -> Registration | None:
    """The live registration of the same person: by number, or by phone where this form has no number."""
    key = "id_number_index" if columns["id_number_index"] else "phone_index"
    return Registration.objects.showing_a_person().filter(**{key: columns[key]}).order_by("pk").first()


def _receipt(form_token: uuid.UUID, agreement: Agreement | None, **facts) -> Receipt:
    return Receipt.objects.create(
        form_token=form_token,
        code_index=identity.receipt_index(identity.receipt_code(form_token)),
        agreement_index=agreement.index if agreement else None,
        agreed_at=agreement.at if agreement else None,
        **facts,
    )


def _open(columns: dict, consents: set[str], notice: Notice, origin: Origin, *, keep: bool) -> Registration:
    """Write the registration and its consents; with `keep` False take them back at once.

    A form that joins does the same statements as a first one, so that the time of the answer says nothing either.
    """
    now = origin.sent_at or timezone.now()
    with transaction.atomic():
        registration = Registration.objects.create(
            **columns,
            submitted_at=now,
            due_on=timezone.localdate(now) + timedelta(days=settings.REGISTRATION_DUE_DAYS),
        )
        Consent.objects.bulk_create(
            Consent(
                registration=registration,
                notice=notice,
                item=item,
                channel=columns["channel"],
                given_at=origin.agreement.at if origin.agreement else now,
                reference=origin.reference,
            )
            for item in sorted(consents)
        )
        if not keep:
            transaction.set_rollback(True)
    return registration
