"""The kept rows (reports/models/kept.py) brought up to date, and what was touched since they last were."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import connection
from django.utils import timezone

from reports.models import ChangedBusiness, LastCount, Touched
from reports.sql import persons
from reports.sql.facts import Near, facts
from reports.sql.parts import Day, texts
from reports.sql.simple import SIMPLE
from reports.touches import ALL

Holder = tuple[int | None, int | None]  # district committee, guidance station: under which rows stand directly
Parts = dict[Holder, set[str]]
MANY_PARTS = 150
MANY = 20_000  # touched rows from which counting everything is less work

_BUSINESS = (
    "id", "dc", "gs", "district", "street", "market_id", "entity_type", "scale", "section", "is_key", "is_registered",
    "is_operating", "three_haves", "above_size", "own", "joint", "market", "work", "instructed", "grouped",
    "with_members", "due", "full_members",
)  # fmt: skip
_PERSON = (
    "source", "member", "standing", "occupation", "on_roll", "taken_in", "verified", "dc", "gs", "district", "street",
    "organization_id",
)  # fmt: skip


def _array(ids: Iterable[int]) -> str:
    return f"(ARRAY[{', '.join(map(str, sorted(ids)))}]::bigint[])"


def _merge(table: str, columns: tuple[str, ...], made: str, of: str) -> None:
    """Make the kept rows `of` equal to `made`, by one statement that writes only what differs."""
    key, *others = columns
    listed = ", ".join(columns)
    old, new = (", ".join(f"{alias}.{name}" for name in others) for alias in ("k", "n"))
    with connection.cursor() as cursor:
        cursor.execute(f"""
            WITH {made},
            gone AS (DELETE FROM {table} k WHERE {of} AND NOT EXISTS (SELECT FROM made n WHERE n.{key} = k.{key}))
            INSERT INTO {table} AS kept ({listed})
            SELECT {", ".join(f"n.{name}" for name in columns)} FROM made n LEFT JOIN {table} k ON k.{key} = n.{key}
            WHERE k.{key} IS NULL OR ({old}) IS DISTINCT FROM ({new})
            ON CONFLICT ({key}) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in others)}""")


def of_businesses(ids: Iterable[int]) -> str:
    """The kept rows of some businesses, as a condition."""
    return f"id = ANY {_array(ids)}"


def of_members(ids: Iterable[int]) -> str:
    """The kept rows of some members, as a condition."""
    return f"id = ANY {_array(ids)}"


def keep_businesses(day: Day, ids: Iterable[int] | None = None) -> None:
    """What is known of all businesses, or of some, as the tables say it now."""
    near = None if ids is None else Near.these(sorted(ids))
    of = "TRUE" if ids is None else f"k.id = ANY {_array(ids)}"
    made = f"{facts(day, near)}, made AS (SELECT * FROM facts)"
    _merge("reports_knownbusiness", _BUSINESS, made, of)


def keep_persons(day: Day, members: Iterable[int] | None = None) -> None:
    some = "TRUE" if members is None else f"m.id = ANY {_array(members)}"
    of = "TRUE" if members is None else f"k.member = ANY {_array(members)}"
    made = f"made AS (SELECT rows.*, rows.id AS member FROM ({persons.rows_sql(day, some)}) rows)"
    _merge("reports_knownperson", _PERSON, made, of)


@dataclass
class Touches:
    """What changed: ids by kind, and the parts of holders that rows were or are counted in. `everything`: too much."""

    everything: bool = False
    ids: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    parts: Parts = field(default_factory=lambda: defaultdict(set))


PLACED = (*SIMPLE, "markets")
# Parts whose rows stand where what they belong to stands: told with it.
FOLLOWING = {
    "organizations": ("instructors", "transfers"),
    "markets": ("market_plans",),
    "service_points": ("footfall",),
}
_SAYS_WHERE = f"kind IN ({texts(PLACED)})"


def take() -> Touches:
    """Take what was told before this transaction's state of the data. Rolled back with it."""
    found = Touches()
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH gone AS (DELETE FROM reports_touched RETURNING kind, ref, district_committee AS dc,"
            f" guidance_station AS gs) SELECT DISTINCT kind, CASE WHEN {_SAYS_WHERE} THEN 0 ELSE ref END, dc, gs"
            f" FROM gone LIMIT {MANY + 1}"
        )
        rows = cursor.fetchall()
    found.everything = len(rows) > MANY
    for kind, ref, dc, gs in rows:
        found.everything |= kind == ALL
        if kind in PLACED:
            found.parts[(dc, gs)].update((kind, *FOLLOWING.get(kind, ())))
        else:
            found.ids[kind].add(ref)
    return found


def forget_changes() -> None:
    """Once they are counted: this transaction deletes the rows that it saw, no others."""
    ChangedBusiness.objects.all().delete()


def any_told() -> bool:
    """Whether anything changed since the last refresh."""
    return Touched.objects.exists()


def much_told() -> bool:
    """Whether so much changed that everything is to be counted, as on the first refresh of a day."""
    if not LastCount.objects.filter(as_of=timezone.localdate()).exists():
        return any_told()
    return Touched.objects.filter(kind=ALL).exists() or Touched.objects.all()[MANY : MANY + 1].exists()


@dataclass
class Around:
    """What a change reaches. `bodies`: grassroots organizations whose own numbers, and those above them, may differ."""

    businesses: set[int]
    members: set[int]
    parts: Parts
    bodies: set[int]
    # Where what covers others changed, what is known of these is more than the difference of their own rows.
    known_by_difference: bool

    def is_much(self) -> bool:
        return sum(map(len, self.parts.values())) > MANY_PARTS or len(self.businesses) + len(self.members) > MANY

    def add(self, holders: Iterable[Holder], *parts: str) -> None:
        for holder in holders:
            self.parts[holder].update(parts)


def _ids(sql: str, **sets: Iterable[int]) -> set[int]:
    if not any(sets.values()):
        return set()
    with connection.cursor() as cursor:
        cursor.execute(sql, {name: sorted(ids) for name, ids in sets.items()})
        return {row[0] for row in cursor.fetchall() if row[0] is not None}


def _holders(sql: str, ids: Iterable[int]) -> set[Holder]:
    if not ids:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(sql, {"ids": sorted(ids)})
        return {(dc, gs) for dc, gs in cursor.fetchall()}


_BUSINESSES = """
    SELECT business_id FROM markets_businesscoverage WHERE organization_id = ANY(%(organizations)s)
    UNION SELECT id FROM reports_knownbusiness WHERE market_id = ANY(%(markets)s)
    UNION SELECT b.id FROM markets_businesscoverage c JOIN markets_business b ON b.id = c.business_id
        WHERE b.market_id = ANY(%(markets)s)
    UNION SELECT workplace_business_id FROM members_member WHERE id = ANY(%(members)s)
    UNION SELECT business_id FROM members_instructorassignment WHERE instructor_id = ANY(%(instructors)s)"""
_MEMBERS = """
    SELECT member_id FROM members_affiliation WHERE organization_id = ANY(%(organizations)s)
    UNION SELECT member FROM reports_knownperson WHERE organization_id = ANY(%(organizations)s)"""
_MARKETS = """
    SELECT market_id FROM markets_marketcoverage WHERE organization_id = ANY(%(organizations)s)"""
_STALLS = """
    SELECT market_id FROM markets_business WHERE id = ANY(%(businesses)s)
    UNION SELECT market_id FROM reports_knownbusiness WHERE id = ANY(%(businesses)s)"""
_BODIES = """
    SELECT organization_id FROM markets_businesscoverage WHERE business_id = ANY(%(businesses)s)
    UNION SELECT organization_id FROM markets_marketcoverage WHERE market_id = ANY(%(markets)s)
    UNION SELECT organization_id FROM members_affiliation WHERE member_id = ANY(%(members)s)
    UNION SELECT organization_id FROM reports_knownperson WHERE member = ANY(%(members)s)"""
_OF_BUSINESSES = """
    SELECT district_committee_id, guidance_station_id FROM markets_business WHERE id = ANY(%(ids)s)
    UNION SELECT dc, gs FROM reports_knownbusiness WHERE id = ANY(%(ids)s)"""
_OF_MARKETS = "SELECT DISTINCT district_committee_id, guidance_station_id FROM markets_market WHERE id = ANY(%(ids)s)"
_OF_BODIES = "SELECT DISTINCT district_committee_id, guidance_station_id FROM orgs_organization WHERE id = ANY(%(ids)s)"
_OF_POINTS = (
    "SELECT DISTINCT district_committee_id, guidance_station_id FROM stations_servicepoint WHERE id = ANY(%(ids)s)"
)
_IN_MARKETS = """
    SELECT DISTINCT district_committee_id, guidance_station_id FROM markets_business
    WHERE market_id = ANY(%(ids)s) AND is_operating"""
_OF_CHANGES = "SELECT DISTINCT dc, gs FROM reports_changedbusiness"
_OF_INSTRUCTORS = """
    SELECT DISTINCT o.district_committee_id, o.guidance_station_id FROM members_instructor i
    JOIN orgs_organization o ON o.id = i.organization_id WHERE i.id = ANY(%(ids)s)"""
_TOLD_ELSEWHERE = """
    SELECT business_id FROM markets_sourcedifference WHERE business_id = ANY(%(businesses)s)
    UNION SELECT business_id FROM markets_handover WHERE business_id = ANY(%(businesses)s) AND state = 'asked'"""
_CONVERTED = """
    SELECT district_committee_id, guidance_station_id FROM markets_business
    WHERE id = ANY(%(ids)s) AND predecessor_id IS NOT NULL
    UNION SELECT district_committee_id, guidance_station_id FROM markets_business
    WHERE predecessor_id = ANY(%(ids)s) AND predecessor_id IS NOT NULL"""
_LEADING = "SELECT organization_id FROM markets_marketcoverage WHERE market_id = ANY(%(markets)s)"


def around(touches: Touches) -> Around:
    """Follow every link from what was touched to what is counted by it, as it is now and as it was kept."""
    told = touches.ids
    organizations = told["organization"]
    markets = told["market"] | _ids(_MARKETS, organizations=organizations)
    members = told["member"] | _ids(_MEMBERS, organizations=organizations)
    businesses = told["business"] | _ids(
        _BUSINESSES, organizations=organizations, markets=markets, members=members, instructors=told["instructor"]
    )
    seen = markets | told["stall"] | _ids(_STALLS, businesses=businesses)
    linked = organizations | told["led"] | _ids(_LEADING, markets=markets)
    bodies = linked | _ids(_BODIES, businesses=businesses, markets=seen, members=members)
    reached = Around(businesses, members, touches.parts, bodies, not organizations and not markets)
    reached.add(_holders(_OF_MARKETS, seen), "markets")
    reached.add(_holders(_OF_BODIES, linked), "organizations", "instructors", "transfers")
    reached.add(_holders(_OF_BODIES, told["transfer"]), "transfers")
    reached.add(_holders(_OF_INSTRUCTORS, told["helper"]), "instructors")
    reached.add(_holders(_OF_MARKETS, told["planned"]), "market_plans")
    reached.add(_holders(_OF_POINTS, told["point"]), "footfall", "service_points")
    reached.add(_holders(_OF_BODIES, told["receiver"]), "hand_overs")
    reached.add(_holders(_CONVERTED, businesses), "conversions")
    if told["told"] or _ids(_TOLD_ELSEWHERE, businesses=told["business"]):
        both = told["told"] | told["business"]
        reached.add(_holders(_OF_BUSINESSES, both) | _holders(_OF_CHANGES, both), "differences", "hand_overs")
    if not reached.known_by_difference:
        changed = _holders(_OF_CHANGES, told["business"])
        reached.add(_holders(_OF_BUSINESSES, businesses) | _holders(_IN_MARKETS, markets) | changed, "known")
    return reached
