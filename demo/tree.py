"""The guidance line of the invented city: 1 + 11 + 78 + N.

Bodies are built in memory with the paths and ancestors that orgs/services.py would give them and inserted level by
level, because 10,000 single services would take minutes; `manage.py check_tree` proves the result.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from accounts.sequences import next_keys
from demo import words
from orgs.kinds import CAPABILITIES, HostKind, Kind, Level
from orgs.models import Division, Organization, OrganizationChange
from orgs.services import default_kind, path_label, set_ancestors

# kind, host, share of the grassroots organizations under a guidance station
MIX = [
    (Kind.BRANCH, HostKind.ENTERPRISE, 46), (Kind.JOINT_BRANCH, HostKind.BUILDING, 20),
    (Kind.GENERAL_BRANCH, HostKind.PARK, 4), (Kind.FLOATING_BRANCH, HostKind.ASSOCIATION, 6),
    (Kind.PROJECT_BRANCH, HostKind.ENTERPRISE, 2),
    (Kind.TEMPORARY_BRANCH, HostKind.STREET_BLOCK, 2), (Kind.FUNCTIONAL_BRANCH, HostKind.PLATFORM, 8),
    (Kind.COMPREHENSIVE_COMMITTEE, HostKind.SHOPPING_DISTRICT, 3), (Kind.GRASSROOTS_COMMITTEE, HostKind.ENTERPRISE, 4),
    (Kind.ALLIANCE, HostKind.SCENIC_AREA, 5),
]  # fmt: skip


@dataclass
class Tree:
    city: Organization
    districts: list[Organization] = field(default_factory=list)
    guidance_stations: list[Organization] = field(default_factory=list)
    grassroots: list[Organization] = field(default_factory=list)
    weights: np.ndarray = field(default_factory=lambda: np.array([]))  # of the guidance stations, sum 1


class Builder:
    """Hands out keys and paths, and remembers what was built."""

    def __init__(self, today: dt.date):
        self.today = today
        self.children: Counter = Counter()
        self.built: list[Organization] = []

    def add(self, parent: Organization | None, level: int, *, key: int, kind: str = "", **fields) -> Organization:
        self.children[parent.pk if parent else None] += 1
        label = path_label(self.children[parent.pk if parent else None])
        organization = Organization(
            pk=key, parent=parent, level=level, kind=kind or default_kind(level),
            path=(parent.path if parent else "") + label, **fields,
        )  # fmt: skip
        set_ancestors(organization, parent)
        self._set_term(organization)
        organization.entered_at = dt.datetime.combine(
            organization.approved_on or self.today, dt.time(10), tzinfo=dt.timezone(dt.timedelta(hours=8))
        )
        self.built.append(organization)
        return organization

    def _set_term(self, organization: Organization) -> None:
        """The committee's running term; one in twelve is overdue, as in life."""
        years = CAPABILITIES[organization.kind].term_years
        if organization.level != Level.GRASSROOTS or not years or organization.approved_on is None:
            return
        start = organization.approved_on
        lag = 120 if organization.pk % 12 == 0 else 0
        while start.year + years <= self.today.year and _years_on(start, years) <= self.today - dt.timedelta(days=lag):
            start = _years_on(start, years)
        organization.term_starts_on, organization.term_ends_on = start, _years_on(start, years)

    def save(self) -> None:
        Organization.objects.bulk_create(self.built, batch_size=2000)
        OrganizationChange.objects.bulk_create(
            [
                OrganizationChange(
                    organization=o, event=OrganizationChange.Event.CREATE, on=o.approved_on or self.today,
                    after={"name": o.name}, entered_at=o.entered_at,
                )
                for o in self.built
            ],
            batch_size=5000,
        )  # fmt: skip


def _years_on(day: dt.date, years: int) -> dt.date:
    return day.replace(year=day.year + years, day=min(day.day, 28))


def guidance_weights(districts: list[Division], streets: Mapping[int | None, list[Division]]) -> dict[int, float]:
    """Each street's share of the city's businesses: the district's share, falling off by rank inside it."""
    weights = {}
    for district in districts:
        own = streets[district.pk]
        fall = np.array([1 / (rank + 2) ** 0.7 for rank in range(len(own))])
        for street, share in zip(own, fall / fall.sum(), strict=True):
            weights[street.pk] = float(words.DISTRICT_SHARES[district.name] * share / 100)
    return weights


def build_tree(*, grassroots: int, rng: np.random.Generator, today: dt.date) -> Tree:
    """Build and save the tree; about `grassroots` bodies below the guidance stations, a few above them."""
    districts = list(Division.objects.filter(level=Division.Level.DISTRICT))
    streets: dict[int | None, list[Division]] = defaultdict(list)
    for street in Division.objects.filter(level=Division.Level.STREET, is_statistical=False):
        streets[street.parent_id].append(street)
    keys = iter(next_keys(Organization, grassroots * 2 + 400))
    build = Builder(today)
    city = build.add(
        None, Level.CITY, key=next(keys), code="SZ", name="深圳市小微企业个体工商户专业市场党委",
        short_name="市小个专党委", approved_on=dt.date(2021, 6, 1),
    )  # fmt: skip
    tree = Tree(city=city)
    weights = guidance_weights(districts, streets)
    shares = []
    for number, district in enumerate(districts, 1):
        committee = build.add(
            city, Level.DISTRICT, key=next(keys), code=f"SZ-{number:02d}", name=f"{district.name}小个专党委",
            short_name=f"{district.name}小个专党委", district=district, approved_on=dt.date(2021, 7, number),
        )  # fmt: skip
        tree.districts.append(committee)
        for rank, street in enumerate(streets[district.pk], 1):
            place = street.name.removesuffix("街道").removesuffix("镇")
            tree.guidance_stations.append(
                build.add(
                    committee, Level.GUIDANCE_STATION, key=next(keys), code=f"SZ-{number:02d}-{rank:02d}",
                    name=f"{place}市场监管所党建工作指导站", short_name=f"{place}指导站", district=district,
                    street=street, approved_on=dt.date(2021, 9, 1),
                )
            )  # fmt: skip
            shares.append(weights[street.pk])
    tree.weights = np.array(shares) / sum(shares)
    _add_grassroots(build, tree, grassroots, keys, rng)
    build.save()
    return tree


def _add_grassroots(build: Builder, tree: Tree, count: int, keys, rng: np.random.Generator) -> None:
    def day() -> dt.date:
        span = (build.today - dt.date(2015, 1, 1)).days - 20
        return dt.date(2015, 1, 1) + dt.timedelta(days=int(span * rng.beta(2.2, 1.1)))

    direct = [
        (tree.city, Kind.INDUSTRY_COMMITTEE, HostKind.PLATFORM, "深圳市网约配送行业党委"),
        (tree.city, Kind.COMPREHENSIVE_COMMITTEE, HostKind.ASSOCIATION, "深圳市个体私营企业协会综合党委"),
        (tree.city, Kind.BRANCH, HostKind.ASSOCIATION, "深圳市小个专服务中心党支部"),
        *(
            (district, Kind.INDUSTRY_COMMITTEE, HostKind.PLATFORM, f"{district.district.name}网约配送行业党委")
            for district in tree.districts
        ),
    ]
    for number, (parent, kind, host, name) in enumerate(direct, 1):
        tree.grassroots.append(
            build.add(
                parent, Level.GRASSROOTS, key=next(keys), kind=kind, host_kind=host, code=f"ZS{number:05d}", name=name,
                approved_on=day(),
            )
        )  # fmt: skip
    per_unit = rng.multinomial(count, 0.75 * tree.weights + 0.25 / len(tree.weights))
    shares = np.array([share for *_, share in MIX], dtype=float)
    number = 0
    for unit, wanted in zip(tree.guidance_stations, per_unit, strict=True):
        place = unit.short_name.removesuffix("指导站")
        committee = None
        for choice in rng.choice(len(MIX), size=max(4, wanted), p=shares / shares.sum()):
            kind, host, _ = MIX[choice]
            number += 1
            nests = committee is not None and kind in (Kind.BRANCH, Kind.GENERAL_BRANCH) and rng.random() < 0.3
            brand = words.brand(number)
            organization = build.add(
                committee if nests else unit, Level.GRASSROOTS, key=next(keys), kind=kind, host_kind=host,
                code=f"DZ{number:05d}", name=f"{place}{brand}{HostKind(host).label}第{number}{Kind(kind).label}",
                approved_on=day(),
            )  # fmt: skip
            tree.grassroots.append(organization)
            if kind in (Kind.GRASSROOTS_COMMITTEE, Kind.COMPREHENSIVE_COMMITTEE):
                committee = organization
