"""Pages by key, newest first, and totals that do not count millions."""

from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.http import QueryDict

PAGE_SIZE = 50
EXACT_UP_TO = 10_000
MARKS = ("after", "before")
LARGEST_KEY = 2**63 - 1


@dataclass
class Page:
    """`rows`, and addresses for partials/_pager.html; an address that leads nowhere is empty."""

    rows: list[Any] = field(default_factory=list)
    next_url: str = ""
    previous_url: str = ""
    first_url: str = ""


def _mark(query: QueryDict, name: str) -> int | None:
    """A page mark; anything but a key means there is none."""
    text = query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _address(query: QueryDict, **marks: int) -> str:
    kept = query.copy()
    for name in MARKS:
        kept.pop(name, None)
    for name, value in marks.items():
        kept[name] = str(value)
    return f"?{kept.urlencode()}"


def page_of(queryset: QuerySet, query: QueryDict, size: int = PAGE_SIZE) -> Page:
    """The page after `query["after"]` (older) or before `query["before"]` (newer); without either the newest."""
    after, before = _mark(query, "after"), _mark(query, "before")
    if before is not None:
        rows = list(queryset.filter(pk__gt=before).order_by("pk")[: size + 1])
        newer, older = len(rows) > size, True
        rows = rows[:size][::-1]
    else:
        rows = list((queryset.filter(pk__lt=after) if after is not None else queryset).order_by("-pk")[: size + 1])
        newer, older = after is not None, len(rows) > size
        rows = rows[:size]
    page = Page(rows)
    if rows and older:
        page.next_url = _address(query, after=rows[-1].pk)
    if rows and newer:
        page.previous_url = _address(query, before=rows[0].pk)
    if after is not None or before is not None:
        page.first_url = _address(query)
    return page


def total_text(queryset: QuerySet, unit: str, *, exact_up_to: int = EXACT_UP_TO) -> str:
    """ "共 78 个"; beyond ten thousand "约 428 万个", by the planner's estimate of the same query."""
    seen = queryset.order_by()[: exact_up_to + 1].count()
    if seen <= exact_up_to:
        return f"共 {seen:,} {unit}"
    about = max(_estimate(queryset), exact_up_to)
    return f"约 {about / 10_000:.1f} 万{unit}".replace(".0 万", " 万")


def _estimate(queryset: QuerySet) -> int:
    sql, params = queryset.order_by().values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        return int(cursor.fetchone()[0][0]["Plan"]["Plan Rows"])
