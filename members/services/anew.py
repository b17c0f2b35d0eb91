"""The person agrees anew, item by item, after the notice changed (PIPL Art. 14(2)); an optional item that is not agreed to is
taken back. On the receipt's page, or at the window by the code to the phone or an own tap (services/counter.py)."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts import audit, wall
from members import selectors
from members.errors import ConsentMissing, Refused
from members.models import Notice, Receipt, Registration, RightsRequest
from members.services.requests import rights_request
from members.services.rights import take_item_back
from members.services.submit import NEEDED

STILL = (*Registration.OPEN, Registration.State.VERIFIED, Registration.State.DUPLICATE)  # whose receipts ask
NOT_AGREED = "没有同意登记党员身份和核实，不能继续；不同意可以不办，也可以撤回这次报到，都没有任何影响。"


@wall.everywhere()
@transaction.atomic
def receipt_renew(*, receipt: Receipt, consents: Collection[str], notice: Notice, at: datetime | None = None) -> None:
    """The answer on the receipt's page, to the words of `notice`, which were on the screen. Safe to repeat.

    A joined form proves nothing about who holds it: it only stops asking, and of an item left out the officer is asked to
    find out whose wish it is. Raises ConsentMissing, Refused.
    """
    receipt = Receipt.objects.select_for_update().get(pk=receipt.pk)
    if receipt.withdrawn_at is not None:
        raise Refused("这次报到已经撤回，不用再办。")
    if not selectors.changes_since(receipt.notice.version if receipt.notice else ""):
        return
    registration = Registration.objects.select_for_update().get(pk=receipt.registration_id)
    if not receipt.is_joined:
        _refuse_if_over(registration)
        _renew(registration, consents, notice, at, reference="本人在回执上")
        return
    _require(consents)
    if set(receipt.items) - set(consents):
        rights_request(receipt=receipt, kind=RightsRequest.Kind.WITHDRAW)
    receipt.items, receipt.notice = sorted(set(receipt.items) & set(consents)), notice
    receipt.save(update_fields=["items", "notice"])
    _note(registration, notice, joined=True)


@wall.everywhere()
@transaction.atomic
def registration_renew(*, registration: Registration, consents: Collection[str], notice: Notice, how: str, by) -> None:
    """The person stood before `by`, and agreed by the code to their phone or an own tap (`how`). Safe to repeat."""
    registration = Registration.objects.select_for_update().get(pk=registration.pk)
    _refuse_if_over(registration)
    if selectors.is_consent_due(registration):
        _renew(registration, consents, notice, None, reference=f"在窗口，{how}", by=by)


def _refuse_if_over(registration: Registration) -> None:
    if registration.state not in STILL:
        raise Refused("这次报到已经办结或撤回，不再处理，不用重新同意。")


def _require(consents: Collection[str]) -> None:
    if not set(consents).issuperset(NEEDED):
        raise ConsentMissing(NOT_AGREED)


def _renew(
    registration: Registration, consents, notice: Notice, at: datetime | None, *, reference: str, by=None
) -> None:
    """Of the locked registration: what is agreed to gets a new row, what is not is taken back."""
    _require(consents)
    asked = set(registration.consents.live().values_list("item", flat=True))
    for item in sorted(asked - set(consents)):
        take_item_back(registration, item)
    agreed = sorted(asked & set(consents))
    is_verified = registration.state == Registration.State.VERIFIED
    for item in agreed:
        facts = {
            "member_id": registration.member_id if is_verified else None,
            "channel": Registration.Channel.COUNTER if by else registration.channel,
            "given_at": at or timezone.now(),
            "reference": reference,
        }
        registration.consents.get_or_create(item=item, notice=notice, withdrawn_at=None, defaults=facts)
    own = registration.receipts.filter(is_joined=False, withdrawn_at__isnull=True)
    own.update(items=agreed, notice=notice)
    _note(registration, notice, by=by, items=agreed)


def _note(registration: Registration, notice: Notice, *, by=None, **detail) -> None:
    units = [registration.guidance_station_id, registration.district_committee_id]
    detail |= {"notice": notice.version}
    audit.record("members.consent.anew", by=by, subjects=[registration], units=units, detail=detail)
