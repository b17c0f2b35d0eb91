"""Why two numbers differ, row by row: B = A + what is only in B − what is only in A, each with its reason.

Both sides are the rows that the numbers count (reports/rows.py), of a past day as they stood then. A row that one side
does not count fails there at one condition first, and that condition is the reason. What cannot be put back any more
stands in lines of its own, so that the sum is exact.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, cast

from django.db import connection
from django.db.models.expressions import RawSQL
from django.utils import timezone

from accounts import wall
from orgs.kinds import Level
from orgs.models import Organization
from orgs.querysets import ScopedQuerySet
from reports import metrics, past, rows
from reports.explain_words import label
from reports.selectors import Unit
from reports.sql import persons, sources
from reports.sql.facts import DENOMINATORS, GAPS, NUMERATORS, RANGES, Near, facts, three_haves
from reports.sql.parts import Day, within
from reports.sql.simple import SIMPLE

# What a row is at all, whatever its kind: the numbers that together count every row of a source.
EVERY = {
    "organizations": ("organizations", "temporary_organizations", "functional_organizations", "alliances"),
    "markets": ("markets",),
    "industry_areas": ("industry_areas",),
    "delivery_sites": ("delivery_sites",),
    "service_points": ("service_points",),
    "instructors": ("instructors",),
    "transfers": ("members_transferring",),
    "market_plans": ("market_plans_open",),
    "conversions": ("conversions",),
    "footfall": ("footfall_30d",),
}
HELPED = ("instructed", "grouped")  # counts of one kind of help, whatever else covers a business
WAYS = ("on_roll", "taken_in", "verified")  # how a person counts, the strongest first


@dataclass(frozen=True)
class Side:
    """One of the two numbers. `code` is a count; of a share its numerator, parts joined by +."""

    unit: Unit
    code: str
    denominator: str
    range: str
    on: date
    unassigned: bool = False

    @property
    def metric(self) -> metrics.Metric:
        return metrics.METRICS[self.code.split("+")[0]]

    @property
    def day(self) -> Day:
        return Day(self.on)

    def ids(self) -> str:
        on = self.on if past.is_past(self.on) else None
        asked: dict[str, Any] = {
            "denominator": self.denominator, "range": self.range, "unassigned": self.unassigned,
        }  # fmt: skip
        parts = [rows.ids_sql(code, self.unit, on, **asked) for code in self.code.split("+")]
        return " UNION ".join(f"SELECT id FROM ({part}) part{n}" for n, part in enumerate(parts))

    def tables(self) -> list[str]:
        """What stands in place of today's tables, as far as this side looks at a past day."""
        return past.tables(self.day) if past.is_past(self.on) else []


@dataclass(frozen=True)
class Reason:
    """`came`: only in B; else only in A. `key` names it in an address; `count` None: a small cell kept back."""

    came: bool
    key: str
    text: str
    count: int | None

    @property
    def only(self) -> str:
        return f"{'in' if self.came else 'out'}:{self.key}"


@dataclass(frozen=True)
class Explained:
    """`lost_a`, `lost_b`: by how much the number of a side is above its rows that can be read today."""

    a: int
    b: int
    reasons: tuple[Reason, ...]
    lost_a: int = 0
    lost_b: int = 0

    def total(self, came: bool) -> int:
        return sum(reason.count or 0 for reason in self.reasons if reason.came == came)

    @property
    def adds_up(self) -> bool:
        return self.b == self.a + self.total(True) - self.total(False) + self.lost_b - self.lost_a


def sides_of(metric: metrics.Metric, side: Side, part: str) -> Side:
    """The count that a side's number is made of: of a share its numerator, or what it is divided by (`part`: below)."""
    if metric.kind == metrics.COUNT:
        return side
    if part == "below":
        return replace(side, code=metric.denominator or side.denominator, denominator=metrics.DEFAULT_DENOMINATOR)
    inside = metrics.DEFAULT_DENOMINATOR if metric.denominator else side.denominator
    return replace(side, code=metric.numerator, denominator=inside)


@wall.everywhere()
def explain(a: Side, b: Side, number_a: int, number_b: int) -> Explained:
    """Reasons with their counts. The numbers are those that the pages show."""
    with connection.cursor() as cursor:
        cursor.execute(_counted(a, b))
        found = cursor.fetchall()
    whole = {name: int(number) for name, _, number in found if name in ("a", "b")}
    reasons = [
        Reason(name == "in", key, label(name == "in", key, a, b), int(number))
        for name, key, number in found
        if name in ("in", "out")
    ]
    reasons.sort(key=lambda reason: (not reason.came, -(reason.count or 0), reason.key))
    return Explained(number_a, number_b, tuple(reasons), number_a - whole.get("a", 0), number_b - whole.get("b", 0))


def rows_of(a: Side, b: Side, only: str = "") -> ScopedQuerySet:
    """The rows that differ; `only`: those of one reason (Reason.only). Raises metrics.UnknownMetric."""
    rows.count_whole(a.metric)
    model = sources.SOURCES[a.metric.source].model()
    name, _, key = only.partition(":")
    where = f"WHERE came = {name == 'in'} AND reason = '{_safe(key)}'" if only else ""
    every = cast(ScopedQuerySet, model._default_manager.all())  # every model with rows has the door
    return every.filter(pk__in=RawSQL(f"{_changes(a, b)} SELECT id FROM told {where}", []))


def told_sql(a: Side, b: Side) -> str:
    """(id, came, reason) of every row that differs."""
    return f"{_changes(a, b)} SELECT id, came, reason FROM told"


def _safe(key: str) -> str:
    """A reason's key is made of names in code; anything else was typed by somebody."""
    if not key or not all(part.isascii() and (part.isalnum() or part in "_:>") for part in key):
        raise metrics.UnknownMetric("没有这种差异原因，请回到差异说明重新选择。")
    return key


# --- the statement ----------------------------------------------------------------------------------------------------


def _counted(a: Side, b: Side) -> str:
    column = a.metric.sum_of
    table = sources.SOURCES[a.metric.source].model()._meta.db_table

    def number(of: str) -> str:
        if not column:
            return f"SELECT count({'DISTINCT id' if a.metric.source == 'persons' else '*'}) FROM {of}"
        return f"SELECT coalesce(sum(t.{column}), 0) FROM {of} x JOIN {table} t ON t.id = x.id"

    joined = f"JOIN {table} t ON t.id = told.id" if column else ""
    count = f"coalesce(sum(t.{column}), 0)" if column else "count(*)"
    return f"""{_changes(a, b)}
        SELECT 'a', '', ({number("a")}) UNION ALL SELECT 'b', '', ({number("b")})
        UNION ALL SELECT CASE WHEN came THEN 'in' ELSE 'out' END, reason, {count} FROM told {joined} GROUP BY came, reason"""


def _changes(a: Side, b: Side) -> str:
    """CTEs that end in `told`: id, came, reason."""
    makers = {"businesses": _business_reasons, "persons": _person_reasons, "registrations": _registration_reasons}
    told = makers.get(a.metric.source, _other_reasons)(a, b)
    return f"""WITH a AS MATERIALIZED ({a.ids()}), b AS MATERIALIZED ({b.ids()}),
        changed AS MATERIALIZED (
            SELECT id, true AS came FROM (SELECT id FROM b EXCEPT SELECT id FROM a) fresh
            UNION ALL SELECT id, false FROM (SELECT id FROM a EXCEPT SELECT id FROM b) gone),
        {told}"""


def _is_grassroots(unit: Unit) -> bool:
    return isinstance(unit, Organization) and unit.level == Level.GRASSROOTS


def _business_reasons(a: Side, b: Side) -> str:
    return f"""state_a AS MATERIALIZED ({_state(a)}), state_b AS MATERIALIZED ({_state(b)}),
        told AS MATERIALIZED (
            SELECT c.id, c.came, CASE WHEN c.came THEN {_why("x", a, "x", "y")} ELSE {_why("y", b, "x", "y")} END AS reason
            FROM changed c LEFT JOIN state_a x ON x.id = c.id LEFT JOIN state_b y ON y.id = c.id)"""


def _state(side: Side) -> str:
    """The changed businesses as they stand on this side, and which of its conditions they meet."""
    code = side.code.split("+")[0]
    inside = DENOMINATORS[_inside(code, side.denominator)]
    here = "TRUE" if _is_grassroots(side.unit) else within(side.unit, unassigned=side.unassigned)
    near = Near.where("b.id IN (SELECT id FROM changed)", stalls=True)
    flags = ["own", "joint", "market", "work", "with_members", "due"]
    known = ", ".join(f"f.{name} IS TRUE AS {name}" for name in flags)
    ctes = ", ".join([*side.tables(), facts(side.day, near)])
    return f"""WITH {ctes}, seen AS (
            SELECT b.id, b.district_committee_id AS dc, b.guidance_station_id AS gs, b.district_id AS district,
                   b.street_id AS street, b.entity_type = 'sole_trader' AS sole, b.is_registered, b.is_operating,
                   b.status, b.not_operating, b.is_key, {three_haves("b")} AS three_haves,
                   b.above_size IS TRUE AS above_size, {known}
            FROM markets_business b LEFT JOIN facts f ON f.id = b.id WHERE b.id IN (SELECT id FROM changed))
        SELECT id, ({here}) IS TRUE AS here, is_registered, is_operating, status, not_operating, is_key,
               {RANGES[side.range]} AS in_range, ({inside}) IS TRUE AS inside,
               CASE WHEN own THEN 'own' WHEN joint THEN 'joint' WHEN market THEN 'market' WHEN work THEN 'work'
                    ELSE 'none' END AS cover
        FROM seen"""


def _inside(code: str, denominator: str) -> str:
    """Inside which 口径 a count of businesses is made."""
    if code in NUMERATORS:
        return denominator
    return "due" if code in GAPS else code if code in DENOMINATORS else metrics.DEFAULT_DENOMINATOR


def _why(at: str, side: Side, before: str, after: str) -> str:
    """The first condition that a row does not meet on the side that does not count it."""
    needs_operating = "registered" not in (side.denominator, side.code)
    operating = f"WHEN NOT {at}.is_operating THEN 'operating:' || coalesce(nullif({at}.not_operating, ''), {at}.status)"
    return f"""CASE WHEN {at}.id IS NULL THEN 'entry'
        WHEN NOT {at}.here THEN 'place'
        WHEN NOT {at}.is_registered THEN 'registered:' || {at}.status
        {operating if needs_operating else ""}
        WHEN NOT {at}.in_range THEN 'range'
        WHEN NOT {at}.inside THEN 'inside'
        {f"WHEN NOT {at}.is_key THEN 'key'" if side.code.startswith("key_") else ""}
        {"WHEN TRUE THEN 'helped'" if side.code in HELPED else ""}
        ELSE CASE WHEN {_came_late(at, side)} THEN 'late:' ELSE 'cover:' END
            || coalesce({before}.cover, 'none') || '>' || coalesce({after}.cover, 'none') END"""


def _came_late(at: str, side: Side) -> str:
    """Whether a link held on this side's day already, and was entered after it."""
    late = f"l.starts_on <= {side.day.literal} AND l.entered_at >= {side.day.end}"
    return f"""(EXISTS (SELECT FROM markets_businesscoverage l WHERE l.business_id = {at}.id AND {late})
        OR EXISTS (SELECT FROM markets_marketcoverage l JOIN markets_business o ON o.market_id = l.market_id
                   WHERE o.id = {at}.id AND {late}))"""


def _person_reasons(a: Side, b: Side) -> str:
    """The event that made somebody count, or not any more. A person who counts elsewhere went there or came from there."""

    def ways(side: Side) -> str:
        ctes = f"WITH {', '.join(side.tables())} " if side.tables() else ""
        return f"""{ctes}SELECT id, bool_or(on_roll) AS on_roll, bool_or(taken_in) AS taken_in,
            bool_or(verified) AS verified, bool_or({persons.CONDITIONS[side.code]}) AS counts
            FROM ({persons.rows_sql(side.day)}) r WHERE id IN (SELECT id FROM changed) GROUP BY id"""

    came = " ".join(f"WHEN y.{way} AND x.{way} IS NOT TRUE THEN '{way}'" for way in WAYS)
    gone = " ".join(f"WHEN x.{way} AND y.{way} IS NOT TRUE THEN '{way}'" for way in WAYS)
    ended = f"m.ended <> '' AND m.ended_on <= {b.day.literal}"
    return f"""ways_a AS MATERIALIZED ({ways(a)}), ways_b AS MATERIALIZED ({ways(b)}),
        told AS MATERIALIZED (
            SELECT c.id, c.came, CASE
                WHEN c.came AND x.counts OR NOT c.came AND y.counts THEN 'place'
                WHEN c.came THEN 'person:' || CASE {came} ELSE 'changed' END
                WHEN {ended} THEN 'person:' || CASE WHEN m.ended IN ('moved_out', 'died') THEN m.ended ELSE 'ended' END
                ELSE 'person:' || CASE {gone} ELSE 'changed' END END AS reason
            FROM changed c LEFT JOIN ways_a x ON x.id = c.id LEFT JOIN ways_b y ON y.id = c.id
            LEFT JOIN members_member m ON m.id = c.id)"""


def _registration_reasons(a: Side, b: Side) -> str:
    """From which state to which; what was not there before is new. Whether one was submitted of late does not hang on its
    state: what is there and counts no more is older than that."""

    def states(side: Side) -> str:
        ctes = f"WITH {', '.join(side.tables())} " if side.tables() else ""
        source = SIMPLE["registrations"]
        conditions = source.conditions(side.day)
        counts = " OR ".join(f"({conditions[code]})" for code in side.code.split("+"))
        return f"""{ctes}SELECT id, state, ({counts}) AS counts FROM ({source.select(side.day)}) r
            WHERE id IN (SELECT id FROM changed)"""

    older = "WHEN NOT c.came AND y.id IS NOT NULL THEN 'window'" if a.code == "registrations_30d" else ""
    return f"""states_a AS MATERIALIZED ({states(a)}), states_b AS MATERIALIZED ({states(b)}),
        told AS MATERIALIZED (
            SELECT c.id, c.came, CASE WHEN c.came AND x.counts OR NOT c.came AND y.counts THEN 'place' {older}
                ELSE 'state:' || coalesce(x.state, 'none') || '>' || coalesce(y.state, 'none') END AS reason
            FROM changed c LEFT JOIN states_a x ON x.id = c.id LEFT JOIN states_b y ON y.id = c.id)"""


def _other_reasons(a: Side, b: Side) -> str:
    """Organizations, markets, places: not there at all, elsewhere, or there but of another kind or state."""
    return f"""told AS MATERIALIZED (
        SELECT c.id, c.came, CASE WHEN c.came THEN {_elsewhere(a, b)} ELSE {_elsewhere(b, a)} END AS reason FROM changed c)"""


def _elsewhere(side: Side, other: Side) -> str:
    if side.metric.source not in EVERY or _is_grassroots(side.unit) and side.metric.source != "organizations":
        return "'other'"
    city = Organization.objects.get(level=Level.CITY)

    def there(unit: Unit, unassigned: bool) -> str:
        every = [
            replace(side, unit=unit, code=code, denominator=metrics.DEFAULT_DENOMINATOR, unassigned=unassigned).ids()
            for code in EVERY[side.metric.source]
        ]
        return f"c.id IN ({' UNION '.join(every)})"

    late = ""
    if side.metric.source == "organizations":  # what was entered after the day that it is of
        began = f"o.approved_on <= {side.day.literal} AND o.entered_at >= {side.day.end}"
        late = f"""WHEN EXISTS (SELECT FROM orgs_organization o WHERE o.id = c.id AND {began}) THEN 'late:opened'
            WHEN EXISTS (SELECT FROM orgs_organization o WHERE o.id = c.id AND o.closed_on <= {other.day.literal})
            THEN 'late:closed'"""
    return f"""CASE {late} WHEN NOT ({there(city, False)}) THEN 'entry'
        WHEN NOT ({there(side.unit, side.unassigned)}) THEN 'place' ELSE 'other' END"""


def kept_since() -> date:
    """The first day of which rows can be read."""
    return timezone.localdate() - timedelta(days=rows.KEPT_FOR)


def same_question(a: Side, b: Side) -> str:
    """What differs between the sides in words: 时间, 单位, 口径."""
    found = []
    if a.on != b.on:
        found.append("时间")
    if a.unit != b.unit:
        found.append("单位")
    if (a.denominator, a.range) != (b.denominator, b.range):
        found.append("口径")
    return "、".join(found)
