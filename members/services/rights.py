"""The person's own acts, from the receipt's page: withdraw, consent to checking in, the member code, requests."""

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import audit, wall
from members import identity, selectors
from members.erasure_list import withdrawn_write
from members.errors import Refused
from members.models import Affiliation, Consent, Member, MemberCode, Pledge, Receipt, Registration, RightsRequest
from members.services.due import refuse_if_due
from members.services.people import affiliation_end
from members.services.pledges import pledges_end
from members.services.requests import copies_to_come, copy_first_due, rights_request

State = Registration.State


def _own(receipt: Receipt) -> Registration:
    """The receipt's verified registration, locked. Refused where there is nothing to do yet."""
    registration = Registration.objects.select_for_update().get(pk=receipt.registration_id)
    if receipt.is_joined or registration.state != State.VERIFIED:
        raise Refused("核实之后才能办理这一项；现在不用做什么，有进展时请再打开本页查看。")
    return registration


def _note(act: str, registration: Registration, units=(), **detail) -> None:
    units = [registration.guidance_station_id, registration.district_committee_id, *units]
    audit.record(f"members.{act}", by=None, subjects=[registration], units=units, detail=detail)


@wall.everywhere()
@transaction.atomic
def receipt_withdraw(*, receipt: Receipt) -> Receipt:
    """The person takes this form back. Always possible, safe to repeat.

    A joined form proves nothing about who holds it: the registration it joined stays, and the officer is asked to
    find out whose wish it is.
    """
    receipt = Receipt.objects.select_for_update().get(pk=receipt.pk)
    if receipt.withdrawn_at is not None:
        return receipt
    receipt.withdrawn_at, receipt.items = timezone.now(), []
    receipt.save(update_fields=["withdrawn_at", "items"])
    withdrawn_write([receipt])
    registration = Registration.objects.select_for_update().get(pk=receipt.registration_id)
    if receipt.is_joined:
        rights_request(receipt=receipt, kind=RightsRequest.Kind.WITHDRAW)
    elif registration.state != State.WITHDRAWN:
        registration_withdraw(registration=registration)
    return receipt


@wall.everywhere()
@transaction.atomic
def registration_withdraw(*, registration: Registration, by=None) -> Registration:
    """Withdraw it with all its consents, a plaque's among them. Without a FORMAL affiliation here what branches took in ends
    today; the nightly retention erases (services/retention.py)."""
    now = timezone.now()
    registration = Registration.objects.select_for_update().get(pk=registration.pk)
    if registration.state == State.WITHDRAWN:
        return registration
    member = registration.member
    units = selectors.units_of_member(member) if member else []
    Registration.objects.filter(pk=registration.pk).change(state=State.WITHDRAWN, withdrawn_at=now)
    registration.refresh_from_db(fields=["state", "withdrawn_at"])
    withdrawn_write([registration])
    Consent.objects.filter(registration=registration, withdrawn_at__isnull=True).change(withdrawn_at=now)
    due = copy_first_due(registration)
    copies_to_come().filter(registration=registration, done_at__isnull=True, due_on__gt=due).update(due_on=due)
    if member is not None:
        _leave(member, now)
    audit.record(
        "members.registration.withdraw",
        by=by,
        subjects=[registration],
        units=[registration.guidance_station_id, registration.district_committee_id, *units],
    )
    return registration


def _leave(member: Member, now) -> None:
    _without_code(member)
    pledges_end(Pledge.objects.filter(member=member))
    live = Affiliation.objects.live().filter(member=member)
    if live.formal().exists() or Registration.objects.showing_a_person().filter(member=member).exists():
        return
    Consent.objects.filter(member=member, withdrawn_at__isnull=True).change(withdrawn_at=now)
    for affiliation in live.activity():
        affiliation_end(affiliation=affiliation, by=None)


@wall.everywhere()
@transaction.atomic
def consent_give(*, receipt: Receipt) -> Consent:
    """The separate consent 签到, given later. Safe to repeat."""
    registration = _own(receipt)
    notice = selectors.current_notice()
    if notice is None:
        raise Refused("告知书还没有发布，暂时不能办理。")
    refuse_if_due(registration)
    consent = registration.consents.in_force().filter(item=Consent.Item.CHECK_IN).first()
    if consent is None:
        consent = Consent.objects.create(
            registration=registration,
            item=Consent.Item.CHECK_IN,
            member=registration.member,
            notice=notice,
            channel=registration.channel,
        )
        receipt.items = sorted({*receipt.items, consent.item})
        receipt.save(update_fields=["items"])
        _note("consent.give", registration, item=consent.item)
    return consent


OPTIONAL = (Consent.Item.ID_NUMBER, Consent.Item.CHECK_IN)  # without the other two there is no registration


@wall.everywhere()
@transaction.atomic
def consent_withdraw(*, receipt: Receipt, item: str) -> None:
    """Take one of the consents back that the registration can do without, in any state; safe to repeat.

    The number goes at once, the member code stops working at once. Of a joined form nothing was kept: the officer is
    asked to find out whose wish it is.
    """
    if item not in OPTIONAL:
        raise Refused("没有这一项同意，报到也就无法办理：请用“撤回这次报到”。")
    receipt = Receipt.objects.select_for_update().get(pk=receipt.pk)
    receipt.items = [one for one in receipt.items if one != item]
    receipt.save(update_fields=["items"])
    if receipt.is_joined:
        rights_request(receipt=receipt, kind=RightsRequest.Kind.WITHDRAW)
        return
    take_item_back(Registration.objects.select_for_update().get(pk=receipt.registration_id), item)


def take_item_back(registration: Registration, item: str) -> None:
    """Of the locked registration, whichever versions it was agreed to."""
    live = Consent.objects.live().filter(item=item)
    mine = live.filter(registration=registration)
    if registration.member_id is not None:
        mine |= live.filter(member=registration.member_id)
    if rows := list(mine):
        mine.change(withdrawn_at=timezone.now())
        withdrawn_write(rows)
        _note("consent.withdraw", registration, item=item)
    _without_number(registration) if item == Consent.Item.ID_NUMBER else _without_code(registration.member)


def take_back_again(row: models.Model) -> None:
    """What the person took back before, and a backup brought back."""
    if isinstance(row, Receipt):
        receipt_withdraw(receipt=row)
    elif isinstance(row, Registration):
        registration_withdraw(registration=row)
    elif isinstance(row, Consent):
        whose = Q(registration=row.registration_id) if row.registration_id else Q(registration__member=row.member_id)
        receipt = Receipt.objects.filter(whose, is_joined=False).order_by("pk").first()
        if receipt is not None:
            consent_withdraw(receipt=receipt, item=row.item)
    elif isinstance(row, Pledge):
        pledges_end(Pledge.objects.filter(pk=row.pk))


def _without_code(member: Member | None) -> None:
    if member is not None and not selectors.consents_of(member, Consent.Item.CHECK_IN).live().exists():
        member.codes.filter(revoked_at__isnull=True).update(revoked_at=timezone.now())


def _without_number(registration: Registration) -> None:
    """Empty it here and in what became of the person, unless a roll or another consent still needs it there."""
    nothing = {"id_number": None, "id_number_index": None}
    Registration.objects.filter(pk=registration.pk).change(**nothing)
    member = registration.member
    if member is None or selectors.consents_of(member, Consent.Item.ID_NUMBER).live().exists():
        return
    if not Affiliation.objects.live().formal().filter(member=member).exists():
        Member.objects.filter(pk=member.pk).change(**nothing)


@wall.everywhere()
@transaction.atomic
def member_code_issue(*, receipt: Receipt, anew: bool = False) -> MemberCode:
    """The member's one live code; `anew` revokes it first. Needs the consent 签到."""
    registration = _own(receipt)
    assert registration.member_id is not None  # verified: the database demands the member
    member = Member.objects.select_for_update().get(pk=registration.member_id)
    refuse_if_due(registration)
    if not selectors.has_check_in_consent(member):
        raise Refused("还没有同意签到：同意之后才能使用党员码。")
    live = member.codes.filter(revoked_at__isnull=True)
    if anew:
        live.update(revoked_at=timezone.now())
    elif current := live.first():
        return current
    code = identity.member_code()
    issued = MemberCode.objects.create(member=member, code=code, code_index=identity.member_code_index(code))
    _note("code.reissue" if anew else "code.issue", registration)
    return issued


@wall.everywhere()
@transaction.atomic
def member_code_revoke(*, receipt: Receipt) -> None:
    registration = _own(receipt)
    registration.member.codes.filter(revoked_at__isnull=True).update(revoked_at=timezone.now())
    _note("code.revoke", registration)


@wall.everywhere()
@transaction.atomic
def receipt_erase(*, receipt: Receipt, details: str = "") -> RightsRequest:
    """Ask for erasure: an own receipt is withdrawn with it, so that the next retention run erases."""
    request = rights_request(receipt=receipt, kind=RightsRequest.Kind.ERASE, details=details)
    receipt_withdraw(receipt=receipt)
    return request
