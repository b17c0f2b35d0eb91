"""What a later file or event only confirmed leaves no trace in the row, but it was said: an undo leaves it.

Of an event, and of a file about a business that the batch made, it is enough that the business was named. What the batch
changed stays where a later file has a column for it and its source does not say something else there (it would be a
SourceDifference, or have been written). A blank cell of such a file is taken for a confirmation: which cells were blank
nobody keeps, and what stays is listed.
"""

from markets.imports.becomes import WRITTEN
from tables.models import Batch, BatchConflict
from tables.statements import run
from tables.undo import GOES, ROWS

KEEP = f"UPDATE {ROWS} u SET conflict = '{BatchConflict.Kind.CONFIRMED}'"
# By which columns of a file a key of ORDER is said, where not by its own.
SAID_BY: dict[str, set[str]] = {
    "uscc": {"code"}, "legacy_registration_no": {"code", "legacy"}, "market_id": {"market"},
    "place": {"district", "street", "office"},
}  # fmt: skip
HEADS = {"full_members", "probationary_members", "members_incl_probationary"}


def keep_what_was_said_again(batch: Batch) -> None:
    run(
        f"{KEEP} FROM markets_eventsighting e WHERE e.business_id = u.id AND e.source = %s AND {GOES} "
        "AND (e.day > %s OR e.day = %s AND e.told_at > %s)",
        [batch.source, batch.file_date, batch.file_date, batch.applied_at],
    )
    since = Batch.objects.filter(
        target=batch.target, state=Batch.State.APPLIED, applied_at__gt=batch.applied_at, sighting__isnull=False
    )
    # A source's file of an earlier day says nothing against a later one, nor for it.
    since = since.exclude(source=batch.source, file_date__lt=batch.file_date)
    if batch.digest:  # the very same file, sent twice, is no second witness
        since = since.exclude(digest=batch.digest)
    for pk, source, columns in since.order_by("pk").values_list("pk", "source", "sighting__columns"):
        confirmed = " OR ".join(["u.made", *_confirmed(set(columns), source, batch)])
        run(  # the bitmap is taken out of its storage once, as in tables/traces.py
            f"{KEEP} FROM (SELECT ids || ''::bytea AS ids FROM tables_sighting WHERE batch_id = %s OFFSET 0) s, "
            f"markets_business b WHERE b.id = u.id AND {GOES} AND ({confirmed}) "
            "AND CASE WHEN u.id < length(s.ids) * 8::bigint THEN get_bit(s.ids, u.id) = 1 END",
            [pk],
        )


def _confirmed(columns: set[str], source: str, batch: Batch) -> list[str]:
    """Conditions on `u` and `b`, one for each key of which the file speaks. Marks and head-counts are of one source."""
    is_same = source == batch.source
    found = ["u.before ? 'declarations'"] if is_same and columns & HEADS else []
    for key, written in WRITTEN.items():
        if not columns & SAID_BY.get(key, {key}):
            continue
        touched = " OR ".join(f"u.before ? '{column}'" for column in written)
        if is_same:
            mark = f"(u.before -> 'provenance' ->> '{key}') IS DISTINCT FROM (b.provenance ->> '{key}')"
            touched += f" OR u.before ? 'provenance' AND {mark}"
        found.append(
            f"(({touched}) AND NOT EXISTS (SELECT FROM markets_sourcedifference d WHERE d.business_id = u.id "
            f"AND d.\"column\" = '{key}' AND d.source = '{source}'))"
        )
    return found
