"""15-minute circle (15 分钟圈): which places have an open service point within a kilometre, by their points on the map.

As the crow flies: streets are not known here. Places without a position are in no count of these.
"""

import math

from reports.sql.parts import Day

METRES = 1000
_EARTH = 6_371_000  # mean radius in metres
# Squares of a fiftieth of a degree: 2.2 km north to south, and more than METRES east to west everywhere in China, so
# what is near lies in the same square or in one of the eight around it. They are met by a hash, not every pair.
_SQUARES = 50


def _half_squared(a: str, b: str) -> str:
    """sin² of half of a difference of two angles."""
    return f"power(sin(({a} - {b}) / 2), 2)"


def near_sql(day: Day, table: str, alias: str, where: str = "TRUE") -> str:
    """Ids of the rows of a table `where` (on its alias) from which a service point is near.

    Some hundred thousand pairs are compared, so what belongs to one row is worked out once for it, and the haversine of
    a pair is held against that of METRES instead of being made a distance.
    """

    def angles(row: str) -> str:
        return f"radians({row}.latitude::float8) AS lat, radians({row}.longitude::float8) AS lon"

    def square(row: str, name: str) -> str:
        return f"floor({row}.{name} * {_SQUARES})::int"

    haversine = f"{_half_squared('a.lat', 'p.lat')} + cos(a.lat) * cos(p.lat) * {_half_squared('a.lon', 'p.lon')}"
    return f"""
        WITH asked AS MATERIALIZED (
            SELECT {alias}.id, {angles(alias)}, {square(alias, "latitude")} AS north, {square(alias, "longitude")} AS east
            FROM {table} {alias} WHERE {alias}.latitude IS NOT NULL AND {where}),
        points AS MATERIALIZED (
            SELECT {angles("p")}, {square("p", "latitude")} AS north, {square("p", "longitude")} AS east
            FROM stations_servicepoint p
            WHERE p.latitude IS NOT NULL AND (p.closed_on IS NULL OR p.closed_on > {day.literal}))
        SELECT DISTINCT a.id FROM asked a CROSS JOIN generate_series(-1, 1) up CROSS JOIN generate_series(-1, 1) aside
        JOIN points p ON p.north = a.north + up AND p.east = a.east + aside
        WHERE abs(a.lat - p.lat) <= {METRES / _EARTH!r} AND {haversine} <= {math.sin(METRES / _EARTH / 2) ** 2!r}"""
