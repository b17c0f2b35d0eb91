"""P3 and P4: the numbers of the whole tree, and of one guidance station after a change in it."""

import time

from django.db import connection, transaction
from django.db.models import Count, F

from markets.models import Business
from orgs.kinds import Level
from orgs.models import Organization
from reports import kept, tally
from reports.services import coverage_refresh
from reports.sql import businesses as sql
from reports.sql.parts import Day
from tools.bench.figures import median, p95

SCAN_ONLY = ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan")


def measure(repetitions: int) -> dict:
    scan(), coverage_refresh()  # warm
    full, scans, counting = [], [], []
    for _ in range(repetitions):
        scans += [scan(), scan()]
        full.append(coverage_refresh().seconds)
        counting.append(count_only())
    whole, scanned = median(full), median(scans)
    return {
        "ratio": whole / scanned,
        "counting_alone_ratio": median(counting) / scanned,
        "refresh_seconds": whole,
        "counting_seconds": median(counting),
        "scan_seconds": scanned,
        "businesses_seconds": median([businesses_only() for _ in range(repetitions)]),
        "one": one_unit(repetitions),
    }


def scan() -> float:
    """Seconds of count(*) by a parallel sequential scan."""
    with connection.cursor() as cursor:
        for name in SCAN_ONLY:
            cursor.execute(f"SET {name} = off")
        started = time.perf_counter()
        cursor.execute("SELECT count(*) FROM markets_business")
        cursor.fetchone()
        seconds = time.perf_counter() - started
        for name in SCAN_ONLY:
            cursor.execute(f"RESET {name}")
    return seconds


def count_only() -> float:
    """Seconds of a full refresh without writing its snapshots."""
    from django.utils import timezone

    started = time.perf_counter()
    day = Day(timezone.localdate())
    kept.keep_businesses(day)
    kept.keep_persons(day)
    found = tally.tree(day)
    tally.add_up(tally.count_cells(day).items(), found, found.units())
    tally.count_persons(found)
    tally.count_grassroots(day)
    return time.perf_counter() - started


def businesses_only() -> float:
    """Seconds of what DuckDB is asked beside it: the counts of businesses, from what is known of them, nothing written."""
    from django.utils import timezone

    started = time.perf_counter()
    with transaction.atomic():
        day = Day(timezone.localdate())
        tally.fetch(sql.base_sql(day))
        tally.fetch(sql.known_sql(day, "TRUE", sql.stalls("TRUE")))
        transaction.set_rollback(True)
    return time.perf_counter() - started


def one_unit(repetitions: int) -> dict:
    """Five guidance stations from the biggest to the smallest, each refreshed after a business of it changed."""
    sized = list(
        Organization.objects.filter(level=Level.GUIDANCE_STATION, pk__in=Business.objects.values("guidance_station"))
    )
    number = dict(Business.objects.values_list("guidance_station").annotate(Count("pk")))
    sized.sort(key=lambda unit: -number[unit.pk])
    chosen = [sized[round(at * (len(sized) - 1) / 4)] for at in range(5)]
    seconds: dict[str, list[float]] = {unit.code: [] for unit in chosen}
    for _ in range(repetitions + 1):
        for unit in chosen:
            some = Business.objects.filter(guidance_station=unit).order_by("-pk").values_list("pk", flat=True)[:1]
            Business.objects.filter(pk=some.get()).update(employees=F("employees") + 1)
            seconds[unit.code].append(coverage_refresh(touched=True).seconds)
    warm = [one for series in seconds.values() for one in series[1:]]
    return {
        "median_seconds": median(warm),
        "p95_seconds": p95(warm),
        "by_unit": {
            unit.code: {"businesses": number[unit.pk], "median_seconds": median(seconds[unit.code][1:])}
            for unit in chosen
        },
    }
