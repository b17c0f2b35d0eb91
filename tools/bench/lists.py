"""P5: the list page of businesses, first and deep, for every kind of scope against the whole city."""

import time

from django.test import Client
from django.urls import reverse

from accounts.models import User
from markets.models import Business
from tools.bench.figures import median, p95
from tools.bench.people import CITY, readers
from tools.bench.statements import timed

ROWS, BESIDE = '"markets_business"', '"id") IN ('  # the rows and their number; what their cells name
DEPTHS = {"first": 0.0, "half": 0.5, "end": 0.97}


def measure(repetitions: int) -> dict:
    people = readers()
    clients = {scope: _client(user) for scope, user in people.items()}
    addresses = {scope: _addresses(user) for scope, user in people.items()}
    sql: dict[str, dict[str, list[float]]] = {scope: {depth: [] for depth in DEPTHS} for scope in people}
    rows_alone: dict[str, list[float]] = {scope: [] for scope in people}
    pages: dict[str, list[float]] = {scope: [] for scope in people}
    for number in range(repetitions + 1):
        for depth in DEPTHS:
            for scope in people:  # one after the other, so that a slow moment of the machine meets all of them
                started = time.perf_counter()
                with timed(ROWS, BESIDE) as heard:
                    answer = clients[scope].get(addresses[scope][depth])
                if answer.status_code != 200 or not all(
                    any(part in text for _, text in heard) for part in (ROWS, BESIDE)
                ):
                    raise ValueError(f"{addresses[scope][depth]} answered {answer.status_code}")
                if number:  # the first round warms
                    pages[scope].append((time.perf_counter() - started) * 1000)
                    sql[scope][depth].append(sum(ms for ms, _ in heard))
                    rows_alone[scope].append(max(ms for ms, text in heard if "ORDER BY" in text))
    slowest = {scope: p95([one for series in depths.values() for one in series]) for scope, depths in sql.items()}
    worst = max((scope for scope in people if scope != CITY), key=lambda scope: slowest[scope])
    return {
        "ratio": slowest[worst] / slowest[CITY],
        "worst_scope": worst,
        "slowest_p95_ms": max(slowest.values()),
        "sql_p95_ms": slowest,
        "sql_median_ms": {scope: {depth: median(one) for depth, one in sql[scope].items()} for scope in sql},
        "rows_statement_p95_ms": {scope: p95(series) for scope, series in rows_alone.items()},
        "page_median_ms": {scope: median(series) for scope, series in pages.items()},
    }


def _client(user: User) -> Client:
    client = Client()
    client.force_login(user, "orgs.doors.DoorBackend")
    return client


def _addresses(user: User) -> dict[str, str]:
    """The first page, and the pages that follow the row at half and at the end of what this person sees."""
    rows = Business.objects.visible_to(user)
    number = rows.count()
    found = {}
    for depth, share in DEPTHS.items():
        address = reverse("markets:business_list")
        if share:
            key = rows.order_by("-pk").values_list("pk", flat=True)[int(number * share)]
            address += f"?after={key}"
        found[depth] = address
    return found
