"""Many registrations opened at once, as a request brings them, or made ready for a file (members/services/staged.py): the
same rows as one by one, set by set.

The caller has judged rights and consents, has locked everybody (`lock_keys`) before it asked who is known, and records
the one event that names them all. All rows carry the transaction's time.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import wall
from members import identity
from members.models import Consent, Notice, Receipt, Registration
from members.services.agreed import Agreement, receipts_of
from members.services.submit import Answers, Origin, answered
from tables.statements import fetch

Key = tuple[str, bytes]  # by what a person is known: "phone" or "id_number", and its index


@dataclass(frozen=True)
class Opening:
    """One person as others tell of them."""

    answers: Answers
    consents: frozenset[str]
    notice: Notice
    origin: Origin
    agreement: Agreement

    def known_by(self) -> list[Key]:
        """The first decides whether somebody is known."""
        phone = ("phone", identity.phone_index(self.answers.phone))
        number = self.answers.id_number
        return [("id_number", identity.id_number_index(number)), phone] if number else [phone]


@dataclass(frozen=True)
class Taken:
    """The registration that stands for an opening. Neither opened nor joined: by this very consent it stood before."""

    registration: Registration
    is_opened: bool = False
    is_joined: bool = False


def transaction_time() -> datetime:
    return fetch("SELECT now()")[0][0]


@wall.everywhere()
def known_people(keys: Iterable[Key]) -> dict[Key, Registration]:
    """The live registration of each; the first where there are several."""
    wanted = set(keys)
    phones, numbers = ([index for kind, index in wanted if kind == one] for one in ("phone", "id_number"))
    known = Registration.objects.showing_a_person().filter(Q(phone_index__in=phones) | Q(id_number_index__in=numbers))
    found = {}
    units = ("guidance_station_id", "district_committee_id")
    for one in known.order_by("-pk").only("pk", "phone_index", "id_number_index", *units):
        found["phone", bytes(one.phone_index or b"")] = one
        found["id_number", bytes(one.id_number_index or b"")] = one
    return found


@wall.everywhere()
def registrations_take(openings: Sequence[Opening]) -> list[Taken]:
    """Each opens a registration or joins the one that is there, as form after form would.

    Those who are known take the same statements as those who are not, so that the time of the answer says nothing.
    """
    now, due_on, taken = transaction_time(), due_from_now(), _fates(openings)
    pairs = list(zip(openings, taken, strict=True))
    for is_kept, some in (
        (True, [(opening, each.registration) for opening, each in pairs if each.is_opened]),
        (False, [(opening, registration_of(opening, now, due_on)) for opening, each in pairs if each.is_joined]),
    ):
        with transaction.atomic():
            _write([opening for opening, _ in some], [row for _, row in some])
            if not is_kept:
                transaction.set_rollback(True)
    Receipt.objects.bulk_create(
        receipt_for(opening, each.registration, now, is_joined=each.is_joined)
        for opening, each in pairs
        if each.is_opened or each.is_joined
    )
    return taken


def _fates(openings: Sequence[Opening]) -> list[Taken]:
    """Those to be opened are not written yet. A person, or a consent, may stand several times among them."""
    now, due_on = transaction_time(), due_from_now()
    receipts = receipts_of(opening.agreement for opening in openings)
    before = Registration.objects.only("pk").in_bulk({receipt.registration_id for receipt in receipts.values()})
    known = known_people(key for opening in openings for key in opening.known_by())
    agreed: dict[bytes, list[tuple[datetime, Registration]]] = defaultdict(list)
    found = []
    for opening in openings:
        agreement, keys = opening.agreement, opening.known_by()
        same = agreed[agreement.index]
        if receipt := receipts.get(agreement):
            taken = Taken(before[receipt.registration_id])
        elif again := next((one for at, one in same if agreement.is_also(at)), None):
            taken = Taken(again)
        elif keys[0] in known:
            taken = Taken(known[keys[0]], is_joined=True)
        else:
            taken = Taken(registration_of(opening, now, due_on), is_opened=True)
            for key in keys:
                known.setdefault(key, taken.registration)
        same.append((agreement.at, taken.registration))
        found.append(taken)
    return found


def due_from_now() -> date:
    return timezone.localdate() + timedelta(days=settings.REGISTRATION_DUE_DAYS)


def registration_of(opening: Opening, now: datetime, due_on: date) -> Registration:
    return Registration(
        **answered(opening.answers, set(opening.consents)),
        **opening.origin.columns(),
        submitted_at=now,
        due_on=due_on,
    )


def _write(openings: Sequence[Opening], rows: Sequence[Registration]) -> None:
    Registration.objects.bulk_create(rows)
    Consent.objects.bulk_create(consent for pair in zip(openings, rows, strict=True) for consent in consents_of(*pair))


def consents_of(opening: Opening, registration: Registration) -> list[Consent]:
    return [
        Consent(
            registration=registration,
            notice=opening.notice,
            item=item,
            channel=registration.channel,
            given_at=opening.agreement.at,
            reference=opening.origin.reference,
        )
        for item in sorted(opening.consents)
    ]


def receipt_for(opening: Opening, registration: Registration, now: datetime, *, is_joined: bool = False) -> Receipt:
    agreement = opening.agreement
    known_by = bytes(registration.phone_index or b"") if is_joined else b""
    return Receipt(
        registration=registration,
        form_token=agreement.token,
        code_index=identity.receipt_index(identity.receipt_code(agreement.token)),
        agreement_index=agreement.index,
        agreed_at=agreement.at,
        made_at=now,
        is_joined=is_joined,
        items=sorted(opening.consents),
        notice=opening.notice,
        phone_differs=is_joined and known_by != identity.phone_index(opening.answers.phone),
    )
