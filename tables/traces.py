"""What every import does beside its own writing: one at a time, the digest of a plan, what it made, what it saw."""

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence

from tables.models import Batch, BatchRange, Sighting
from tables.statements import fetch, run

IMPORT_LOCK = 7_802  # pg advisory lock: two files with the same records are planned and written one after the other
TABLE_LOCK = 7_810  # with a table's name: the same for a table that is read row by row; taken after IMPORT_LOCK
WAITING = "另一批正在写入，排队等待"
WORD = 64  # ids that the database packs into one number of a bitmap


def lock(waiting: Callable[[], None]) -> None:
    """Taken before the plan is made: whoever comes next sees what this import wrote. `waiting` may raise to give up."""
    while not fetch("SELECT pg_try_advisory_xact_lock(%s)", [IMPORT_LOCK])[0][0]:
        waiting()
        time.sleep(0.5)


def lock_table(name: str) -> None:
    run("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [TABLE_LOCK, name])


def digest_of(query: str, said: object) -> str:
    """Of a plan, in any order of its rows: `query` gives one bigint hash for each, `said` stands for the rest."""
    (found,) = fetch(f"SELECT count(*), COALESCE(sum(h), 0), COALESCE(bit_xor(h), 0) FROM ({query}) q (h)")
    return hashlib.sha256(f"{found} {said}".encode()).hexdigest()


# --- what a batch made ------------------------------------------------------------------------------------------------


def keep_made(batch: Batch, query: str) -> list[tuple[int, int]]:
    """Remember the ids that `query` gives as ranges: exact also where somebody else took ids in between."""
    ((number, first, last),) = fetch(f"SELECT count(*), min(id), max(id) FROM ({query}) q (id)")
    if not number:
        return []
    ranges = [(first, last)]
    if last - first + 1 != number:
        ranges = fetch(
            "SELECT min(id), max(id) FROM "
            f"(SELECT id, id - row_number() OVER (ORDER BY id) AS island FROM ({query}) q (id)) r GROUP BY island ORDER BY 1"
        )
    BatchRange.objects.bulk_create([BatchRange(batch=batch, first=a, last=b) for a, b in ranges], batch_size=5_000)
    return ranges


# --- what a batch saw -------------------------------------------------------------------------------------------------


def bitmap(words: Iterable[tuple[int, int]], ranges: Sequence[tuple[int, int]] = ()) -> bytes:
    """Bit n (lowest first in each byte, as PostgreSQL counts them) is id n. `words`: (number, its 64 bits)."""
    words = list(words)
    size = max([(number + 1) * WORD for number, _ in words] + [last + 1 for _, last in ranges], default=0)
    bits = bytearray(-(-size // WORD) * WORD // 8)
    for number, word in words:
        bits[number * 8 : number * 8 + 8] = (word % (1 << WORD)).to_bytes(8, "little")
    for first, last in ranges:
        full = range(first // 8 + 1, last // 8)
        if len(full):
            bits[full.start : full.stop] = b"\xff" * len(full)
        for number in {first // 8, last // 8}:
            low, high = max(first - number * 8, 0), min(last - number * 8, 7)
            bits[number] |= (0xFF >> (7 - high)) & (0xFF << low) & 0xFF
    return bytes(bits)


def keep_seen(batch: Batch, query: str, made: Sequence[tuple[int, int]] = ()) -> None:
    """Remember that the file spoke of the records whose ids `query` gives, and of those that it made."""
    words = fetch(f"SELECT id / {WORD}, bit_or(1::bigint << (id % {WORD})::int) FROM ({query}) q (id) GROUP BY 1")
    Sighting.objects.create(batch=batch, ids=bitmap(words, made))


def ids_seen(where: str) -> str:
    """A query for the ids that sightings speak of, those of `s` (tables_sighting) and `t` (tables_batch) in `where`.

    The bitmap is taken out of its storage once (`||` makes a copy in memory), not once for every bit.
    """
    return (
        "SELECT DISTINCT i::bigint AS id FROM (SELECT s.ids || ''::bytea AS ids FROM tables_sighting s "
        f"JOIN tables_batch t ON t.id = s.batch_id WHERE {where} OFFSET 0) m, "
        "generate_series(0, length(m.ids) * 8 - 1) i WHERE get_bit(m.ids, i) = 1"
    )


def see_later(batch: Batch, table: str, also: str = "", params: Sequence = ()) -> bool:
    """Make temporary `table` (id): records of which a later file of the same source spoke, and those that the query
    `also` gives. False, and no table, when nothing is later."""
    later = Sighting.objects.filter(
        batch__target=batch.target,
        batch__source=batch.source,
        batch__file_date__gt=batch.file_date,
        batch__state=Batch.State.APPLIED,
    )
    ids = list(later.values_list("pk", flat=True))
    found, given = [ids_seen("s.id = ANY(%s)")] if ids else [], [ids] if ids else []
    if also and fetch(f"SELECT EXISTS ({also})", params)[0][0]:
        found, given = [*found, also], [*given, *params]
    if not found:
        return False
    run(f"CREATE TEMP TABLE {table} ON COMMIT DROP AS {' UNION '.join(found)}", given)
    run(f"ANALYZE {table}")
    return True
