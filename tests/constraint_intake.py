"""The cases of the intake's tables; read by test_constraints.py like constraint_cases.py."""

import uuid
from datetime import timedelta

from django.utils import timezone

from markets.models import EventSighting
from members.models import IntakeClient, IntakeEvent, IntakePerson, Receipt
from tests import factories as make
from tests.constraint_cases import Cases, again, changed, registration


def client(city) -> IntakeClient:
    return IntakeClient.objects.create(
        name="登记系统", source_department="market_supervision", organization=city.city, key_id="K1", secret="秘密"
    )


def event(city) -> IntakeEvent:
    now = timezone.now()
    return IntakeEvent.objects.create(
        client=client(city), event_id="E1", kind="establish", occurred_at=now, received_at=now, digest=b"1",
        business=make.make_business(city.yuehai),
    )  # fmt: skip


def receipt(city) -> Receipt:
    return Receipt.objects.create(
        registration=registration(city), code_index=b"1", agreement_index=b"a", agreed_at=timezone.now()
    )


INTAKE: Cases = {
    "receipt_once_per_agreement": lambda city: again(receipt(city), form_token=uuid.uuid4(), code_index=b"2"),
    "receipt_agreement_has_its_time": lambda city: changed(
        receipt(city), {"agreement_index": None}, {"agreed_at": None}
    ),
    "intakeclient_former_secret_ends": lambda city: changed(
        client(city), {"former_secret": b"x"}, {"former_until": timezone.now()}
    ),
    "intakeevent_once": lambda city: again(event(city)),
    "intakeevent_completed_after_received": lambda city: changed(
        event(city), completed_at=timezone.now() - timedelta(days=1)
    ),
    "eventsighting_latest_per_source": lambda city: again(
        EventSighting.objects.create(
            business=make.make_business(city.yuehai), source="registration", day=timezone.localdate()
        )
    ),
    "intakeperson_once": lambda city: again(
        IntakePerson.objects.create(event=event(city), registration=registration(city), consent_channel="窗口")
    ),
}
