"""Counting businesses and markets: by cell (the four ancestors) for the whole tree, and for grassroots bodies."""

from markets.models.coverage import Covers
from reports.sql.circle import near_sql
from reports.sql.facts import (
    DUE_MEMBERS,
    KEY,
    LINKED,
    NUMERATORS,
    OF_PEOPLE,
    RANGES,
    Near,
    counted,
    facts,
    links,
    mode_is,
    three_haves,
)
from reports.sql.parts import LEAD_MARKETS, PLACE, Day, Units, live, market_links, on_columns, place, reach

_PLACE = ", ".join(PLACE)
KNOWN_FLAGS = (
    "is_key, is_registered, is_operating, three_haves, above_size, own, joint, market, work, instructed, grouped, "
    "with_members, due"
)


# The first columns of the covering index business_counts, in their order: grouped by them as they come, millions of rows
# stream by without being hashed or sorted. What is coarser is added up from these groups.
# What businesses are split by, beside where they stand (reports/breakdowns.py).
SPLIT = "entity_type, scale, section"
_INDEXED = (
    "b.guidance_station_id, b.district_committee_id, b.street_id, b.district_id, b.entity_type, b.scale, b.section"
)
_BY_CELL = f"{_PLACE}, entity_type = 'sole_trader'"
_CELL = f"{_BY_CELL} AS sole"


def base_sql(day: Day) -> str:
    """What a business's own row says, by cell and range, and on how many rows the columns of 「三有」 and 规上 are filled.

    Writes the finer groups down beside it. They begin the covering index, and the rest of its columns is looked at as it
    streams by.
    """
    sums = ", ".join(f'count(*) FILTER (WHERE {what}) AS "{key}"' for key, what in base().items())
    return _kept_beside(
        day, f"SELECT {place('b')}, {SPLIT}, {sums} FROM markets_business b GROUP BY {_INDEXED}", "reports_owncount",
        tuple(base()), _added_up(tuple(base())),
    )  # fmt: skip


def changes_sql(day: Day) -> str:
    """By how much the same differs from the last refresh."""
    groups = f"SELECT {_PLACE}, {SPLIT}, {_sums(base())} FROM reports_changedbusiness b GROUP BY {_PLACE}, {SPLIT}"
    return _kept_beside(day, groups, "reports_owncount", tuple(base()), _added_up(tuple(base())))


def _kept_beside(day: Day, groups: str, table: str, columns: tuple[str, ...], sums: str) -> str:
    listed = f"{_PLACE}, {SPLIT}, {', '.join(columns)}"
    return f"""
        WITH groups AS MATERIALIZED ({groups}),
        kept AS (INSERT INTO {table} (as_of, {listed}) SELECT {day.literal}, {listed} FROM groups)
        SELECT {_CELL}, {sums} FROM groups GROUP BY {_BY_CELL}"""


def _added_up(columns: tuple[str, ...]) -> str:
    return ", ".join(f'sum({column})::bigint AS "{column}"' for column in columns)


def _sums(conditions: dict[str, str]) -> str:
    return ", ".join(
        f'coalesce(sum(n) FILTER (WHERE {what}), 0)::bigint AS "{key}"' for key, what in conditions.items()
    )


def parts_sql(day: Day, where: str, dimension: str) -> str:
    """(value of a dimension, sole, counts…) of a past or the running day, as its groups were written down."""
    columns = tuple(base())
    nothing = ", ".join(f'0 AS "{column}"' for column in columns)
    listed = ", ".join(f'"{key}"' for key in counted())
    unknown = ", ".join(f'0 AS "{key}"' for key in counted())
    by = f"{dimension}::text AS value, entity_type = 'sole_trader' AS sole"
    on = f"as_of = {day.literal} AND {where}"
    return f"""
        SELECT value, sole, {_added_up(columns)}, {", ".join(f'sum("{key}")::bigint AS "{key}"' for key in counted())}
        FROM (SELECT {by}, {_added_up(columns)}, {unknown} FROM reports_owncount WHERE {on} GROUP BY 1, 2
              UNION ALL
              SELECT value, sole, {nothing}, {listed} FROM (
                  SELECT {by}, {_sums(counted())} FROM reports_knowncount WHERE {on} GROUP BY 1, 2) known) parts
        GROUP BY value, sole"""


def base() -> dict[str, str]:
    """Key (without range) → condition on b, for everything counted from a business's own row."""
    return {
        "registered": "is_registered",
        "operating": "is_operating",
        "fixed_premises_filled": "is_operating AND fixed_premises IS NOT NULL",
        "three_haves": f"is_operating AND {three_haves('b')}",
        "above_size_filled": "is_operating AND above_size IS NOT NULL",
        "above_size": "is_operating AND above_size",
        "key_businesses": KEY,
    }


def stalls(where: str) -> str:
    """Operating businesses in covered markets, in groups (needs `market_links`)."""
    return f"""
        SELECT b.market_id, {place("b")}, {SPLIT}, b.is_key, b.fixed_premises, b.above_size, b.employees, count(*) AS n
        FROM markets_business b
        WHERE b.market_id = ANY (ARRAY(SELECT market_id FROM market_links)) AND b.is_operating AND {where}
        GROUP BY b.market_id, {_INDEXED}, b.fixed_premises, b.above_size, b.employees, b.is_key"""


CHANGED_STALLS = f"""
    SELECT market_id, {_PLACE}, {SPLIT}, is_key, fixed_premises, above_size, employees, n FROM reports_changedbusiness
    WHERE is_operating"""
NO_STALLS = f"{CHANGED_STALLS} AND false"


def known_sql(day: Day, where: str, stalls: str, sign: int = 1) -> str:
    """(place, sole, counts…) of what is known: the kept rows of businesses `where` (reports/kept.py), and `stalls`, of
    which nothing is known but that their market is covered; so the kept ones are taken off these again. Writes the finer
    groups down beside it; `sign` -1: these are to be taken off what was counted.
    """
    told = """true AS is_registered, true AS is_operating, three_haves, above_size, false AS own, false AS joint,
        l.counts AS market, NOT l.counts AS work, false AS instructed, false AS grouped, false AS with_members,
        false AS due"""
    return f"""
        WITH {live(day, LEAD_MARKETS)}, {market_links(day)},
        here AS MATERIALIZED (SELECT * FROM reports_knownbusiness WHERE {where}),
        stalls AS (SELECT s.market_id, {_PLACE}, {SPLIT}, is_key, {three_haves("s")} AS three_haves,
                          above_size IS TRUE AS above_size, n FROM ({stalls}) s),
        cells AS (
            SELECT {_PLACE}, {SPLIT}, {KNOWN_FLAGS}, 1::bigint AS n FROM here
            UNION ALL SELECT {_PLACE}, {SPLIT}, is_key, {told}, n FROM stalls JOIN market_links l USING (market_id)
            UNION ALL SELECT {_PLACE}, {SPLIT}, is_key, {told}, -1 FROM here JOIN market_links l USING (market_id)
            WHERE is_operating),
        groups AS MATERIALIZED (
            SELECT {_PLACE}, {SPLIT}, {KNOWN_FLAGS}, {sign} * sum(n) AS n FROM cells
            GROUP BY {_PLACE}, {SPLIT}, {KNOWN_FLAGS}),
        kept AS (INSERT INTO reports_knowncount (as_of, {_PLACE}, {SPLIT}, {KNOWN_FLAGS}, n)
                 SELECT {day.literal}, {_PLACE}, {SPLIT}, {KNOWN_FLAGS}, n FROM groups WHERE n <> 0)
        SELECT {_CELL}, {_sums(counted())} FROM groups GROUP BY {_BY_CELL}"""


def _market_rows(day: Day, where: str = "TRUE", facts: str = "facts") -> str:
    """Open markets, whether an organization that counts covers them, the full members not yet in an own one, and whether a
    service point is near."""
    return f"""
        SELECT m.id, m.code, {place("m")}, l.counts IS TRUE AS covered, coalesce(s.full_members, 0) AS full_members,
               m.latitude IS NOT NULL AS located, n.id IS NOT NULL AS near
        FROM markets_market m
        LEFT JOIN ({near_sql(day, "markets_market", "m", where)}) n ON n.id = m.id
        LEFT JOIN market_links l ON l.market_id = m.id
        LEFT JOIN (SELECT market_id, sum(full_members) AS full_members FROM {facts}
                   WHERE is_operating AND NOT own GROUP BY market_id) s ON s.market_id = m.id
        WHERE (m.closed_on IS NULL OR m.closed_on > {day.literal}) AND m.entered_at < {day.end} AND {where}"""


def markets_sql(day: Day, where: str) -> str:
    """The markets that stand there, by the kept rows of their businesses."""
    here = f"SELECT m.id FROM markets_market m WHERE {on_columns(where, 'm')}"
    known = f"(SELECT * FROM reports_knownbusiness WHERE market_id = ANY (ARRAY({here}))) known"
    return f"WITH {live(day, LEAD_MARKETS)}, {market_links(day)} {_market_rows(day, on_columns(where, 'm'), known)}"


_JOINT = f"full_members > 0 AND full_members < {DUE_MEMBERS}"
MARKETS = {
    "markets": "TRUE",
    "markets_covered": "covered",
    "markets_due": f"full_members >= {DUE_MEMBERS}",
    "markets_due_and_built": f"full_members >= {DUE_MEMBERS} AND covered",
    "markets_suggested_joint": _JOINT,
    "markets_suggested_joint_built": f"{_JOINT} AND covered",
    "markets_suggested_joint_not_built": f"{_JOINT} AND NOT covered",
    "markets_located": "located",
    "markets_near": "near",
    "markets_due_not_built": f"full_members >= {DUE_MEMBERS} AND NOT covered",
}


def market_ids(day: Day, where: str, condition: str) -> str:
    """Ids of markets under a unit (`where` on the short names) that a metric counts."""
    here = f"b.market_id IN (SELECT m.id FROM markets_market m WHERE {on_columns(where, 'm')})"
    near = None if where == "TRUE" else Near.where(here)
    return f"WITH {facts(day, near)} SELECT id FROM ({_market_rows(day)}) rows WHERE {where} AND {condition}"


def _given(day: Day, flag: str) -> str:
    linked = f"b.id IN (WITH {live(day)} SELECT business_id FROM ({links(day)}) links WHERE {flag})"
    if flag not in _OF_MARKETS:
        return f"{linked} AS {flag}"
    markets = f"WITH {live(day, LEAD_MARKETS)}, {market_links(day)} SELECT market_id FROM market_links"
    return f"({linked} OR b.is_operating AND b.market_id IN ({markets} WHERE {_OF_MARKETS[flag]})) IS TRUE AS {flag}"


_OF_MARKETS = {"market": "counts", "work": "NOT counts"}  # what a covered market gives those who operate in it


def business_ids(day: Day, where: str, condition: str) -> str:
    """Ids of businesses under a unit (`where` on the short names) that a metric counts.

    Where nothing of members is asked, every business is looked at once as it stands there, by look-ups in what covers
    them: an order is walked until a page is full, and of millions none has to be kept aside.
    """
    if any(flag in condition for flag in OF_PEOPLE):
        near = None if where == "TRUE" else Near.where(on_columns(where, "b"))
        return f"WITH {facts(day, near)} SELECT id FROM facts WHERE {where} AND {condition}"
    given = ", ".join(_given(day, flag) for flag in LINKED)
    return f"""SELECT id FROM (
        SELECT b.id, {place("b")}, b.is_key, b.entity_type = 'sole_trader' AS sole, b.is_registered, b.is_operating,
               {three_haves("b")} AS three_haves, b.above_size IS TRUE AS above_size, {given}
        FROM markets_business b) rows WHERE {where} AND {condition}"""


# --- grassroots bodies: the operating businesses that the organization's subtree covers -------------------------------


def _led_markets(day: Day) -> str:
    """Unit × open market that organizations of its subtree cover; `counts`: one of them is an organization that counts."""
    return f"""
        SELECT r.unit, c.market_id, bool_or(r.counts) AS counts FROM markets_marketcoverage c
        JOIN reach r ON r.organization_id = c.organization_id
        JOIN markets_market m ON m.id = c.market_id AND (m.closed_on IS NULL OR m.closed_on > {day.literal})
        WHERE {day.holds("c")} GROUP BY 1, 2"""


def _own_links(day: Day) -> str:
    """Unit × operating business, once for each link. Both halves meet the business where they are small."""
    return f"""
        SELECT r.unit, b.id, b.entity_type = 'sole_trader' AS sole, r.counts AND {mode_is(Covers.OWN)} AS own,
               r.counts AND {mode_is(Covers.JOINT)} AS joint, r.counts AND {mode_is(Covers.MARKET)} AS market
        FROM markets_businesscoverage c JOIN reach r ON r.organization_id = c.organization_id
        JOIN markets_business b ON b.id = c.business_id AND b.is_operating
        WHERE {day.holds("c")}
        UNION ALL
        SELECT r.unit, b.id, b.entity_type = 'sole_trader', false, false, r.counts
        FROM markets_marketcoverage c JOIN reach r ON r.organization_id = c.organization_id
        JOIN markets_market m ON m.id = c.market_id AND (m.closed_on IS NULL OR m.closed_on > {day.literal})
        JOIN markets_business b ON b.market_id = c.market_id AND b.is_operating
        WHERE {day.holds("c")}"""


def _grassroots_rows(day: Day, units: Units) -> str:
    """CTEs that end in `led`: unit × operating business, with the best of what the unit's subtree gives it."""
    return f"""{live(day)}, {reach(units)},
        led AS (SELECT unit, id, sole, bool_or(own) AS own, bool_or(joint) AS joint, bool_or(market) AS market,
                       true AS work
                FROM ({_own_links(day)}) links GROUP BY unit, id, sole)"""


def grassroots_sql(day: Day, units: Units = None) -> str:
    """(unit, sole, counts…) for every grassroots body, or for `units`.

    Businesses with a link of their own one by one; those in a covered market in groups, the former taken off.
    """
    sums = ", ".join(
        f'coalesce(sum(n) FILTER (WHERE {what}), 0)::bigint AS "{code}"' for code, what in NUMERATORS.items()
    )
    return f"""
        WITH {live(day)}, {reach(units)},
        linked AS MATERIALIZED (
            SELECT r.unit, b.id, b.entity_type = 'sole_trader' AS sole, b.market_id,
                   bool_or(r.counts AND {mode_is(Covers.OWN)}) AS own,
                   bool_or(r.counts AND {mode_is(Covers.JOINT)}) AS joint,
                   bool_or(r.counts AND {mode_is(Covers.MARKET)}) AS market
            FROM markets_businesscoverage c JOIN reach r ON r.organization_id = c.organization_id
            JOIN markets_business b ON b.id = c.business_id AND b.is_operating
            WHERE {day.holds("c")} GROUP BY 1, 2, 3, 4),
        led_markets AS MATERIALIZED ({_led_markets(day)}),
        stalls AS MATERIALIZED (
            SELECT b.market_id, b.entity_type = 'sole_trader' AS sole, count(*) AS n FROM markets_business b
            WHERE b.market_id = ANY (ARRAY(SELECT market_id FROM led_markets)) AND b.is_operating GROUP BY 1, 2),
        led AS (
            SELECT l.unit, l.sole, l.own, l.joint, l.market OR m.counts IS TRUE AS market, true AS work, 1::bigint AS n
            FROM linked l LEFT JOIN led_markets m ON m.unit = l.unit AND m.market_id = l.market_id
            UNION ALL SELECT m.unit, s.sole, false, false, m.counts, true, s.n
            FROM led_markets m JOIN stalls s ON s.market_id = m.market_id
            UNION ALL SELECT l.unit, l.sole, false, false, m.counts, true, -1
            FROM linked l JOIN led_markets m ON m.unit = l.unit AND m.market_id = l.market_id)
        SELECT unit, sole, {sums} FROM led GROUP BY unit, sole"""


def grassroots_ids(day: Day, unit: int, code: str, range: str) -> str:
    rows = _grassroots_rows(day, [unit])
    return f"WITH {rows} SELECT id FROM led WHERE {NUMERATORS[code]} AND {RANGES[range]}"


def grassroots_markets_sql(day: Day, units: Units = None) -> str:
    """(unit, market id) of the open markets that the unit's organizations cover."""
    return f"""WITH {live(day)}, {reach(units)}, led_markets AS ({_led_markets(day)})
        SELECT l.unit, m.id FROM led_markets l JOIN markets_market m ON m.id = l.market_id
        WHERE l.counts AND m.entered_at < {day.end}"""
