"""Counting persons: distinct in each unit, so each unit counts its own rows; never added up from below."""

from reports.sql.facts import current_member, verified
from reports.sql.parts import PLACE, Day, Units, live, reach

CONDITIONS = {
    "members_on_roll": "on_roll",
    "members_verified": "verified",
    "members_taken_in": "taken_in",
    "members_distinct": "TRUE",
    "members_full": "standing = 'full'",
    "members_probationary": "standing = 'probationary'",
    "members_new_employment": "occupation IN ('courier', 'rider', 'driver', 'trucker')",
}
_PERSON = "m.id, m.standing, m.occupation"
# The same rows as they were at the last refresh (reports/kept.py).
KEPT = (
    "SELECT member AS id, standing, occupation, on_roll, taken_in, verified, dc, gs, district, street, organization_id"
    " FROM reports_knownperson"
)


def rows_sql(day: Day, some: str = "TRUE") -> str:
    """One row for each way a current member belongs somewhere. Rolls stand where the organization stands.

    `some`: a condition on members_member m.
    """
    return f"""
        SELECT a.id AS source, {_PERSON}, a.kind = 'formal' AS on_roll, a.kind = 'activity' AS taken_in, false AS verified,
               a.district_committee_id AS dc, a.guidance_station_id AS gs, o.district_id AS district,
               o.street_id AS street, o.path, o.id AS organization_id
        FROM members_affiliation a JOIN members_member m ON m.id = a.member_id
        JOIN orgs_organization o ON o.id = a.organization_id
        WHERE {day.holds("a")} AND {current_member(day)} AND {some}
        UNION ALL
        SELECT -r.id, {_PERSON}, false, false, true, r.district_committee_id, r.guidance_station_id, o.district_id,
               o.street_id, NULL, NULL
        FROM members_registration r JOIN members_member m ON m.id = r.member_id
        LEFT JOIN orgs_organization o ON o.id = coalesce(r.guidance_station_id, r.district_committee_id)
        WHERE {verified(day)} AND {current_member(day)} AND {some}"""


def _sums() -> str:
    return ", ".join(f'count(*) FILTER (WHERE {what}) AS "{code}"' for code, what in CONDITIONS.items())


_FLAGS = (
    "bool_or(on_roll) AS on_roll, bool_or(verified) AS verified, bool_or(taken_in) AS taken_in, "
    "min(standing) AS standing, min(occupation) AS occupation"
)
# The sets of columns that make a unit of each kind; a person is first made one row in each.
_SETS = ("id", "dc, id", "dc, gs, id", "district, id", "district, street, id")


def units_sql(where: str = "TRUE") -> str:
    """(bits, dc, gs, district, street, counts…) of every unit in both lines that a kept row stands in.

    The four bits, dc first, say which columns were folded away: so "no guidance station" differs from "all of them".
    """
    bits = " + ".join(f"grouping({name}) * {8 >> at}" for at, name in enumerate(PLACE))
    grouped = ", ".join(f"({one})" for one in _SETS)
    return f"""
        SELECT bits, {", ".join(PLACE)}, {_sums()} FROM (
            SELECT {bits} AS bits, {", ".join(PLACE)}, id, {_FLAGS}
            FROM ({KEPT}) rows WHERE {where} GROUP BY GROUPING SETS ({grouped})) persons
        GROUP BY bits, {", ".join(PLACE)}"""


def grassroots_sql(day: Day, units: Units = None) -> str:
    """(unit, counts…) for grassroots bodies: each person once at or below the unit."""
    return f"""
        WITH {live(day)}, {reach(units, closed=True)}
        SELECT unit, {_sums()} FROM (
            SELECT r.unit, rows.id, {_FLAGS} FROM ({KEPT}) rows
            JOIN reach r ON r.organization_id = rows.organization_id GROUP BY r.unit, rows.id) persons
        GROUP BY unit"""
