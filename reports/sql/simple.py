"""Sources that are one table each: every row stands in one place, so cells add up to every unit."""

from collections.abc import Callable
from dataclasses import dataclass

from orgs.kinds import Kind
from reports.metrics import REGISTRATION_STATES
from reports.sql.parts import PLACE, Day, live, place, texts


@dataclass(frozen=True)
class Simple:
    """`select(day)`: rows with id and place; `conditions`: metric → what it counts; `sums`: metric → what it adds."""

    label: str  # the model, "app.Model"
    select: Callable[[Day], str]
    conditions: Callable[[Day], dict[str, str]]
    sums: tuple[tuple[str, str], ...] = ()

    def columns(self, day: Day) -> str:
        added = dict(self.sums)
        return ", ".join(
            f'coalesce(sum({added[code]}) FILTER (WHERE {what}), 0)::bigint AS "{code}"'
            if code in added
            else f'count(*) FILTER (WHERE {what}) AS "{code}"'
            for code, what in self.conditions(day).items()
        )

    def cells_sql(self, day: Day, where: str = "TRUE") -> str:
        """(dc, gs, district, street, counts…)"""
        columns = ", ".join(PLACE)
        return f"SELECT {columns}, {self.columns(day)} FROM ({self.select(day)}) rows WHERE {where} GROUP BY {columns}"


def organizations(day: Day) -> str:
    return f"""
        WITH {live(day)}
        SELECT o.id, o.dc, o.gs, o.district, o.street, o.path, o.kind, o.counts, o.term_ends_on,
               coalesce(c.links, 0) AS links
        FROM live o
        LEFT JOIN (SELECT c.organization_id, count(*) AS links FROM markets_marketcoverage c
                   JOIN markets_market m ON m.id = c.market_id
                   WHERE {day.holds("c")} AND (m.closed_on IS NULL OR m.closed_on > {day.literal})
                   GROUP BY c.organization_id) c ON c.organization_id = o.id
        WHERE o.level = 4"""


_COMMITTEES = (Kind.INDUSTRY_COMMITTEE, Kind.GRASSROOTS_COMMITTEE, Kind.COMPREHENSIVE_COMMITTEE)
_BRANCHES = (Kind.BRANCH, Kind.JOINT_BRANCH, Kind.FLOATING_BRANCH, Kind.PROJECT_BRANCH)


def _organization_conditions(day: Day) -> dict[str, str]:
    # A term ends on `term_ends_on`: half-open, so on that day it has ended.
    return {
        "organizations": "counts",
        "party_committees": f"counts AND kind IN ({texts(kind.value for kind in _COMMITTEES)})",
        "general_branches": f"counts AND kind = '{Kind.GENERAL_BRANCH.value}'",
        "branches": f"counts AND kind IN ({texts(kind.value for kind in _BRANCHES)})",
        "temporary_organizations": f"kind = '{Kind.TEMPORARY_BRANCH.value}'",
        "functional_organizations": f"kind = '{Kind.FUNCTIONAL_BRANCH.value}'",
        "alliances": f"kind = '{Kind.ALLIANCE.value}'",
        "market_organizations": "counts AND links >= 1",
        "market_organizations_own": "counts AND links = 1",
        "market_organizations_joint": "counts AND links > 1",
        "terms_due_180": f"counts AND term_ends_on > {day.literal} AND term_ends_on <= {day.plus(180)}",
        "terms_overdue": f"counts AND term_ends_on <= {day.literal}",
    }


def _registrations(day: Day) -> str:
    """A registration stands where its guidance station stands; without one, where the district committee does."""
    return f"""
        SELECT r.id, r.district_committee_id AS dc, r.guidance_station_id AS gs, o.district_id AS district,
               o.street_id AS street, r.state, r.due_on
        FROM members_registration r
        LEFT JOIN orgs_organization o ON o.id = coalesce(r.guidance_station_id, r.district_committee_id)
        WHERE r.submitted_at < {day.end}"""


def _registration_conditions(day: Day) -> dict[str, str]:
    return {
        "registrations": "TRUE",
        **{f"registrations_{state}": f"state = '{state}'" for state in REGISTRATION_STATES},
        "registrations_overdue": f"state IN ('submitted', 'contacted') AND due_on < {day.literal}",
    }


def _service_points(day: Day) -> str:
    return f"""SELECT p.id, {place("p")}, p.kind FROM stations_servicepoint p
        WHERE p.closed_on IS NULL OR p.closed_on > {day.literal}"""


_POINTS = {
    "rest_points": "rest_point",
    "caring_merchants": "caring_merchant",
    "party_service_points": "party_service",
    "party_homes": "party_home",
    "finance_points": "finance",
    "training_bases": "training_base",
    "counters": "counter",
}


def _check_ins(day: Day) -> str:
    return f"""SELECT c.id, {place("c")} FROM stations_checkin c
        WHERE c.on > {day.plus(-30)} AND c.on <= {day.literal} AND c.disputed_at IS NULL"""


def _footfall(day: Day) -> str:
    return f"""SELECT f.id, {place("p")}, f.count FROM stations_footfalltally f
        JOIN stations_servicepoint p ON p.id = f.place_id WHERE f.on > {day.plus(-30)} AND f.on <= {day.literal}"""


def _sites(day: Day) -> str:
    return f"""SELECT d.id, {place("d")}, d.couriers FROM markets_deliverysite d
        WHERE d.closed_on IS NULL OR d.closed_on > {day.literal}"""


def _instructors(day: Day) -> str:
    return f"""SELECT i.id, {place("o")} FROM members_instructor i JOIN orgs_organization o ON o.id = i.organization_id
        WHERE i.ends_on IS NULL OR i.ends_on > {day.literal}"""


SIMPLE: dict[str, Simple] = {
    "organizations": Simple("orgs.Organization", organizations, _organization_conditions),
    "registrations": Simple("members.Registration", _registrations, _registration_conditions),
    "service_points": Simple(
        "stations.ServicePoint",
        _service_points,
        lambda day: {"service_points": "TRUE"} | {code: f"kind = '{kind}'" for code, kind in _POINTS.items()},
    ),
    "check_ins": Simple("stations.CheckIn", _check_ins, lambda day: {"check_ins_30d": "TRUE"}),
    "footfall": Simple(
        "stations.FootfallTally", _footfall, lambda day: {"footfall_30d": "TRUE"}, (("footfall_30d", "count"),)
    ),
    "delivery_sites": Simple(
        "markets.DeliverySite",
        _sites,
        lambda day: {"delivery_sites": "TRUE", "couriers": "couriers > 0"},
        (("couriers", "couriers"),),
    ),
    "industry_areas": Simple(
        "markets.IndustryArea",
        lambda day: f"SELECT a.id, {place('a')} FROM markets_industryarea a",
        lambda day: {"industry_areas": "TRUE"},
    ),
    "instructors": Simple("members.Instructor", _instructors, lambda day: {"instructors": "TRUE"}),
}
