"""Where the rows of every table stand, said a second time: as SQL over columns, apart from the querysets of the doors.

A condition is over the row `t`; the names in braces are the sets of reach.py. Whoever adds a table with `visible_to` says
here where its rows stand (tests/reports/test_self_check.py knows no table without).
"""

from dataclasses import dataclass

EVERYBODY = "TRUE"  # whoever holds the right at all sees each row: public facts
NOBODY = "FALSE"  # no unit below the city reaches them
# Not CURRENT_DATE: the session's time is UTC, where it is yesterday until eight in the morning.
TODAY = "(now() AT TIME ZONE 'Asia/Shanghai')::date"


@dataclass(frozen=True)
class Stand:
    """`inside`: the condition of a row inside the reach. `persons`: the rows are persons or acts of theirs, whose number is
    told in steps only. Without `by_posting` no posting reaches them, at the city neither: an owner's, or a duty's."""

    inside: str
    persons: bool = False
    by_posting: bool = True


def _guided(row: str) -> str:
    return f"{row}.guidance_station_id = ANY({{organizations}}) OR {row}.district_committee_id = ANY({{organizations}})"


def _local(row: str) -> str:
    return f"{row}.street_id = ANY({{divisions}}) OR {row}.district_id = ANY({{divisions}})"


def _placed(row: str) -> str:
    return f"{_guided(row)} OR {_local(row)}"


def _of(table: str, column: str, condition: str) -> str:
    """The row in `column` of another table stands there (as `r`)."""
    return f"EXISTS (SELECT FROM {table} r WHERE r.id = t.{column} AND ({condition}))"


def _known_by_affiliation(column: str, units: str = "organizations") -> str:
    live = f"a.starts_on <= {TODAY} AND (a.ends_on IS NULL OR a.ends_on > {TODAY})"
    here = f"a.organization_id = ANY({{{units}}})" + (f" OR {_guided('a')}" if units == "organizations" else "")
    return f"EXISTS (SELECT FROM members_affiliation a WHERE a.member_id = {column} AND {live} AND ({here}))"


def _known(column: str) -> str:
    """The person in that column belongs here, or has a registration here that is open or verified."""
    return (
        f"{_known_by_affiliation(column)} OR EXISTS (SELECT FROM members_registration r WHERE r.member_id = {column}"
        f" AND r.state IN ('submitted', 'contacted', 'verified') AND ({_guided('r')}))"
    )


_OF_BUSINESS = Stand(_of("markets_business", "business_id", _placed("r")))
_OF_MARKET = Stand(_of("markets_market", "market_id", _placed("r")))
_OF_PLACE = Stand(_of("stations_servicepoint", "place_id", _placed("r")))
_OF_ORGANIZATION = Stand("t.organization_id = ANY({organizations})")
_ABOUT_UNIT = "{0}.organization_id = ANY({{near_organizations}}) OR {0}.division_id = ANY({{near_divisions}})"
_UNIT = Stand(_ABOUT_UNIT.format("t"))
_PLACED = Stand(_placed("t"))
_OWN = Stand("t.owner_id = {user}", by_posting=False)
_OF_DUTY = Stand(NOBODY, by_posting=False)
_CITY = Stand(NOBODY)
_IN_UNIT = Stand("t.organization_id = ANY({near_organizations})")

STANDS: dict[str, Stand] = {
    "accounts.AuditEvent": _OF_DUTY,
    "jobs.Job": _OWN,
    "orgs.Division": Stand("t.id = ANY({near_divisions})"),
    "orgs.Organization": Stand("t.id = ANY({near_organizations})"),
    "orgs.Posting": Stand("t.organization_id = ANY({organizations}) OR t.division_id = ANY({divisions})"),
    "markets.Business": _PLACED,
    "markets.BusinessVersion": _OF_BUSINESS,
    "markets.Declaration": _OF_BUSINESS,
    "markets.BusinessCoverage": _OF_BUSINESS,
    "markets.GroupOrganization": _OF_BUSINESS,
    "markets.SourceDifference": _OF_BUSINESS,
    "markets.Absence": _OF_BUSINESS,
    "markets.EventSighting": _OF_BUSINESS,
    "markets.HandOver": Stand(
        f"{_OF_BUSINESS.inside} OR t.to_id = ANY({{organizations}})"
        " OR t.to_district_id = ANY({divisions}) OR t.to_street_id = ANY({divisions})"
    ),
    "markets.MarketCoverage": _OF_MARKET,
    "markets.IndustryArea": _PLACED,
    "markets.Market": _PLACED,
    "markets.MarketPlan": _OF_MARKET,
    "markets.Platform": Stand(EVERYBODY),
    "markets.DeliverySite": _PLACED,
    "members.ImpactAssessment": _CITY,
    "members.Member": Stand(_known("t.id"), persons=True),
    "members.Affiliation": Stand(f"t.organization_id = ANY({{organizations}}) OR {_guided('t')}", persons=True),
    "members.Transfer": Stand("t.origin_id = ANY({organizations}) OR t.target_id = ANY({organizations})", persons=True),
    "members.Instructor": _OF_ORGANIZATION,
    "members.InstructorAssignment": Stand(
        _of("members_instructor", "instructor_id", "r.organization_id = ANY({organizations})")
    ),
    "members.Seat": Stand(_OF_ORGANIZATION.inside, persons=True),
    "members.Pledge": Stand(
        f"{_OF_ORGANIZATION.inside} OR t.withdrawn_at IS NULL AND ({_known('t.member_id')})", persons=True
    ),
    "members.Poster": Stand(f"{_OF_ORGANIZATION.inside} OR {_of('markets_market', 'market_id', _guided('r'))}"),
    "members.Registration": Stand(_guided("t"), persons=True),
    "members.ContactLog": Stand(_of("members_registration", "registration_id", _guided("r")), persons=True),
    "members.IntakeClient": _OF_ORGANIZATION,
    "members.IntakeEvent": _OF_BUSINESS,
    "members.Notice": _CITY,
    "members.RightsRequest": Stand(
        f"{_of('members_registration', 'registration_id', _guided('r'))}"
        f" OR t.registration_id IS NULL AND {_known_by_affiliation('t.member_id')}",
        persons=True,
    ),
    "stations.ServicePoint": Stand(f"{_placed('t')} OR t.organization_id = ANY({{branches}})"),
    "stations.CheckIn": Stand(f"{_guided('t')} OR {_known_by_affiliation('t.member_id', 'branches')}", persons=True),
    "stations.FootfallTally": _OF_PLACE,
    "stations.CheckInTally": Stand(_OF_PLACE.inside, persons=True),
    "reports.ComparisonChoice": _IN_UNIT,
    "reports.Plan": _IN_UNIT,
    "reports.Goal": _IN_UNIT,
    "reports.Evaluation": Stand(
        "t.organization_id = ANY({posted}) OR EXISTS (SELECT FROM reports_evaluationrelease r WHERE"
        " r.evaluation_id = t.id AND (t.organization_id = ANY({near_organizations}) OR r.units && {posted}))"
    ),
    "reports.ReportedFigure": Stand(EVERYBODY),
    "reports.PrintedDocument": _UNIT,
    "reports.ReportForm": _UNIT,
    "reports.FilledForm": Stand(_of("reports_reportform", "form_id", _ABOUT_UNIT.format("r"))),
    "reports.Screen": _UNIT,
    "reports.Alarm": _OF_DUTY,
    "reports.SelfCheck": _OF_DUTY,
    "reports.Snapshot": _UNIT,
    # no `visible_to`: their pages ask whose they are; walked, not counted
    "accounts.User": Stand("t.id = {user}", by_posting=False),
    "tables.Batch": _OWN,
    "tables.Export": _OWN,
}
