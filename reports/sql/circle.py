"""15-minute circle (15 分钟圈): which places have an open service point within a kilometre, by their points on the map.

As the crow flies: streets are not known here. Places without a position are in no count of these.
"""

from reports.sql.parts import Day

METRES = 1000
_EARTH = 6_371_000  # mean radius in metres
# Squares of a fiftieth of a degree: 2.2 km north to south, and more than METRES east to west everywhere in China, so
# what is near lies in the same square or in one of the eight around it. They are met by a hash, not every pair.
_SQUARES = 50


def _distance(a: str, b: str) -> str:
    """Metres between the positions of two rows (haversine)."""
    north, east = (
        f"radians(({a}.{name} - {b}.{name})::float8) / 2" for name in ("latitude", "longitude")
    )  # halves of the differences
    level = f"cos(radians({a}.latitude::float8)) * cos(radians({b}.latitude::float8))"
    return f"2 * {_EARTH} * asin(sqrt(sin({north}) ^ 2 + {level} * sin({east}) ^ 2))"


def near_sql(day: Day, table: str, alias: str, where: str = "TRUE") -> str:
    """Ids of the rows of a table `where` (on its alias) from which a service point is near."""
    squares = " AND ".join(
        f"floor(p.{name} * {_SQUARES}) = floor({alias}.{name} * {_SQUARES}) + {step}"
        for name, step in (("latitude", "north"), ("longitude", "east"))
    )
    return f"""
        SELECT DISTINCT {alias}.id FROM {table} {alias}
        CROSS JOIN generate_series(-1, 1) north CROSS JOIN generate_series(-1, 1) east
        JOIN stations_servicepoint p ON {squares}
        WHERE (p.closed_on IS NULL OR p.closed_on > {day.literal}) AND {_distance(alias, "p")} <= {METRES} AND {where}"""
