"""Small steps that the golden cases and the random city are built of."""

from datetime import date, timedelta

from django.utils import timezone

from markets.models import (
    Business,
    BusinessCoverage,
    Declaration,
    GroupOrganization,
    MarketCoverage,
    Mode,
)
from members.models import Instructor, InstructorAssignment, Member, Registration
from tests import factories as make

YEAR_AGO = timezone.localdate() - timedelta(days=365)


def business(unit, *, full: int | None = None, probationary: int = 0, **more) -> Business:
    """A business; with `full` or `probationary` also the latest declaration of its members."""
    row = make.make_business(unit, **more)
    if full is not None or probationary:
        Declaration.objects.create(
            business=row, source="survey", as_of=YEAR_AGO, full_members=full,
            members_incl_probationary=(full or 0) + probationary,
        )  # fmt: skip
    return row


def cover(organization, row, mode: str = Mode.OWN, starts_on: date = YEAR_AGO, **more) -> BusinessCoverage:
    return BusinessCoverage.objects.create(
        organization=organization, business=row, mode=mode, starts_on=starts_on, **more
    )


def cover_market(organization, market, starts_on: date = YEAR_AGO, **more) -> MarketCoverage:
    return MarketCoverage.objects.create(organization=organization, market=market, starts_on=starts_on, **more)


def own_branch(unit, row, **more):
    branch = make.make_branch(unit, **more)
    cover(branch, row)
    return branch


def market_with_branch(unit, **more):
    market = make.make_market(unit, **more)
    cover_market(make.make_branch(unit), market)
    return market


def assign(unit, row, **more) -> InstructorAssignment:
    instructor = Instructor.objects.create(organization=unit, name="指导员")
    more = {"starts_on": YEAR_AGO, **more}
    return InstructorAssignment.objects.create(instructor=instructor, business=row, **more)


def union(row) -> GroupOrganization:
    return GroupOrganization.objects.create(business=row, kind="union", starts_on=YEAR_AGO)


def verified(member: Member, unit, **more) -> Registration:
    return Registration.objects.create(
        **{
            "member": member,
            "state": "verified",
            "method": "interview",
            "due_on": timezone.localdate(),
            "decided_at": timezone.now(),
            "guidance_station_id": unit.guidance_station_id,
            "district_committee_id": unit.district_committee_id,
            **more,
        }
    )
