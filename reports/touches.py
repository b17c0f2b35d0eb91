"""Which change touches which count: one trigger function and four triggers a table, made from the list below.

A refresh of what was touched counts these rows again and nothing else, so a change costs the same in a city of any size.
The triggers write beside the change, in its transaction: what is rolled back was never told, what is told has happened.
A writer of very many rows says so (tables/statements.py `in_bulk`); then one row says that everything is to be counted.

Kinds of `Touched`: the names of parts (tally.py: `registrations`, `check_ins`, …), the only ones that say where a row stood
or stands; and what a row belongs to: `business` (what is known of it), `market` (whether it is covered), `stall` (a
market whose businesses changed), `member`, `organization`, `led` (an organization whose links, or what is below it,
changed), `instructor`, `helper` (an instructor whose assignments changed), `point` (a service point whose footfall
changed), `planned` (a market whose plan changed), `told` (a business of which sources said something), `receiver` (whom
a business is to be handed to), `transfer` (between which organizations); `all`.
"""

from dataclasses import dataclass
from typing import Any

from django.db import migrations

from tables.statements import BULK

ALL = "all"
_UNTOLD = f"current_setting('{BULK}', true) IS DISTINCT FROM 'on'"
_PLACE = "{row}.district_committee_id, {row}.guidance_station_id"
_NOWHERE = "NULL, NULL"


@dataclass(frozen=True)
class Table:
    """`tells`: (kind, reference, place) of the row as it was and as it is; `columns`: an update of others tells nothing."""

    name: str
    columns: tuple[str, ...]
    tells: tuple[tuple[str, str, str], ...]
    also: str = ""  # a further statement of the function


_ANCESTORS = ("district_committee_id", "guidance_station_id", "district_id", "street_id")
_PERIOD = ("starts_on", "ends_on", "entered_at")


_OWN = (
    "scale", "section", "is_key", "is_registered", "is_operating", "fixed_premises", "above_size", "employees",
    "market_id",
)  # fmt: skip
# A kind of Touched that says where it stood, told of a business only where it was another before.
_CONVERSION = ("conversions", "predecessor_id", _PLACE)


def _placed(name: str, source: str, *columns: str) -> Table:
    return Table(name, (*_ANCESTORS, *columns), ((source, "id", _PLACE),))


def _changed_business() -> str:
    """The business as it was is taken off the counts of its own row, and as it is added."""

    def row(alias: str, n: int) -> str:
        return f"SELECT {n}, {', '.join(f'{alias}.{name}' for name in (*_ANCESTORS, 'entity_type', *_OWN))}"

    return f"""
    INSERT INTO reports_changedbusiness (n, dc, gs, district, street, entity_type, {", ".join(_OWN)})
    {row("OLD", -1)} WHERE TG_OP <> 'INSERT' UNION ALL {row("NEW", 1)} WHERE TG_OP <> 'DELETE';"""


def _circle_around_point() -> str:
    """The markets and delivery sites around where a service point was and is: it may be what is near them."""
    around = " OR ".join(
        f"(abs(t.latitude - {row}.latitude) < 0.01 AND abs(t.longitude - {row}.longitude) < 0.02)"
        for row in ("OLD", "NEW")
    )  # more than a kilometre (reports/sql/circle.py) either way, everywhere in China
    rows = " UNION ALL ".join(
        f"SELECT '{kind}', t.id, {_PLACE.format(row='t')} FROM {table} t WHERE {around}"
        for kind, table in (("markets", "markets_market"), ("delivery_sites", "markets_deliverysite"))
    )
    return f"""
    INSERT INTO reports_touched (kind, ref, district_committee, guidance_station) {rows};"""


_POSITION = ("latitude", "longitude")
TABLES = (
    Table(
        "markets_business", (*_ANCESTORS, "entity_type", *_OWN, "predecessor_id"),
        (("business", "id", _NOWHERE), ("stall", "market_id", _NOWHERE), _CONVERSION), _changed_business(),
    ),
    Table(
        "markets_businesscoverage", ("business_id", "organization_id", "mode", *_PERIOD),
        (("business", "business_id", _NOWHERE), ("led", "organization_id", _NOWHERE)),
    ),
    Table(
        "markets_marketcoverage", ("market_id", "organization_id", *_PERIOD),
        (("market", "market_id", _NOWHERE), ("led", "organization_id", _NOWHERE)),
    ),
    Table(
        "markets_market", (*_ANCESTORS, "code", "closed_on", "entered_at", *_POSITION),
        (("markets", "id", _PLACE), ("market", "id", _NOWHERE)),
    ),
    Table(
        "markets_declaration",
        ("business_id", "as_of", "entered_at", "full_members", "members_incl_probationary"),
        (("business", "business_id", _NOWHERE),),
    ),
    Table("markets_grouporganization", ("business_id", *_PERIOD), (("business", "business_id", _NOWHERE),)),
    Table(
        "members_instructorassignment", ("business_id", "market_id", "instructor_id", *_PERIOD),
        (("business", "business_id", _NOWHERE), ("helper", "instructor_id", _NOWHERE)),
    ),
    Table(
        "members_instructor", ("organization_id", "ends_on"),
        (("instructor", "id", _NOWHERE), ("led", "organization_id", _NOWHERE)),
    ),
    Table(
        "members_member",
        ("standing", "occupation", "ended", "ended_on", "erased_at", "entered_at", "workplace_business_id"),
        (("member", "id", _NOWHERE), ("business", "workplace_business_id", _NOWHERE)),
    ),
    Table(
        "members_affiliation",
        ("member_id", "organization_id", "kind", "district_committee_id", "guidance_station_id", *_PERIOD),
        (("member", "member_id", _NOWHERE),),
    ),
    Table(
        "members_registration",
        (
            "member_id", "district_committee_id", "guidance_station_id", "state", "due_on", "submitted_at",
            "decided_at", "withdrawn_at", "assigned_to_id",
        ),
        (("registrations", "id", _PLACE), ("member", "member_id", _NOWHERE)),
    ),
    Table(
        "orgs_organization",
        (
            *_ANCESTORS, "parent_id", "path", "kind", "approved_on", "closed_on", "term_ends_on", "extended_until",
            "entered_at",
        ),
        (("organizations", "id", _PLACE), ("organization", "id", _NOWHERE), ("led", "parent_id", _NOWHERE)),
    ),
    Table(
        "stations_servicepoint", (*_ANCESTORS, "kind", "closed_on", "market_id", *_POSITION),
        (("service_points", "id", _PLACE),), _circle_around_point(),
    ),
    _placed("stations_checkin", "check_ins", "on", "disputed_at", "purpose"),
    Table("stations_footfalltally", ("place_id", "on", "kind", "count"), (("point", "place_id", _NOWHERE),)),
    Table("markets_marketplan", ("market_id", "due_on", "done_on"), (("planned", "market_id", _NOWHERE),)),
    Table("markets_sourcedifference", ("business_id", "kept_at"), (("told", "business_id", _NOWHERE),)),
    Table(
        "markets_handover",
        ("business_id", "to_id", "to_district_id", "to_street_id", "asked_from", "asked_at", "state", "decided_at"),
        (("told", "business_id", _NOWHERE), ("receiver", "to_id", _NOWHERE)),
    ),
    Table(
        "members_seat", ("organization_id", "member_id", "post", "starts_on", "ends_on"),
        (("led", "organization_id", _NOWHERE),),
    ),
    Table(
        "members_transfer", ("origin_id", "target_id", "sent_on", "valid_until", "state", "decided_on"),
        (("transfer", "origin_id", _NOWHERE), ("transfer", "target_id", _NOWHERE)),
    ),
    _placed("markets_deliverysite", "delivery_sites", "closed_on", "couriers", *_POSITION),
    _placed("markets_industryarea", "industry_areas"),
)  # fmt: skip
_UPPER = ("path", "parent_id", "level", "kind", "approved_on", "closed_on", "entered_at", *_ANCESTORS)


def _differ(columns: tuple[str, ...]) -> str:
    return f"({', '.join(f'OLD.{c}' for c in columns)}) IS DISTINCT FROM ({', '.join(f'NEW.{c}' for c in columns)})"


def _quoted(columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f'"{column}"' for column in columns)


def _function(table: Table) -> str:
    told = ", ".join(
        f"('{kind}', {row}.{ref}, {place.format(row=row)})"
        for row in ("OLD", "NEW")
        for kind, ref, place in table.tells
    )
    return f"""
CREATE FUNCTION reports_touch_{table.name}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO reports_touched (kind, ref, district_committee, guidance_station)
    SELECT DISTINCT kind, ref::bigint, dc::bigint, gs::bigint FROM (VALUES {told}) AS told (kind, ref, dc, gs)
    WHERE ref IS NOT NULL;{table.also}
    RETURN NULL;
END $$"""


_EVERYTHING = f"""
CREATE FUNCTION reports_touch_everything() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO reports_touched (kind, ref) VALUES ('{ALL}', 0);
    RETURN NULL;
END $$"""


def _trigger(name: str, table: str, event: str, when: str, function: str, *, each: str = "ROW") -> str:
    condition = f"WHEN ({when})" if when else ""
    return f"CREATE TRIGGER reports_{name} AFTER {event} ON {table} FOR EACH {each} {condition} EXECUTE FUNCTION {function}()"


def _triggers_of(table: Table) -> list[str]:
    touch, everything = f"reports_touch_{table.name}", "reports_touch_everything"
    return [
        _trigger("came_or_went", table.name, "INSERT OR DELETE", _UNTOLD, touch),
        _trigger("changed", table.name, "UPDATE", f"{_UNTOLD} AND {_differ(_quoted(table.columns))}", touch),
        _trigger("in_bulk", table.name, "INSERT OR UPDATE OR DELETE", f"NOT ({_UNTOLD})", everything, each="STATEMENT"),
        _trigger("emptied", table.name, "TRUNCATE", "", everything, each="STATEMENT"),
    ]


def _triggers_of_units() -> list[str]:
    """Where a unit of the upper levels came, went or changed, everything is counted."""
    everything, tree = "reports_touch_everything", "orgs_organization"
    return [
        _trigger("upper_came", tree, "INSERT", "NEW.level < 4", everything),
        _trigger("upper_changed", tree, "UPDATE", f"OLD.level < 4 AND {_differ(_UPPER)}", everything),
        _trigger("upper_went", tree, "DELETE", "OLD.level < 4", everything),
        _trigger("came_or_went", "orgs_division", "INSERT OR DELETE", "", everything),
        _trigger("changed", "orgs_division", "UPDATE", _differ(("parent_id", "level")), everything),
    ]


def install() -> migrations.RunSQL:
    """The functions and triggers, as one operation of a migration; those that stand are replaced.

    Only in the newest migration that needs it: an earlier one would name columns that are added after it.
    """
    functions = [_EVERYTHING, *(_function(table) for table in TABLES)]
    triggers = [statement for table in TABLES for statement in _triggers_of(table)] + _triggers_of_units()
    gone: Any = [
        "DROP FUNCTION IF EXISTS reports_touch_everything() CASCADE",
        *(f"DROP FUNCTION IF EXISTS reports_touch_{table.name}() CASCADE" for table in TABLES),
    ]
    return migrations.RunSQL(sql=[*gone, *functions, *triggers], reverse_sql=gone)
