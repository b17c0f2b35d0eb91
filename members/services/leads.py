"""Many registrations opened at once, as a file brings them: the same rows as one by one, written set by set.

The caller has judged rights and consents, has locked everybody (`lock_keys`) before it asked who is known, and records
the one event that names its batch. All rows carry the transaction's time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from members import identity
from members.models import Consent, Notice, Receipt, Registration
from members.services.agreed import Agreement
from members.services.submit import Answers, Origin, answered
from tables.statements import fetch


@dataclass(frozen=True)
class Opening:
    """One person as a file tells of them."""

    answers: Answers
    consents: frozenset[str]
    notice: Notice
    origin: Origin
    agreement: Agreement


def _now() -> datetime:
    return fetch("SELECT now()")[0][0]


def registrations_open(openings: Sequence[Opening]) -> list[Registration]:
    """In the order of the openings, each with its consents and its receipt."""
    now, due_on = _now(), timezone.localdate() + timedelta(days=settings.REGISTRATION_DUE_DAYS)
    opened = Registration.objects.bulk_create(
        Registration(
            **answered(opening.answers, set(opening.consents)),
            **opening.origin.columns(),
            submitted_at=now,
            due_on=due_on,
        )
        for opening in openings
    )
    pairs = list(zip(openings, opened, strict=True))
    Consent.objects.bulk_create(
        Consent(
            registration=registration,
            notice=opening.notice,
            item=item,
            channel=registration.channel,
            given_at=opening.agreement.at,
            reference=opening.origin.reference,
        )
        for opening, registration in pairs
        for item in sorted(opening.consents)
    )
    Receipt.objects.bulk_create(_receipt(opening, registration, now) for opening, registration in pairs)
    return opened


def registrations_join(joining: Sequence[tuple[Opening, Registration]]) -> None:
    """Who is known gets one more receipt, which tells nothing."""
    now = _now()
    Receipt.objects.bulk_create(
        _receipt(
            opening,
            known,
            now,
            is_joined=True,
            phone_differs=bytes(known.phone_index or b"") != identity.phone_index(opening.answers.phone),
        )
        for opening, known in joining
    )


def _receipt(opening: Opening, registration: Registration, now: datetime, **more: bool) -> Receipt:
    agreement = opening.agreement
    return Receipt(
        registration=registration,
        form_token=agreement.token,
        code_index=identity.receipt_index(identity.receipt_code(agreement.token)),
        agreement_index=agreement.index,
        agreed_at=agreement.at,
        made_at=now,
        **more,
    )
