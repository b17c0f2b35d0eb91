"""What was entered for a month that was closed already: it counts from its entry, no earlier month changes, and every
place that shows a month says so.

A row is late when it began in a month whose first closing came before the row did; an organization also by its end.
The end of a link has no time of entry of its own: 差异说明 tells it among what cannot be put back.
"""

from datetime import date

from orgs.kinds import Level
from orgs.models import Organization, OrganizationChange
from reports import releases
from reports.models import MonthClosing
from reports.selectors import Unit
from reports.sql.parts import Day, place, within
from tables.statements import fetch

NAMED = 5  # organizations that a note calls by name
_GRASSROOTS = int(Level.GRASSROOTS)
_DISTRICT = f"CASE WHEN o.level = {int(Level.DISTRICT)} THEN o.id ELSE o.district_committee_id END AS dc"
_OF_LINKS = f"SELECT l.starts_on AS began, l.entered_at, {place('o')}, o.path, NULL AS name FROM"
_BY_ORGANIZATION = "l JOIN orgs_organization o ON o.id = l.organization_id"
# kind: (how it is told, its rows as began, entered_at, the four ancestors, path, name)
_SOURCES = {
    "opened": (
        "成立的党组织 {} 个",
        f"""SELECT o.approved_on AS began, o.entered_at, {place("o")}, o.path, o.name
            FROM orgs_organization o WHERE o.level = {_GRASSROOTS}""",
    ),
    "ended": (
        "撤销的党组织 {} 个",
        f"""SELECT c."on" AS began, c.entered_at, {place("o")}, o.path, o.name FROM orgs_organizationchange c
            JOIN orgs_organization o ON o.id = c.organization_id
            WHERE c.event = '{OrganizationChange.Event.CLOSE}' AND o.level = {_GRASSROOTS}""",
    ),
    "businesses": ("对经营主体的覆盖关系 {} 条", f"{_OF_LINKS} markets_businesscoverage {_BY_ORGANIZATION}"),
    "markets": ("对专业市场的覆盖关系 {} 条", f"{_OF_LINKS} markets_marketcoverage {_BY_ORGANIZATION}"),
    "assignments": (
        "指导员、联络员派驻 {} 项",
        f"""SELECT l.starts_on AS began, l.entered_at, {_DISTRICT}, o.guidance_station_id AS gs,
            o.district_id AS district, o.street_id AS street, o.path, NULL AS name FROM members_instructorassignment l
            JOIN members_instructor i ON i.id = l.instructor_id JOIN orgs_organization o ON o.id = i.organization_id""",
    ),
    "groups": (
        "群团组织 {} 个",
        f"""SELECT l.starts_on AS began, l.entered_at, {place("b")}, NULL AS path, NULL AS name
            FROM markets_grouporganization l JOIN markets_business b ON b.id = l.business_id""",
    ),
    "persons": ("党员的在册、纳管关系 {} 条", f"{_OF_LINKS} members_affiliation {_BY_ORGANIZATION}"),
}
PERSONS = "persons"  # told to whoever is responsible for the unit's persons, and to nobody else


def _found(unit: Unit, which: str, kinds: list[str]) -> list[tuple[str, int, list[str]]]:
    """(kind, how many, the first names) in the order of `_SOURCES`."""
    every = " UNION ALL ".join(
        f"SELECT '{kind}' AS kind, began, entered_at, dc, gs, district, street, path, name FROM ({_SOURCES[kind][1]}) {kind}"
        for kind in kinds
    )
    rows = fetch(
        f"""SELECT kind, count(*), (array_agg(name ORDER BY name) FILTER (WHERE name IS NOT NULL))[:{NAMED}] FROM ({every}) t
            JOIN reports_monthclosing c ON c.revision = 1 AND c.month = date_trunc('month', t.began)::date
            WHERE t.entered_at > c.closed_at AND ({which}) AND ({within(unit)}) GROUP BY kind"""
    )
    return sorted(((kind, number, names or []) for kind, number, names in rows), key=lambda row: kinds.index(row[0]))


def _told(found: list[tuple[str, int, list[str]]]) -> str:
    def one(kind: str, number: int, names: list[str]) -> str:
        text = _SOURCES[kind][0].format(f"{number:,}")
        return text + (f"（{'、'.join(names)}{' 等' if number > len(names) else ''}）" if names else "")

    return "，".join(one(*row) for row in found)


def notes(user, unit: Unit, day: date) -> list[str]:
    """What a reader of a unit's numbers of a day is told: what these count of earlier months, and what was entered for
    the month of the day after it was closed, which they do not count."""
    kinds = [kind for kind in _SOURCES if kind != PERSONS or releases.is_responsible(user, unit)]
    first = day.replace(day=1)
    said = []
    if found := _found(unit, f"t.entered_at >= {Day(first).begin} AND t.entered_at < {Day(day).end}", kinds):
        said.append(f"本月补录了日期在以前已关账月份的：{_told(found)}。从录入时起计数，以前的月份不改。")
    if found := _found(unit, f"c.month = {Day(first).literal}", kinds):
        said.append(
            f"{first:%Y-%m} 关账以后又补录了日期在这个月的：{_told(found)}。从录入时起计数，这个月的数字里没有。"
        )
    return said


def organizations_for(month: date) -> list[str]:
    """Codes of organizations that came, with a day of this month, after it was closed."""
    first = MonthClosing.objects.filter(month=month, revision=1).first()
    if first is None:
        return []
    days = {"approved_on__year": month.year, "approved_on__month": month.month}
    rows = Organization.objects.filter(level=Level.GRASSROOTS, entered_at__gt=first.closed_at, **days)
    return list(rows.values_list("code", flat=True))
