"""From a metric to the ids of the rows it counts: what reports/rows.py filters by."""

from collections.abc import Callable
from dataclasses import dataclass

from django.apps import apps
from django.db import models

from orgs.kinds import Level
from orgs.models import Division, Organization
from reports.sql import businesses, persons
from reports.sql.facts import condition
from reports.sql.parts import Day, within
from reports.sql.simple import SIMPLE, Simple

Unit = Organization | Division
Ids = Callable[[str, Unit, Day, str, str, bool], str]


@dataclass(frozen=True)
class Source:
    """Rows of one model; `ids` gives the SELECT of the primary keys that a metric counts in a unit."""

    label: str
    ids: Ids

    def model(self) -> type[models.Model]:
        return apps.get_model(self.label)

    def rows_sql(self, code: str, unit: Unit, day: Day, denominator: str, range: str, unassigned: bool = False) -> str:
        return self.ids(code, unit, day, denominator, range, unassigned)


def _is_grassroots(unit: Unit) -> bool:
    return isinstance(unit, Organization) and unit.level == Level.GRASSROOTS


def _business_ids(code: str, unit: Unit, day: Day, denominator: str, range: str, unassigned: bool) -> str:
    if _is_grassroots(unit):
        if code not in businesses.NUMERATORS or denominator != "operating":
            return "SELECT NULL::bigint WHERE FALSE"
        return businesses.grassroots_ids(day, unit.pk, code, range)
    where = within(unit, unassigned=unassigned)
    return businesses.business_ids(day, where, condition(code, denominator, range))


def _market_ids(code: str, unit: Unit, day: Day, denominator: str, range: str, unassigned: bool) -> str:
    if _is_grassroots(unit):
        led = businesses.grassroots_markets_sql(day, [unit.pk])
        return f"SELECT id FROM ({led}) led" if code == "markets_covered" else "SELECT NULL::bigint WHERE FALSE"
    return businesses.market_ids(day, within(unit, unassigned=unassigned), businesses.MARKETS[code])


def _person_ids(code: str, unit: Unit, day: Day, denominator: str, range: str, unassigned: bool) -> str:
    where = within(unit, unassigned=unassigned)
    return f"SELECT id FROM ({persons.rows_sql(day)}) rows WHERE {where} AND {persons.CONDITIONS[code]}"


def _simple_ids(source: Simple) -> Ids:
    def ids(code: str, unit: Unit, day: Day, denominator: str, range: str, unassigned: bool) -> str:
        if _is_grassroots(unit) and source is not SIMPLE["organizations"]:
            return "SELECT NULL::bigint WHERE FALSE"
        where = within(unit, unassigned=unassigned)
        return f"SELECT id FROM ({source.select(day)}) rows WHERE {where} AND {source.conditions(day)[code]}"

    return ids


SOURCES: dict[str, Source] = {
    "businesses": Source("markets.Business", _business_ids),
    "markets": Source("markets.Market", _market_ids),
    "persons": Source("members.Member", _person_ids),
    **{name: Source(source.label, _simple_ids(source)) for name, source in SIMPLE.items()},
}
