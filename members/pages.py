"""Keyset pages by days and numbers: the address holds the last row's key, never a page number."""

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import HttpRequest

SIZE = 50


@dataclass(frozen=True)
class Page:
    rows: list
    next_url: str
    previous_url: str
    first_url: str


def _key(row, columns: tuple[str, ...]) -> str:
    return "_".join(str(getattr(row, column)) for column in columns)


def _is_day(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


def _beyond(columns: tuple[str, ...], key: str, comparison: str) -> Q | None:
    """Rows strictly behind the key; None where the key is not one of ours (somebody edited the address)."""
    parts = key.split("_")
    if len(parts) != len(columns) or not parts[-1].isdigit() or not all(map(_is_day, parts[:-1])):
        return None
    condition, equal = Q(pk__in=[]), Q()
    for column, part in zip(columns, parts, strict=True):
        condition |= equal & Q(**{f"{column}__{comparison}": part})
        equal &= Q(**{column: part})
    return condition


def page_of(request: HttpRequest, rows: QuerySet, *columns: str, descending: bool = False, size: int = SIZE) -> Page:
    """One page of `rows` ordered by `columns` (the last one a number that is unique, such as pk)."""
    before, after = request.GET.get("before", ""), request.GET.get("after", "")
    backwards = bool(before)
    down = descending != backwards
    beyond = _beyond(columns, before or after, "lt" if down else "gt") if before or after else None
    if beyond is not None:
        rows = rows.filter(beyond)
    found = list(rows.order_by(*[f"-{column}" if down else column for column in columns])[: size + 1])
    has_more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    rest = [
        (name, value) for name, values in request.GET.lists() for value in values if name not in ("before", "after")
    ]

    def url(name: str, row) -> str:
        return "?" + urlencode([*rest, (name, _key(row, columns))])

    moved = beyond is not None
    more_after, more_before = (True, has_more) if backwards and moved else (has_more, moved)
    return Page(
        rows=found,
        next_url=url("after", found[-1]) if found and more_after else "",
        previous_url=url("before", found[0]) if found and more_before else "",
        first_url="?" + urlencode(rest) if moved else "",
    )
