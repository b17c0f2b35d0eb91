"""Deciding a 划转: the side that did not ask accepts, and the business moves; or it refuses and says why."""

from django.db import transaction
from django.utils import timezone

from accounts import audit
from markets.models import Business, HandOver
from markets.services import CannotSave, business_save
from markets.sources import Source
from orgs.kinds import Level

GONE = "这项划转已经处理过了，请刷新页面。"


def _claim(hand_over: HandOver, user, state: str, reason: str = "") -> HandOver:
    """The request, locked and decided. Raises CannotSave where somebody was faster, or it is not this person's."""
    mine = HandOver.objects.to_decide_by(user, "markets.change_handover").filter(pk=hand_over.pk).exists()
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


def _tell(hand_over: HandOver, by, act: str) -> None:
    audit.record(
        f"markets.handover.{act}",
        by=by,
        subjects=[hand_over],
        units=[hand_over.to_id, hand_over.to.district_committee_id],
        detail={"business": hand_over.business_id},
    )
