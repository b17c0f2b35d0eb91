"""Counting businesses and markets: by cell (the four ancestors) for the whole tree, and for grassroots bodies."""

from markets.models.coverage import Covers
from reports.sql.facts import (
    DUE_MEMBERS,
    NUMERATORS,
    OF_THE_ROW,
    RANGES,
    Near,
    counted,
    facts,
    mode_is,
    three_haves,
)
from reports.sql.parts import PLACE, Day, live, on_columns, place, reach

_PLACE = ", ".join(PLACE)
_FLAGS = "is_registered, is_operating, three_haves, above_size, own, joint, market, work, with_members, due"


# The columns of the three covering indexes, in their order: grouped by them as they come, millions of rows stream by
# without being hashed or sorted (0.4 s in place of 0.8 at 4.3 million). What is coarser is added up from these groups.
_INDEXED = "b.guidance_station_id, b.district_committee_id, b.street_id, b.district_id, b.entity_type"


def base_sql(where: str = "TRUE") -> str:
    """registered and operating by cell and range: an index-only scan of business_counts."""
    return f"""
        SELECT {_PLACE}, sole, coalesce(sum(n) FILTER (WHERE is_registered), 0)::bigint AS registered,
               coalesce(sum(n) FILTER (WHERE is_operating), 0)::bigint AS operating
        FROM (SELECT {place("b")}, b.entity_type = 'sole_trader' AS sole, b.is_registered, b.is_operating,
                     count(*) AS n
              FROM markets_business b WHERE {where} GROUP BY {_INDEXED}, b.is_registered, b.is_operating) cells
        GROUP BY {_PLACE}, sole"""


def filled_sql(where: str = "TRUE") -> str:
    """「三有」 and 规上 by cell and range, and on how many rows their columns are filled: two partial indexes."""
    return f"""
        SELECT {_PLACE}, sole, sum(premises)::bigint AS fixed_premises_filled, sum(haves)::bigint AS three_haves,
               sum(sized)::bigint AS above_size_filled, sum(above)::bigint AS above_size
        FROM (SELECT {place("b")}, b.entity_type = 'sole_trader' AS sole, count(*) AS premises,
                     CASE WHEN {three_haves("b")} THEN count(*) ELSE 0 END AS haves, 0 AS sized, 0 AS above
              FROM markets_business b WHERE b.is_operating AND b.fixed_premises IS NOT NULL AND {where}
              GROUP BY {_INDEXED}, b.fixed_premises, b.employees
              UNION ALL
              SELECT {place("b")}, b.entity_type = 'sole_trader', 0, 0, count(*),
                     CASE WHEN b.above_size THEN count(*) ELSE 0 END
              FROM markets_business b WHERE b.is_operating AND b.above_size IS NOT NULL AND {where}
              GROUP BY {_INDEXED}, b.above_size) cells
        GROUP BY {_PLACE}, sole"""


def _market_rows(day: Day, where: str = "TRUE") -> str:
    """Open markets, whether an organization that counts covers them, and the full members not yet in an own one."""
    return f"""
        SELECT m.id, m.code, {place("m")}, l.counts IS TRUE AS covered, coalesce(s.full_members, 0) AS full_members
        FROM markets_market m
        LEFT JOIN market_links l ON l.market_id = m.id
        LEFT JOIN (SELECT market_id, sum(full_members) AS full_members FROM facts
                   WHERE is_operating AND NOT own GROUP BY market_id) s ON s.market_id = m.id
        WHERE (m.closed_on IS NULL OR m.closed_on > {day.literal}) AND m.entered_at < {day.end} AND {where}"""


def facts_sql(day: Day, near: Near | None = None, cell: str = "TRUE", market: str = "TRUE") -> str:
    """One statement, so that one state of the data: ('cell', place, sole, counts…) and ('market', …) as JSON.

    `cell` and `market` keep only what stands under the unit that `near` was made for.
    """
    sums = ", ".join(
        f'coalesce(sum(n) FILTER (WHERE {where}), 0)::bigint AS "{key}"' for key, where in counted().items()
    )
    return f"""
        WITH {facts(day, near)},
        cells AS (SELECT {_PLACE}, sole, {_FLAGS}, count(*) AS n FROM facts WHERE {cell}
                  GROUP BY {_PLACE}, sole, {_FLAGS}),
        summed AS (SELECT {_PLACE}, sole, {sums} FROM cells GROUP BY {_PLACE}, sole),
        market_rows AS ({_market_rows(day, market)})
        SELECT 'cell', to_jsonb(summed) FROM summed
        UNION ALL SELECT 'market', to_jsonb(market_rows) FROM market_rows"""


MARKETS = {
    "markets": "TRUE",
    "markets_covered": "covered",
    "markets_due": f"full_members >= {DUE_MEMBERS}",
    "markets_due_not_built": f"full_members >= {DUE_MEMBERS} AND NOT covered",
}


def market_ids(day: Day, where: str, condition: str) -> str:
    """Ids of markets under a unit (`where` on the short names) that a metric counts."""
    near = Near.where(f"b.market_id IN (SELECT m.id FROM markets_market m WHERE {on_columns(where, 'm')})")
    return f"WITH {facts(day, near)} SELECT id FROM ({_market_rows(day)}) rows WHERE {where} AND {condition}"


def business_ids(day: Day, where: str, code: str, condition: str) -> str:
    """Ids of businesses under a unit (`where` on the short names) that a metric counts."""
    if code in OF_THE_ROW:
        return f"""SELECT id FROM (
            SELECT b.id, {place("b")}, b.entity_type = 'sole_trader' AS sole, b.is_registered, b.is_operating,
                   {three_haves("b")} AS three_haves, b.above_size IS TRUE AS above_size
            FROM markets_business b) rows WHERE {where} AND {condition}"""
    near = None if where == "TRUE" else Near.where(on_columns(where, "b"))
    return f"WITH {facts(day, near)} SELECT id FROM facts WHERE {where} AND {condition}"


# --- grassroots bodies: the operating businesses that the organization's subtree covers -------------------------------


def _own_links(day: Day, only: str) -> str:
    """Unit × operating business, once for each link. Both halves meet the business where they are small."""
    return f"""
        SELECT r.unit, b.id, b.entity_type = 'sole_trader' AS sole, r.counts AND {mode_is(Covers.OWN)} AS own,
               r.counts AND {mode_is(Covers.JOINT)} AS joint, r.counts AND {mode_is(Covers.MARKET)} AS market
        FROM markets_businesscoverage c JOIN reach r ON r.organization_id = c.organization_id
        JOIN markets_business b ON b.id = c.business_id AND b.is_operating
        WHERE {day.holds("c")} AND {only}
        UNION ALL
        SELECT r.unit, b.id, b.entity_type = 'sole_trader', false, false, r.counts
        FROM markets_marketcoverage c JOIN reach r ON r.organization_id = c.organization_id
        JOIN markets_market m ON m.id = c.market_id AND (m.closed_on IS NULL OR m.closed_on > {day.literal})
        JOIN markets_business b ON b.market_id = c.market_id AND b.is_operating
        WHERE {day.holds("c")} AND {only}"""


def _grassroots_rows(day: Day, only: str) -> str:
    """CTEs that end in `led`: unit × operating business, with the best of what the unit's subtree gives it."""
    return f"""{live(day)}, {reach()},
        led AS (SELECT unit, id, sole, bool_or(own) AS own, bool_or(joint) AS joint, bool_or(market) AS market,
                       true AS work
                FROM ({_own_links(day, only)}) links GROUP BY unit, id, sole)"""


def grassroots_sql(day: Day, only: str = "TRUE") -> str:
    """(unit, sole, counts…) for every grassroots body, or those that `only` (on r.unit) keeps."""
    sums = ", ".join(f'count(*) FILTER (WHERE {what}) AS "{code}"' for code, what in NUMERATORS.items())
    return f"WITH {_grassroots_rows(day, only)} SELECT unit, sole, {sums} FROM led GROUP BY unit, sole"


def grassroots_ids(day: Day, unit: int, code: str, range: str) -> str:
    rows = _grassroots_rows(day, f"r.unit = {unit}")
    return f"WITH {rows} SELECT id FROM led WHERE {NUMERATORS[code]} AND {RANGES[range]}"


def grassroots_markets_sql(day: Day, only: str = "TRUE") -> str:
    """(unit, market id) of the open markets that the unit's organizations cover."""
    return f"""WITH {live(day)}, {reach()}
        SELECT DISTINCT r.unit, m.id FROM markets_marketcoverage c
        JOIN reach r ON r.organization_id = c.organization_id AND r.counts
        JOIN markets_market m ON m.id = c.market_id
        WHERE {day.holds("c")} AND {only} AND (m.closed_on IS NULL OR m.closed_on > {day.literal})
          AND m.entered_at < {day.end}"""
