"""The pieces every source is made of: the day, the unit, and what lives on the day.

SQL is put together from numbers, dates and the constants of this package, never from anything a person typed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.utils import timezone

from orgs.kinds import COUNTED_KINDS, Level
from orgs.models import Division, Organization

PLACE = ("dc", "gs", "district", "street")  # the four ancestors, by short names


def _midnight(day: date) -> str:
    return f"TIMESTAMPTZ '{timezone.make_aware(datetime.combine(day, time())).isoformat()}'"


@dataclass(frozen=True)
class Day:
    """The day that is counted: what is valid on it and was entered before its end in the city's own time zone."""

    on: date

    @property
    def literal(self) -> str:
        return f"DATE '{self.on.isoformat()}'"

    def plus(self, days: int) -> str:
        return f"DATE '{(self.on + timedelta(days=days)).isoformat()}'"

    @property
    def begin(self) -> str:
        return _midnight(self.on)

    @property
    def end(self) -> str:
        return _midnight(self.on + timedelta(days=1))

    def holds(self, alias: str, *, entered: bool = True) -> str:
        """Whether a half-open period holds on the day."""
        entry = f" AND {alias}.entered_at < {self.end}" if entered else ""
        return (
            f"{alias}.starts_on <= {self.literal} AND ({alias}.ends_on IS NULL OR {alias}.ends_on > {self.literal})"
            f"{entry}"
        )


def texts(values) -> str:
    return ", ".join(f"'{value}'" for value in values)


def place(alias: str) -> str:
    """The four ancestor columns of a table that carries them, by their short names."""
    return (
        f"{alias}.district_committee_id AS dc, {alias}.guidance_station_id AS gs, "
        f"{alias}.district_id AS district, {alias}.street_id AS street"
    )


def within(unit: Organization | Division, *, unassigned: bool = False) -> str:
    """The rows of a source (with dc, gs, district, street, and path for grassroots) that stand under a unit.

    `unassigned`: only those of its 直属/待分派 line.
    """
    if isinstance(unit, Organization):
        if unit.level == Level.CITY:
            return "dc IS NULL" if unassigned else "TRUE"
        if unit.level == Level.DISTRICT:
            return f"dc = {unit.pk}" + (" AND gs IS NULL" if unassigned else "")
        if unassigned:
            return "FALSE"
        if unit.level == Level.GUIDANCE_STATION:
            return f"gs = {unit.pk}"
        return f"left(path, {len(unit.path)}) = '{unit.path}'"
    if unit.level == Division.Level.CITY:
        return "district IS NULL" if unassigned else "TRUE"
    if unit.level == Division.Level.DISTRICT:
        return f"district = {unit.pk}" + (" AND street IS NULL" if unassigned else "")
    if unit.level == Division.Level.STREET and not unassigned:
        return f"street = {unit.pk}"
    return "FALSE"


def directly_under(dc: int | None, gs: int | None) -> str:
    """The rows of one holder: a guidance station, or a district committee or the city for what has nothing below it."""
    if gs is not None:
        return f"gs = {gs}"
    return "gs IS NULL AND " + ("dc IS NULL" if dc is None else f"dc = {dc}")


_COLUMNS = {
    "dc": "district_committee_id",
    "gs": "guidance_station_id",
    "district": "district_id",
    "street": "street_id",
}


def on_columns(condition: str, alias: str) -> str:
    """A condition of `within`, for a table that carries the ancestors under their full names."""
    return " ".join(f"{alias}.{_COLUMNS[word]}" if word in _COLUMNS else word for word in condition.split(" "))


# The lengths a path can have (80 characters, 4 a level). An array, because the planner takes a series for 1,000 rows.
PREFIXES = f"unnest(ARRAY[{', '.join(str(length) for length in range(4, 81, 4))}]) n"


Units = Iterable[int] | None  # grassroots bodies by primary key; None stands for all of them


def reach(units: Units = None, *, closed: bool = False) -> str:
    """Grassroots body → each organization at or below it, by the path (needs `live`).

    `closed`: down to closed organizations too: a person is counted until moved, whatever became of the branch.
    """
    below = "orgs_organization o" if closed else "live o"
    counts = "" if closed else ", o.counts"
    if units is None:
        return f"""reach AS MATERIALIZED (
            SELECT a.id AS unit, o.id AS organization_id{counts}
            FROM {below} CROSS JOIN {PREFIXES}
            JOIN live a ON a.path = left(o.path, n) WHERE a.level = {int(Level.GRASSROOTS)} AND n <= length(o.path))"""
    return f"""reach AS MATERIALIZED (
        SELECT a.id AS unit, o.id AS organization_id{counts}
        FROM live a JOIN {below} ON left(o.path, length(a.path)) = a.path
        WHERE a.level = {int(Level.GRASSROOTS)} AND a.id = ANY (ARRAY[{", ".join(map(str, units))}]::bigint[]))"""


def live(day: Day, some: str = "TRUE") -> str:
    """Organizations that exist on the day; `counts`: a link of theirs is organization coverage.

    `some`: a condition on orgs_organization o, where a statement needs few of them.
    """
    return f"""live AS MATERIALIZED (
        SELECT o.id, o.path, o.level, o.kind, o.district_committee_id AS dc, o.guidance_station_id AS gs,
               o.district_id AS district, o.street_id AS street,
               coalesce(o.extended_until, o.term_ends_on) AS term_ends_on, o.term_ends_on AS elected_until,
               o.approved_on,
               o.level = {int(Level.GRASSROOTS)} AND o.kind IN ({texts(COUNTED_KINDS)}) AS counts
        FROM orgs_organization o
        WHERE (o.approved_on IS NULL OR o.approved_on <= {day.literal})
          AND (o.closed_on IS NULL OR o.closed_on > {day.literal}) AND o.entered_at < {day.end} AND {some})"""


LEAD_MARKETS = "o.id = ANY (ARRAY(SELECT organization_id FROM markets_marketcoverage))"


def market_links(day: Day) -> str:
    """Open markets with an open link now; `counts`: one of the links is an organization that counts."""
    return f"""market_links AS MATERIALIZED (
        SELECT c.market_id, bool_or(o.counts) AS counts
        FROM markets_marketcoverage c
        JOIN live o ON o.id = c.organization_id
        JOIN markets_market m ON m.id = c.market_id
        WHERE {day.holds("c")} AND (m.closed_on IS NULL OR m.closed_on > {day.literal})
        GROUP BY c.market_id)"""
