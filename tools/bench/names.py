"""P6: the global search for two characters of a name, rare and common, in every kind of scope."""

import time

from django.db import connection

from reports.search import search
from tools.bench.figures import median, p95
from tools.bench.people import readers
from tools.bench.statements import timed

TABLE = "markets_business"
SAMPLE = 20_000  # names from which the words are chosen
ABSENT = "鬯龘"  # two characters that no invented name has


def measure(repetitions: int) -> dict:
    chosen = words()
    people = readers()
    ms: dict[tuple[str, str], list[float]] = {(scope, word): [] for scope in people for word in chosen}
    scans: dict[str, list[float]] = {word: [] for word in chosen}
    for number in range(repetitions + 1):
        for word, text in chosen.items():
            scanned = scan(text)
            if number:
                scans[word].append(scanned)
            for scope, user in people.items():
                with timed(TABLE) as heard:
                    search(user, text)
                if number:
                    ms[scope, word].append(sum(one for one, _ in heard))
    slowest = max(ms, key=lambda key: p95(ms[key]))
    scanned = median([one for series in scans.values() for one in series])
    return {
        "p95_ms": p95(ms[slowest]),
        "slowest": " · ".join(slowest),
        "times_faster_than_scan": scanned / p95(ms[slowest]),
        "scan_median_ms": scanned,
        "words": {word: {"text": text, "names": number_of(text)} for word, text in chosen.items()},
        "sql_p95_ms": {word: {scope: p95(ms[scope, word]) for scope in people} for word in chosen},
    }


def words() -> dict[str, str]:
    """Bigrams of names: the most common one, one in the middle, the rarest of a sample, and one that nobody has."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT gram FROM (SELECT substr(name, generate_series(1, length(name) - 1), 2) AS gram
                FROM (SELECT name FROM {TABLE} ORDER BY id LIMIT {SAMPLE}) names) grams
            GROUP BY gram ORDER BY count(*) DESC, gram
            """
        )
        grams = [gram for (gram,) in cursor.fetchall()]
    return {"common": grams[0], "middle": grams[len(grams) // 20], "rare": grams[-1], "absent": ABSENT}


def scan(text: str) -> float:
    """Milliseconds of looking at every name once, in parallel where PostgreSQL wants to."""
    with connection.cursor() as cursor:
        started = time.perf_counter()
        cursor.execute(f"SELECT count(*) FROM {TABLE} WHERE name LIKE %s", [f"%{text}%"])
        cursor.fetchone()
        return (time.perf_counter() - started) * 1000


def number_of(text: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {TABLE} WHERE name LIKE %s", [f"%{text}%"])
        return cursor.fetchone()[0]
