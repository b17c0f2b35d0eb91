"""How persons take part in the life of an organization: what follows a move, what goes over in a merger, what keeps
an organization open. Registered with orgs/life.py in MembersConfig.ready()."""

from datetime import date

from accounts import wall
from members.errors import Refused
from members.models import Affiliation, Registration, Seat
from members.services.people import affiliation_end
from orgs import life
from orgs.models import Organization

Kind = Affiliation.Kind


@wall.everywhere()
def affiliations_follow(move: life.Move) -> None:
    """The two ancestor columns of everybody who belongs to a moved organization; one statement."""
    Affiliation.objects.filter(organization__in=move.ids).update(
        guidance_station=move.guidance_station_id, district_committee=move.district_committee_id
    )


@wall.everywhere()
def affiliations_go_over(merge: life.Merge) -> None:
    """Rolls and those taken in end at the source on the day and go on at the target. Seats end with their committee."""
    live = Affiliation.objects.live(merge.on).filter(organization=merge.source).select_related("member", "contact")
    for affiliation in live.order_by("pk"):
        if affiliation.kind == Kind.FORMAL and not merge.target.capability.holds_rolls:
            raise Refused(f"“{merge.target}”不保留党员组织关系，不能把在册党员合并过去。")
        affiliation_end(affiliation=affiliation, by=merge.by, ends_on=merge.on)
        at_target = Affiliation.objects.live(merge.on).filter(organization=merge.target, member=affiliation.member)
        if not at_target.filter(kind=affiliation.kind).exists():
            Affiliation.objects.create(
                member=affiliation.member,
                organization=merge.target,
                kind=affiliation.kind,
                starts_on=merge.on,
                contact=affiliation.contact,
                guidance_station_id=merge.target.guidance_station_id,
                district_committee_id=merge.target.district_committee_id,
            )
    seats = Seat.objects.filter(organization=merge.source, ends_on__isnull=True)
    seats.filter(starts_on__lt=merge.on).update(ends_on=merge.on)
    seats.filter(starts_on__gte=merge.on).delete()


@wall.everywhere()
def people_keep_it_open(organization: Organization, on: date) -> str | None:
    live = Affiliation.objects.live(on).filter(organization=organization)
    if on_roll := live.formal().count():
        return f"还有{life.told_persons(on_roll, '名')}在册党员，请先转出或合并到别的党组织"
    if taken_in := live.activity().count():
        return f"还有{life.told_persons(taken_in, '名')}纳管党员，请先由别的党组织接收或结束纳管"
    return None


@wall.everywhere()
def people_below(organization: Organization) -> list[str]:
    """Counts only, and no small ones: this is shown to registrars, who see no persons."""
    live = Affiliation.objects.live().filter(organization__path__startswith=organization.path)
    counts = (
        ("在册党员", live.formal().count(), "人"),
        ("纳管党员", live.activity().values("member").distinct().count(), "人"),
        ("待办报到", Registration.objects.undecided().filter(guidance_station=organization.pk).count(), "条"),
    )
    return [f"{label}{life.told_persons(count, unit)}" for label, count, unit in counts if count]


def register() -> None:
    life.on_move(affiliations_follow)
    life.on_merge(affiliations_go_over)
    life.before_close(people_keep_it_open)
    life.describe_move(people_below)
