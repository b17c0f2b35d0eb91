"""The product's own copy of the divisions, and loading it. Its source is named in the file's `meta`."""

import json
from pathlib import Path

from django.db import transaction

from accounts import audit
from orgs.models import Division

DATA = Path(__file__).resolve().parent / "data"
DIVISIONS_FILE = DATA / "shenzhen_divisions.json"
MAP_FILE = DATA / "shenzhen_districts.geojson"

STATISTICAL = "统计功能区"
COLUMNS = ("parent_id", "level", "name", "type", "gb2260", "mca_code", "is_statistical", "sort")


def divisions_read() -> dict:
    """The file as it is: meta, city, districts, streets, communities."""
    return json.loads(DIVISIONS_FILE.read_text(encoding="utf-8"))


def _row(level: int, item: dict, sort: int, parent_id: int | None) -> Division:
    in_national_list = level == Division.Level.CITY or item.get("gb2260")
    return Division(
        code=item["code"],
        parent_id=parent_id,
        level=level,
        name=item["name"],
        type=item.get("type", ""),
        gb2260=item["code"] if in_national_list else "",
        mca_code=item.get("mca_code") or "",
        is_statistical=item.get("type") == STATISTICAL,
        sort=sort,
    )


@transaction.atomic
def divisions_import(*, by=None) -> dict:
    """Load or refresh all divisions; one upsert a level. Doing it again changes nothing.

    Returns counts: the levels (`city`, `districts`, `streets`, `towns`, `statistical`, `communities`) and what was
    `created`, `updated`, `unchanged`. A division that is not in the file any more stays: rows stand on it.
    """
    data = divisions_read()
    known = {row["code"]: row for row in Division.objects.values("code", *COLUMNS)}
    pks: dict[str, int] = {}
    created = updated = 0
    levels = (
        (Division.Level.CITY, [data["city"]]),
        (Division.Level.DISTRICT, data["districts"]),
        (Division.Level.STREET, data["streets"]),
        (Division.Level.COMMUNITY, data["communities"]),
    )
    for level, items in levels:
        rows = [_row(level, item, sort, pks.get(item["parent"])) for sort, item in enumerate(items, 1)]
        changed = [row for row in rows if row.code in known and _differs(row, known[row.code])]
        new = [row for row in rows if row.code not in known]
        Division.objects.bulk_create(
            [*changed, *new], update_conflicts=True, unique_fields=["code"], update_fields=list(COLUMNS)
        )
        created, updated = created + len(new), updated + len(changed)
        pks |= dict(Division.objects.filter(level=level).values_list("code", "pk"))
    types = [item["type"] for item in data["streets"]]
    counts = {
        "city": 1,
        "districts": len(data["districts"]),
        "streets": types.count("街道"),
        "towns": types.count("镇"),
        "statistical": types.count(STATISTICAL),
        "communities": len(data["communities"]),
        "created": created,
        "updated": updated,
        "unchanged": sum(len(items) for _, items in levels) - created - updated,
    }
    if created or updated:
        audit.record("orgs.division.import", by=by, detail=counts)
    return counts


def _differs(row: Division, known: dict) -> bool:
    return any(getattr(row, column) != known[column] for column in COLUMNS)
