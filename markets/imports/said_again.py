"""Businesses in the rule of tables/said_again.py: what a cell must say, and by whom, to confirm what a batch changed.

A file of another source confirms a column where it says nothing else there (it would be a SourceDifference, or have been
written). Marks and head-counts are of one source. Of an event it is enough that it named the business.
"""

from markets.imports.becomes import WRITTEN
from markets.imports.plan import SAYS_BEFORE, Plan
from markets.sources import ORDER
from tables import said_again
from tables.models import Batch
from tables.said_again import KEEP
from tables.statements import run
from tables.undo import GOES

# Beside the keys of ORDER: a row that says the district alone says nothing of office and street.
DISTRICT, HEADS, PREDECESSOR = "district", "declarations", "predecessor_id"
COLUMNS = {key: tuple(columns) for key, columns in WRITTEN.items()} | {
    DISTRICT: ("district_committee_id", "district_id"), HEADS: (HEADS,), PREDECESSOR: (PREDECESSOR,),
}  # fmt: skip


def says(plan: Plan) -> dict[str, str]:
    """By column, whether the staged row `s` says something there."""
    said = {key: f"s.{key} IS NOT NULL" for key in ORDER if key != "place"} | {
        "entity_type": "NOT s.only_scale", "place": "s.placed_by <> 'district'", DISTRICT: "TRUE", HEADS: "s.heads",
    }  # fmt: skip
    return said | ({PREDECESSOR: f"s.row IN (SELECT row FROM {SAYS_BEFORE})"} if plan.converts else {})


def keep_what_was_said_again(batch: Batch) -> None:
    run(
        f"{KEEP} FROM markets_eventsighting e WHERE e.business_id = u.id AND e.source = %s AND {GOES} "
        "AND (e.day > %s OR e.day = %s AND e.told_at > %s)",
        [batch.source, batch.file_date, batch.file_date, batch.applied_at],
    )
    said_again.keep_what_was_said_again(batch, lambda column, source: _means(column, source, batch))


def _means(column: str, source: str, batch: Batch) -> str:
    is_same = source == batch.source
    if column == HEADS and not is_same:
        return "FALSE"
    touched = " OR ".join(f"u.before ? '{each}'" for each in COLUMNS[column])
    key = "place" if column == DISTRICT else column
    if key not in ORDER:
        return f"({touched})"
    if is_same:
        mark = f"(SELECT b.provenance ->> '{key}' FROM markets_business b WHERE b.id = u.id)"
        touched += f" OR u.before ? 'provenance' AND (u.before -> 'provenance' ->> '{key}') IS DISTINCT FROM {mark}"
    return (
        f"({touched}) AND NOT EXISTS (SELECT FROM markets_sourcedifference d WHERE d.business_id = u.id "
        f"AND d.\"column\" = '{key}' AND d.source = '{source}')"
    )
