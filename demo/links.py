"""What covers what: branches and businesses, branches and markets, instructors, group organizations, head-counts."""

import datetime as dt
from collections.abc import Iterable

import numpy as np

from demo.people import Place
from markets.models import (
    Business,
    BusinessCoverage,
    Declaration,
    GroupOrganization,
    Market,
    MarketCoverage,
    Mode,
)
from members.models import Instructor, InstructorAssignment, Seat
from orgs.kinds import CAPABILITIES, Kind, Level
from orgs.models import Organization

MARKETS_COVERED = 190  # by 155 organizations, as published for 深圳市
MARKET_ORGANIZATIONS = 155
JOINT_MODES = [
    Mode.JOINT, Mode.JOINT, Mode.AREA_JOINT, Mode.INDUSTRY_JOINT, Mode.CHAIN_JOINT, Mode.LEADER_JOINT,
    Mode.BUILDING_JOINT, Mode.ASSOCIATION_JOINT,
]  # fmt: skip
BUSINESSES_OF: dict[str, int] = {Kind.JOINT_BRANCH: 4, Kind.FUNCTIONAL_BRANCH: 3, Kind.FLOATING_BRANCH: 2}
OWN_KINDS = (Kind.BRANCH, Kind.GENERAL_BRANCH, Kind.GRASSROOTS_COMMITTEE, Kind.PROJECT_BRANCH)


def _entered(day: dt.date) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, 9, tzinfo=dt.timezone(dt.timedelta(hours=8)))


def _period(organization: Organization, rng, today: dt.date) -> dict:
    start = min((organization.approved_on or today) + dt.timedelta(days=int(rng.integers(5, 200))), today)
    ends_on = None
    if rng.random() < 0.03 and (today - start).days > 60:
        ends_on = today - dt.timedelta(days=int(rng.integers(1, 50)))
    return {"starts_on": start, "ends_on": ends_on, "entered_at": _entered(start)}


def build_business_coverage(places: list[Place], rng: np.random.Generator, today: dt.date) -> None:
    links = []
    for place in places:
        free = [pk for pk, *_ in place.businesses]
        own = iter(free)
        for organization in place.takers:
            if organization.kind in OWN_KINDS:
                business = next(own, None)
                if business is not None and rng.random() < 0.9:
                    links.append((organization, business, Mode.OWN))
                continue
            several = BUSINESSES_OF.get(organization.kind, 1)
            mode = JOINT_MODES[rng.integers(len(JOINT_MODES))]
            if rng.random() < 0.06:
                mode = Mode.FALLBACK
            picks: Iterable[int] = rng.choice(len(free), size=min(several, len(free)), replace=False) if free else []
            links += [(organization, free[i], mode) for i in picks]
    BusinessCoverage.objects.bulk_create(
        [
            BusinessCoverage(
                organization=organization, business_id=business, mode=mode, **_period(organization, rng, today)
            )
            for organization, business, mode in links
        ],
        batch_size=5000,
    )


def build_market_coverage(places: list[Place], markets: list[Market], rng, today: dt.date) -> None:
    """155 organizations over 190 markets: most cover one, some several in the neighbourhood."""
    takers = {
        place.unit.pk: [o for o in place.takers if CAPABILITIES[o.kind].counts_as_organization] for place in places
    }
    order = rng.permutation(len(markets))
    links: list[tuple[Organization, Market]] = []
    used: set[int] = set()
    for i in order:
        market = markets[i]
        choices = takers[market.guidance_station_id]
        fresh = [o for o in choices if o.pk not in used]
        known = [o for o in choices if o.pk in used]
        if fresh and len(used) < MARKET_ORGANIZATIONS and (not known or rng.random() < 0.8):
            organization = fresh[0]
        elif known:
            organization = known[0]
        else:
            continue
        used.add(organization.pk)
        links.append((organization, market))
        if len(links) == MARKETS_COVERED:
            break
    MarketCoverage.objects.bulk_create(
        [
            MarketCoverage(
                organization=organization, market=market, **_period(organization, rng, today) | {"ends_on": None}
            )
            for organization, market in links
        ]
    )


def build_guides(places: list[Place], markets: list[Market], rng, today: dt.date, names) -> None:
    instructors, assignments, groups = [], [], []
    for place in places:
        team = [
            Instructor(organization=place.unit, name=next(names), background=background)
            for background in ("监管所干部", "退休干部", "机关选派")
        ]
        instructors += team
        businesses = [pk for pk, *_ in place.businesses]
        picks = rng.choice(len(businesses), size=min(12, len(businesses)), replace=False) if businesses else []
        for n, i in enumerate(picks):
            start = today - dt.timedelta(days=int(rng.integers(30, 700)))
            ended = today - dt.timedelta(days=10) if n % 9 == 8 else None
            assignments.append(
                InstructorAssignment(
                    instructor=team[n % 3], business_id=businesses[i], starts_on=start, ends_on=ended,
                    role="liaison" if n % 4 == 3 else "instructor", entered_at=_entered(start),
                )
            )  # fmt: skip
            if n % 2 == 0:
                kind = ("union", "league", "women")[n % 3]
                groups.append(
                    GroupOrganization(business_id=businesses[i], kind=kind, starts_on=start, entered_at=_entered(start))
                )
    Instructor.objects.bulk_create(instructors)
    first: dict[int | None, Instructor] = {}
    for instructor in instructors:
        first.setdefault(instructor.organization_id, instructor)
    start = today - dt.timedelta(days=300)
    assignments += [
        InstructorAssignment(
            instructor=first[market.guidance_station_id], market=market, starts_on=start, entered_at=_entered(start)
        )
        for market in markets[::2]
    ]
    InstructorAssignment.objects.bulk_create(assignments, batch_size=5000)
    GroupOrganization.objects.bulk_create(groups, batch_size=5000)


def build_declarations(share: float, rng: np.random.Generator, today: dt.date) -> None:
    """Some enterprises of ten or more told their head-counts. Below ten none is kept: there it names a person."""
    rows = (
        Business.objects.operating()
        .enterprises()
        .filter(employees__gte=10)
        .order_by("pk")
        .values_list("pk", "employees")
    )
    declarations = []
    for pk, employees in rows.iterator():
        if employees is None or rng.random() >= share:
            continue
        members = int(rng.binomial(min(employees, 300), 0.03))
        full = members - int(rng.random() < 0.2 and members > 0)
        day = today - dt.timedelta(days=int(rng.integers(20, 500)))
        declarations.append(
            Declaration(
                business_id=pk, source="registry_file", as_of=day, full_members=full, members_incl_probationary=members,
                union_members=int(employees * 0.6) if rng.random() < 0.4 else None, entered_at=_entered(day),
            )
        )  # fmt: skip
    Declaration.objects.bulk_create(declarations, batch_size=5000)


def build_seats(formal: dict, tree, rng, today: dt.date) -> None:
    """A secretary for every elected body with somebody on its roll."""
    organizations = {o.pk: o for o in tree.grassroots if o.level == Level.GRASSROOTS}
    Seat.objects.bulk_create(
        [
            Seat(
                organization=organizations[pk], member=roll[0], post=Seat.Post.SECRETARY,
                starts_on=organizations[pk].term_starts_on or today - dt.timedelta(days=200),
            )
            for pk, roll in formal.items()
            if roll and CAPABILITIES[organizations[pk].kind].elects
        ],
        batch_size=5000,
    )  # fmt: skip
