"""Reads of the desk: who may be picked, what was counted today."""

from django.db.models import Case, Exists, OuterRef, QuerySet, When
from django.http import Http404
from django.utils import timezone

from accounts import wall
from members.identity import member_code_index
from members.models import Affiliation, Consent, Member, Registration
from orgs.doors import postings_with
from orgs.kinds import Level
from orgs.models import Organization
from stations.models import CheckIn, FootfallTally, ServicePoint

PICK_LIMIT = 20
PLACES_LIMIT = 50


def with_check_in_consent(members: QuerySet) -> QuerySet:
    """Members whose separate consent 签到 covers a check-in now."""
    given = Consent.objects.in_force().filter(item=Consent.Item.CHECK_IN)
    return members.filter(
        Exists(given.filter(member=OuterRef("pk")))
        | Exists(given.filter(registration__member=OuterRef("pk"), registration__withdrawn_at__isnull=True))
    )


def members_to_pick(*, user, place: ServicePoint, tail: str = "") -> QuerySet:
    """Who may be checked in from a list: members that the officer may see anyway, known to the place's guidance
    station (verified there or with a live affiliation), with the consent 签到.
    """
    verified = Registration.objects.verified().filter(member=OuterRef("pk"), guidance_station=place.guidance_station_id)
    affiliated = Affiliation.objects.live().filter(member=OuterRef("pk"), guidance_station=place.guidance_station_id)
    members = Member.objects.visible_to(user, "members.view_member").current()
    if place.guidance_station_id is None:
        return members.none()
    members = with_check_in_consent(members.filter(Exists(verified) | Exists(affiliated)))
    if tail:
        members = members.filter(phone_tail=tail)
    return members.order_by("-pk")


def own_guidance_station(user) -> Organization | None:
    """The guidance station at which the person may check members in, where there is exactly one."""
    units = {
        posting.organization
        for posting in postings_with(user, "stations.add_checkin")
        if posting.organization_id and posting.organization.level == Level.GUIDANCE_STATION
    }
    return units.pop() if len(units) == 1 else None


def desk_places(user) -> QuerySet:
    """Open places at which the person may check members in, counters first."""
    counters_first = Case(When(kind=ServicePoint.Kind.COUNTER, then=0), default=1)
    return ServicePoint.objects.visible_to(user, "stations.add_checkin").open().order_by(counters_first, "name", "pk")


def desk_place(user, pk: int) -> ServicePoint:
    """The place of a check-in. Outside the person's scope it answers 404 like a missing one."""
    place = ServicePoint.objects.visible_to(user, "stations.add_checkin").filter(pk=pk).first()
    if place is None:
        raise Http404
    return place


@wall.everywhere()
def member_of_code(code: str) -> Member | None:
    """Whose live code this is. A member shows the code, so it opens nothing more than the check-in."""
    return Member.objects.filter(codes__code_index=member_code_index(code), codes__revoked_at__isnull=True).first()


def footfall_today(place: ServicePoint) -> list[dict]:
    """Today's counts of one place, every kind with its zero."""
    counts = dict(FootfallTally.objects.filter(place=place, on=timezone.localdate()).values_list("kind", "count"))
    return [{"kind": kind, "label": label, "count": counts.get(kind, 0)} for kind, label in FootfallTally.Kind.choices]


def check_ins_today(place: ServicePoint) -> int:
    return CheckIn.objects.filter(place=place, on=timezone.localdate()).count()
