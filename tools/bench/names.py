"""P6: the search for two characters of a name, rare and common, for initials and for the beginning of a code, in every
kind of scope: the global search, and the first page of a list with its total."""

import time

from django.db import connection
from django.http import QueryDict

from markets.models import Business
from reports.search import search
from tables.keyset import page_of, total_text
from tools.bench.figures import median, p95
from tools.bench.people import readers
from tools.bench.statements import timed

TABLE = "markets_business"
ASKED = (f'"{TABLE}"', "name_gram_shares(")  # parts of the statements that a search makes
SAMPLE = 20_000  # names from which the words are chosen
ABSENT = "鬯龘"  # two characters that no invented name has


def measure(repetitions: int) -> dict:
    named, chosen, people = words(), words() | others(), readers()
    ms: dict[tuple[str, str], list[float]] = {(scope, word): [] for scope in people for word in chosen}
    pages: dict[tuple[str, str], list[float]] = {key: [] for key in ms}
    scans: dict[str, list[float]] = {word: [] for word in named}
    for number in range(repetitions + 1):
        for word, text in chosen.items():
            if word in named and (scanned := scan(text)) and number:  # the first round warms
                scans[word].append(scanned)
            for scope, user in people.items():
                for kept, ask in ((ms, search), (pages, first_page)):
                    with timed(*ASKED) as heard:
                        ask(user, text)
                    if number:
                        kept[scope, word].append(sum(one for one, _ in heard))
    slowest = max(ms, key=lambda key: p95(ms[key]))
    scanned = median([one for series in scans.values() for one in series])
    return {
        "p95_ms": p95(ms[slowest]),
        "slowest": " · ".join(slowest),
        "times_faster_than_scan": scanned / p95(ms[slowest]),
        "scan_median_ms": scanned,
        "words": {word: {"text": text, "names": number_of(text)} for word, text in chosen.items()},
        "sql_p95_ms": {word: {scope: p95(ms[scope, word]) for scope in people} for word in chosen},
        "list_and_total_p95_ms": {word: {scope: p95(pages[scope, word]) for scope in people} for word in chosen},
    }


def first_page(user, text: str) -> None:
    """What the list of businesses asks for a name."""
    rows = Business.objects.visible_to(user).named(text)
    page_of(rows, QueryDict())
    total_text(rows, "户")


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
    often = {"common": 0, "frequent": len(grams) // 60, "middle": len(grams) // 20, "uncommon": len(grams) // 4}
    return {word: grams[at] for word, at in often.items()} | {"rare": grams[-1], "absent": ABSENT}


def others() -> dict[str, str]:
    """Two, three and five initials from the middle of a name, and a code without its last characters."""
    row = Business.objects.exclude(uscc=None).order_by("pk")[SAMPLE // 2 : SAMPLE].first() or Business.objects.first()
    letters = row.name_pinyin[3:8]
    return {"initials_2": letters[:2], "initials_3": letters[:3], "initials_5": letters, "code": row.code[:14]}


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
