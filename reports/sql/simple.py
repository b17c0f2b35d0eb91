"""Sources that are one table each: every row stands in one place, so cells add up to every unit."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from orgs.kinds import Kind
from reports.metrics import CHECK_IN_PURPOSES, FOOTFALL_KINDS, REGISTRATION_STATES, TERM_REMINDERS
from reports.sql.circle import near_sql
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
               o.elected_until, o.approved_on, coalesce(c.links, 0) AS links, coalesce(b.led, 0) AS led,
               coalesce(s.has_secretary, false) AS has_secretary, coalesce(s.in_office, 0) AS in_office
        FROM live o
        LEFT JOIN (SELECT c.organization_id, count(*) AS links FROM markets_marketcoverage c
                   JOIN markets_market m ON m.id = c.market_id
                   WHERE {day.holds("c")} AND (m.closed_on IS NULL OR m.closed_on > {day.literal})
                   GROUP BY c.organization_id) c ON c.organization_id = o.id
        LEFT JOIN (SELECT l.organization_id, count(DISTINCT l.business_id) AS led FROM markets_businesscoverage l
                   WHERE {day.holds("l")} GROUP BY l.organization_id) b ON b.organization_id = o.id
        LEFT JOIN (SELECT p.organization_id, bool_or(p.post = 'secretary') AS has_secretary,
                          count(DISTINCT p.member_id) AS in_office
                   FROM members_seat p WHERE {day.holds("p", entered=False)}
                   GROUP BY p.organization_id) s ON s.organization_id = o.id
        WHERE o.level = 4"""


_COMMITTEES = (Kind.INDUSTRY_COMMITTEE, Kind.GRASSROOTS_COMMITTEE, Kind.COMPREHENSIVE_COMMITTEE)
COMMITTEE = 3  # the fewest members of a committee (支部工作条例 Art. 21)
JOINT_UNITS = 5  # a joint branch covers no more units as a rule (支部工作条例 Art. 5)
_BRANCHES = (Kind.BRANCH, Kind.JOINT_BRANCH, Kind.FLOATING_BRANCH, Kind.PROJECT_BRANCH)


def _organization_conditions(day: Day) -> dict[str, str]:
    # A term ends on `term_ends_on`: half-open, so on that day it has ended.
    new_year = Day(day.on.replace(month=1, day=1)).literal
    return {
        "organizations": "counts",
        "party_committees": f"counts AND kind IN ({texts(kind.value for kind in _COMMITTEES)})",
        "industry_committees": f"counts AND kind = '{Kind.INDUSTRY_COMMITTEE.value}'",
        "general_branches": f"counts AND kind = '{Kind.GENERAL_BRANCH.value}'",
        "branches": f"counts AND kind IN ({texts(kind.value for kind in _BRANCHES)})",
        "joint_branches": f"counts AND kind = '{Kind.JOINT_BRANCH.value}'",
        "joint_branches_wide": f"counts AND kind = '{Kind.JOINT_BRANCH.value}' AND led > {JOINT_UNITS}",
        "floating_branches": f"counts AND kind = '{Kind.FLOATING_BRANCH.value}'",
        "project_branches": f"counts AND kind = '{Kind.PROJECT_BRANCH.value}'",
        "organizations_new": f"counts AND approved_on >= {new_year} AND approved_on <= {day.literal}",
        "temporary_organizations": f"kind = '{Kind.TEMPORARY_BRANCH.value}'",
        "functional_organizations": f"kind = '{Kind.FUNCTIONAL_BRANCH.value}'",
        "alliances": f"kind = '{Kind.ALLIANCE.value}'",
        "market_organizations": "counts AND links >= 1",
        "market_organizations_own": "counts AND links = 1",
        "market_organizations_joint": "counts AND links > 1",
        **{
            f"terms_due_{days}": f"counts AND term_ends_on > {day.literal} AND term_ends_on <= {day.plus(days)}"
            for days in TERM_REMINDERS
        },
        "terms_extended": f"counts AND elected_until <= {day.literal} AND term_ends_on > {day.literal}",
        "terms_overdue": f"counts AND term_ends_on <= {day.literal}",
        "terms_unknown": "counts AND term_ends_on IS NULL",
        "secretaries_missing": "counts AND NOT has_secretary",
        "committees_formed": f"counts AND in_office >= {COMMITTEE}",
    }


def _registrations(day: Day) -> str:
    """A registration stands where its guidance station stands; without one, where the district committee does."""
    return f"""
        SELECT r.id, r.district_committee_id AS dc, r.guidance_station_id AS gs, o.district_id AS district,
               o.street_id AS street, r.state, r.due_on, r.submitted_at, r.assigned_to_id
        FROM members_registration r
        LEFT JOIN orgs_organization o ON o.id = coalesce(r.guidance_station_id, r.district_committee_id)
        WHERE r.submitted_at < {day.end}"""


def _registration_conditions(day: Day) -> dict[str, str]:
    waiting = "state IN ('submitted', 'contacted')"
    return {
        "registrations": "TRUE",
        **{f"registrations_{state}": f"state = '{state}'" for state in REGISTRATION_STATES},
        "registrations_30d": f"submitted_at >= {Day(day.on - timedelta(days=RECENT)).end}",
        "registrations_due_soon": f"{waiting} AND due_on >= {day.literal} AND due_on <= {day.plus(3)}",
        "registrations_unassigned": f"{waiting} AND assigned_to_id IS NULL",
        "registrations_overdue": f"{waiting} AND due_on < {day.literal}",
    }


def _service_points(day: Day) -> str:
    return f"""SELECT p.id, {place("p")}, p.kind, p.market_id, u.place_id IS NOT NULL AS used FROM stations_servicepoint p
        LEFT JOIN (SELECT f.place_id FROM stations_footfalltally f WHERE {_recent(day, "f")} AND f.count > 0
                   GROUP BY f.place_id) u ON u.place_id = p.id
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


RECENT = 30  # days, the day itself among them


def _recent(day: Day, alias: str) -> str:
    return f"{alias}.on > {day.plus(-RECENT)} AND {alias}.on <= {day.literal}"


def _check_ins(day: Day) -> str:
    return f"""SELECT c.id, {place("c")}, c.purpose FROM stations_checkin c
        WHERE {_recent(day, "c")} AND c.disputed_at IS NULL"""


def _footfall(day: Day) -> str:
    return f"""SELECT f.id, {place("p")}, f.count, f.kind FROM stations_footfalltally f
        JOIN stations_servicepoint p ON p.id = f.place_id WHERE {_recent(day, "f")}"""


_FOOTFALL = {"footfall_30d": "TRUE"} | {f"footfall_{kind}_30d": f"kind = '{kind}'" for kind in FOOTFALL_KINDS}


def _sites(day: Day) -> str:
    return f"""SELECT d.id, {place("d")}, d.couriers, d.latitude IS NOT NULL AS located, n.id IS NOT NULL AS near
        FROM markets_deliverysite d LEFT JOIN ({near_sql(day, "markets_deliverysite", "s")}) n ON n.id = d.id
        WHERE d.closed_on IS NULL OR d.closed_on > {day.literal}"""


def _instructors(day: Day) -> str:
    return f"""SELECT i.id, {place("o")}, a.instructor_id IS NOT NULL AS assigned
        FROM members_instructor i JOIN orgs_organization o ON o.id = i.organization_id
        LEFT JOIN (SELECT a.instructor_id FROM members_instructorassignment a WHERE {day.holds("a")}
                   GROUP BY a.instructor_id) a ON a.instructor_id = i.id
        WHERE i.ends_on IS NULL OR i.ends_on > {day.literal}"""


def _transfers(day: Day) -> str:
    """Sent and not yet decided. Stands at the origin, where the person counts; what comes from outside at the target."""
    return f"""SELECT t.id, {place("o")}, t.valid_until FROM members_transfer t
        JOIN orgs_organization o ON o.id = coalesce(t.origin_id, t.target_id)
        WHERE t.sent_on <= {day.literal} AND (t.state = 'sent' OR t.decided_on > {day.literal})"""


def _market_plans(day: Day) -> str:
    return f"""SELECT l.id, {place("m")}, l.due_on FROM markets_marketplan l JOIN markets_market m ON m.id = l.market_id
        WHERE (l.done_on IS NULL OR l.done_on > {day.literal}) AND (m.closed_on IS NULL OR m.closed_on > {day.literal})
          AND m.entered_at < {day.end}"""


def _conversions(day: Day) -> str:
    """A link of the sole trader goes on at the enterprise (markets/conversion.py); here, whether it still does."""
    return f"""
        WITH {live(day)}
        SELECT b.id, {place("b")}, l.id IS NOT NULL AS had_links, l.id IS NOT NULL AND n.id IS NOT NULL AS kept
        FROM markets_business b
        LEFT JOIN (SELECT DISTINCT c.business_id AS id FROM markets_businesscoverage c
                   WHERE c.starts_on <= {day.literal} AND c.entered_at < {day.end}) l ON l.id = b.predecessor_id
        LEFT JOIN (SELECT DISTINCT c.business_id AS id FROM markets_businesscoverage c
                   JOIN live o ON o.id = c.organization_id WHERE {day.holds("c")}) n ON n.id = b.id
        WHERE b.predecessor_id IS NOT NULL AND b.is_registered"""


def _differences(day: Day) -> str:
    return f"""SELECT d.id, {place("b")} FROM markets_sourcedifference d JOIN markets_business b ON b.id = d.business_id
        WHERE d.kept_at IS NULL OR d.kept_at >= {day.end}"""


def _hand_overs(day: Day) -> str:
    """Where the side stands that is to decide."""
    columns = ", ".join(
        f"CASE WHEN h.asked_from = 'holder' THEN {to} ELSE b.{column} END AS {name}"
        for name, column, to in (
            ("dc", "district_committee_id", "o.district_committee_id"),
            ("gs", "guidance_station_id", "o.guidance_station_id"),
            ("district", "district_id", "h.to_district_id"),
            ("street", "street_id", "h.to_street_id"),
        )
    )
    return f"""SELECT h.id, {columns} FROM markets_handover h JOIN markets_business b ON b.id = h.business_id
        JOIN orgs_organization o ON o.id = h.to_id
        WHERE h.asked_at < {day.end} AND (h.state = 'asked' OR h.decided_at >= {day.end})"""


SIMPLE: dict[str, Simple] = {
    "organizations": Simple("orgs.Organization", organizations, _organization_conditions),
    "registrations": Simple("members.Registration", _registrations, _registration_conditions),
    "service_points": Simple(
        "stations.ServicePoint",
        _service_points,
        lambda day: {
            "service_points": "TRUE",
            "service_points_used": "used",
            "service_points_in_markets": "market_id IS NOT NULL",
            **{code: f"kind = '{kind}'" for code, kind in _POINTS.items()},
        },
    ),
    "check_ins": Simple(
        "stations.CheckIn",
        _check_ins,
        lambda day: {
            "check_ins_30d": "TRUE",
            **{f"check_ins_{purpose}_30d": f"purpose = '{purpose}'" for purpose in CHECK_IN_PURPOSES},
        },
    ),
    "footfall": Simple(
        "stations.FootfallTally", _footfall, lambda day: _FOOTFALL, tuple((c, "count") for c in _FOOTFALL)
    ),
    "delivery_sites": Simple(
        "markets.DeliverySite",
        _sites,
        lambda day: {
            "delivery_sites": "TRUE",
            "couriers": "couriers > 0",
            "sites_located": "located",
            "sites_near": "near",
        },
        (("couriers", "couriers"),),
    ),
    "industry_areas": Simple(
        "markets.IndustryArea",
        lambda day: f"SELECT a.id, {place('a')} FROM markets_industryarea a",
        lambda day: {"industry_areas": "TRUE"},
    ),
    "instructors": Simple(
        "members.Instructor", _instructors, lambda day: {"instructors": "TRUE", "instructors_assigned": "assigned"}
    ),
    "transfers": Simple(
        "members.Transfer",
        _transfers,
        lambda day: {"members_transferring": "TRUE", "members_transfers_expired": f"valid_until < {day.literal}"},
    ),
    "market_plans": Simple(
        "markets.MarketPlan",
        _market_plans,
        lambda day: {"market_plans_open": "TRUE", "market_plans_overdue": f"due_on < {day.literal}"},
    ),
    "conversions": Simple(
        "markets.Business",
        _conversions,
        lambda day: {"conversions": "TRUE", "conversions_with_links": "had_links", "conversions_kept": "kept"},
    ),
    "differences": Simple("markets.SourceDifference", _differences, lambda day: {"differences_open": "TRUE"}),
    "hand_overs": Simple("markets.HandOver", _hand_overs, lambda day: {"hand_overs_pending": "TRUE"}),
}
