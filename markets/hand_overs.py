"""Deciding a 划转: the side that did not ask accepts, and the business moves; or it refuses and says why. The side that
asked may withdraw, and may ask again by hand.
"""

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit
from markets.models import Business, HandOver
from markets.services import CannotSave, business_save
from markets.sources import Source
from orgs.kinds import Level

GONE = "这项划转已经处理过了，请刷新页面。"
SAID = ("business", "name", "to", "to_district", "to_street", "asked_from", "source")  # what a request says
NOT_REGISTERED = "这个主体已不在册（注销、吊销或迁出），不用划转。"


def _claim(hand_over: HandOver, user, state: str, reason: str = "") -> HandOver:
    """The request, locked and decided. Raises CannotSave where somebody was faster, or it is not this person's."""
    withdraws = state == HandOver.State.WITHDRAWN
    of = HandOver.objects.asked_by_side_of if withdraws else HandOver.objects.to_decide_by
    mine = of(user, "markets.change_handover").filter(pk=hand_over.pk).exists()
    # On the row alone: inside a query over other tables the state would not be read again after a wait.
    asked = HandOver.objects.filter(pk=hand_over.pk, state=HandOver.State.ASKED)
    claimed = mine and asked.update(state=state, decided_by=user, decided_at=timezone.now(), reason=reason)
    if not claimed:
        raise CannotSave(GONE)
    return HandOver.objects.select_related("to").get(pk=hand_over.pk)


@transaction.atomic
def hand_over_accept(*, hand_over: HandOver, by) -> HandOver:
    """The four ancestors become those that were asked for; versions, audit and the coverage of both sides follow."""
    hand_over = _claim(hand_over, by, HandOver.State.ACCEPTED)
    business = Business.objects.select_for_update().get(pk=hand_over.business_id)
    to = hand_over.to
    if not business.is_registered:
        raise CannotSave(NOT_REGISTERED)
    if to.closed_on is not None:
        raise CannotSave(f"接收单位「{to}」已撤销，不能划入。请不同意这项划转，并写明应划入哪个单位。")
    business.guidance_station_id = to.pk if to.level == Level.GUIDANCE_STATION else None
    business.district_committee_id = to.district_committee_id
    business.district_id, business.street_id = hand_over.to_district_id, hand_over.to_street_id
    business.provenance = {key: source for key, source in business.provenance.items() if key != "place"}
    if hand_over.source != Source.REGISTRATION:
        business.provenance["place"] = hand_over.source
    business_save(business=business, by=by)
    _tell(hand_over, by, "accept")
    return hand_over


@transaction.atomic
def hand_over_refuse(*, hand_over: HandOver, by, reason: str) -> HandOver:
    if not reason.strip():
        raise CannotSave("请写明不同意的原因，对方会看到。")
    hand_over = _claim(hand_over, by, HandOver.State.REFUSED, reason.strip()[:200])
    _tell(hand_over, by, "refuse")
    return hand_over


@transaction.atomic
def hand_over_withdraw(*, hand_over: HandOver, by) -> HandOver:
    """The side that asked does not want it any more; nothing moves."""
    hand_over = _claim(hand_over, by, HandOver.State.WITHDRAWN)
    _tell(hand_over, by, "withdraw")
    return hand_over


@transaction.atomic
def hand_over_ask_again(*, hand_over: HandOver, by) -> HandOver:
    """The same request once more, of one that was refused or withdrawn."""
    if not HandOver.objects.to_ask_again_by(by, "markets.change_handover").filter(pk=hand_over.pk).exists():
        raise CannotSave(GONE)
    if not hand_over.business.is_registered:
        raise CannotSave(NOT_REGISTERED)
    if hand_over.to.closed_on is not None:
        raise CannotSave(f"接收单位「{hand_over.to}」已撤销，不能再次发起。")
    try:
        with transaction.atomic():
            again = HandOver.objects.create(
                asked_by=by,
                **{name: getattr(hand_over, name) for name in SAID},
            )
    except IntegrityError as error:
        raise CannotSave("这个主体已有一项待处理的划转，请等对方处理，或由发起方撤回。") from error
    _tell(again, by, "ask")
    return again


def _tell(hand_over: HandOver, by, act: str) -> None:
    audit.record(
        f"markets.handover.{act}",
        by=by,
        subjects=[hand_over],
        units=[hand_over.to_id, hand_over.to.district_committee_id],
        detail={"business": hand_over.business_id},
    )
