"""The whole invented city, step by step, in one transaction."""

import datetime as dt
from collections.abc import Callable, Iterator

import numpy as np
from django.db import connection, transaction
from django.utils import timezone

from accounts import audit
from demo import words
from demo.accounts import GUIDANCE, build_leaders, build_officers, build_personas
from demo.businesses import build_businesses
from demo.history import MONTHS, build_history
from demo.links import build_business_coverage, build_declarations, build_guides, build_market_coverage, build_seats
from demo.people import People, collect_places
from demo.places import build_delivery_sites, build_industry_areas, build_markets, build_posters, build_service_points
from demo.plans import build_plans
from demo.tree import build_tree
from demo.visits import build_check_ins, build_footfall
from members.services.notice import notice_publish
from orgs.divisions import divisions_import
from orgs.kinds import Kind
from orgs.models import Organization
from tables.statements import in_bulk

CITY_BUSINESSES = 4_280_000  # the figures below are Shenzhen's; the demo takes its share of them
CITY_MEMBERS = 53_000
CITY_ORGANIZATIONS = 10_090
LEAST_MEMBERS = 4_200  # fewer would leave guidance stations without anybody
LEAST_ORGANIZATIONS = 640
CANDIDATES = 40  # businesses of a guidance station that members work in and branches cover


class DemoExists(Exception):
    """There is a city already; the demo is never mixed into it."""


def _names(rng: np.random.Generator) -> Iterator[str]:
    while True:
        given = words.GIVEN[rng.integers(len(words.GIVEN))]
        yield words.SURNAMES[rng.integers(len(words.SURNAMES))] + given + words.GIVEN[rng.integers(len(words.GIVEN))]


def _candidates(per_unit: int) -> list[tuple]:
    """The biggest operating businesses of each guidance station, and some of its markets' stalls."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, guidance_station_id, name, market_id FROM (
                SELECT id, guidance_station_id, name, market_id, employees, row_number() OVER (
                    PARTITION BY guidance_station_id
                    ORDER BY employees * (1 + 3 * (market_id IS NOT NULL)::int) DESC, uscc) n
                FROM markets_business WHERE is_operating AND guidance_station_id IS NOT NULL) ranked
            WHERE n <= %s ORDER BY guidance_station_id, n
            """,
            [per_unit],
        )
        return cursor.fetchall()


@transaction.atomic
def build_city(
    *, businesses: int, seed: int, today: dt.date | None = None, months: int = MONTHS, say: Callable[[str], object]
) -> dict:
    """Build it all, with numbers for the past `months`. Returns the accounts and the public paths. Raises DemoExists."""
    if Organization.objects.exists():
        raise DemoExists("数据库里已有组织，示范城市只能建在空库里。")
    in_bulk()
    today = today or timezone.localdate()
    share = businesses / CITY_BUSINESSES
    rng = np.random.default_rng(seed)
    names = _names(rng)
    divisions_import()
    say("区划、组织、市场、服务点 …")
    tree = build_tree(grassroots=max(LEAST_ORGANIZATIONS, round(CITY_ORGANIZATIONS * share)), rng=rng, today=today)
    markets, areas = build_markets(tree, rng), build_industry_areas(tree, rng)
    build_delivery_sites(tree, rng)
    points, posters = build_service_points(tree, rng), build_posters(tree, markets, rng)
    say(f"经营主体 {businesses:,} …")
    build_businesses(businesses, tree, markets, areas, rng=rng, seed=seed, today=today, say=say)
    say("党员、报到、覆盖、签到 …")
    officers = build_officers(tree, names)
    places = collect_places(tree, officers, posters, _candidates(max(CANDIDATES, round(CANDIDATES * 8 * share))))
    people = People(places, tree.weights, rng, seed, today)
    people.make(max(LEAST_MEMBERS, round(CITY_MEMBERS * share)))
    people.save(notice_publish())
    build_business_coverage(places, rng, today)
    build_market_coverage(places, markets, rng, today)
    build_guides(places, markets, rng, today, names)
    build_seats(people.formal, tree, rng, today)
    build_declarations(0.3 if share < 0.1 else 0.1, rng, today)
    build_check_ins(points, officers, rng, today)
    build_footfall(points, rng, today)
    unit = next(o for o in tree.guidance_stations if o.short_name == GUIDANCE)
    accounts = _accounts(tree, _secretarys_branch(tree, unit, people.formal), names)
    say("统计 …")
    build_history(today=today, months=months, say=say)
    build_plans(tree.city, today=today, say=say)
    audit.record("demo.city.build", by=None, detail={"businesses": businesses, "seed": seed})
    return {"accounts": accounts, "public": _public_paths(unit, markets, posters, points)}


def _accounts(tree, branch: Organization, names) -> list[dict]:
    accounts = build_personas(tree, branch, names)
    build_leaders(tree, names)
    return accounts


def _secretarys_branch(tree, unit: Organization, formal: dict) -> Organization:
    """The branch of the guidance station with the longest roll."""
    branches = [o for o in tree.grassroots if o.guidance_station_id == unit.pk and o.kind == Kind.BRANCH]
    return max(branches, key=lambda branch: len(formal.get(branch.pk, [])))


def _public_paths(unit: Organization, markets, posters, points) -> dict:
    market = next((m for m in markets if m.guidance_station_id == unit.pk), markets[0])
    by_market = next(p for p in posters if p.market_id == market.pk)
    by_unit = next(p for p in posters if p.organization_id == unit.pk)
    counter = next(p for p in points if p.guidance_station_id == unit.pk)
    return {
        "market_report": f"/q/{by_market.code}/",
        "guidance_station_report": f"/q/{by_unit.code}/",
        "check_in": f"/q/{counter.poster.code}/",
    }
