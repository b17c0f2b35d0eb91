"""Pages by key in the sort orders that an index carries, and totals that do not count millions."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import F, Func, QuerySet
from django.db.models.fields.tuple_lookups import (
    Tuple,
    TupleGreaterThan,
    TupleGreaterThanOrEqual,
    TupleLessThan,
    TupleLessThanOrEqual,
)
from django.db.models.lookups import Exact
from django.http import QueryDict

PAGE_SIZE = 50
EXACT_UP_TO, FOUND_UP_TO = 10_000, 2_000
TOLD_FROM = 4_000  # rows of a whole scope: ANALYZE knows about how many, and counting would be felt
MARKS = ("after", "before")
ORDER = "order"
LARGEST_KEY = 2**63 - 1


@dataclass(frozen=True)
class Order:
    """A sort order that an index carries: by `key`, an expression that is never null, and equal ones by id.

    `read` makes a key of its text in an address. Without a key the order is that of the ids.
    """

    name: str
    label: str
    key: Any = None
    read: Callable[[str], Any] = int
    descending: bool = True

    def mark_of(self, row) -> str:
        """Where a row of a page stands, for an address."""
        return str(row.pk) if self.key is None else f"{row.order_key}_{row.pk}"

    def read_mark(self, text: str) -> tuple | None:
        """The key and id of a mark; anything made up means there is none."""
        if "\0" in text:  # which PostgreSQL keeps in no text
            return None
        *key, pk = text.split("_") if self.key is not None else [text]
        if not (pk.isascii() and pk.isdigit() and len(pk) < 19) or len(key) != (self.key is not None):
            return None
        try:
            return (*(self.read(one) for one in key), int(pk))
        except ValueError:
            return None


NEWEST = Order("", "最新录入")


@dataclass(frozen=True)
class Walk:
    """A way through rows: in an order, from behind a mark on; `back` goes against the order."""

    order: Order = NEWEST
    mark: tuple | None = None
    back: bool = False

    @property
    def down(self) -> bool:
        return self.order.descending != self.back

    def keys(self) -> list:
        return [F("pk")] if self.order.key is None else [self.order.key, F("pk")]

    def after(self, queryset: QuerySet) -> QuerySet:
        """The rows behind the mark, in no order."""
        if self.mark is None:
            return queryset
        return queryset.filter((TupleLessThan if self.down else TupleGreaterThan)(Tuple(*self.keys()), self.mark))

    def until(self, queryset: QuerySet, mark: tuple) -> QuerySet:
        """The rows up to a mark that is on the way, itself included."""
        compare = TupleGreaterThanOrEqual if self.down else TupleLessThanOrEqual
        return queryset.filter(compare(Tuple(*self.keys()), mark))

    def along(self, queryset: QuerySet) -> QuerySet:
        """The rows behind the mark in the order, as its index gives them."""
        keyed = self._keyed(self.after(queryset))
        return keyed.order_by(*(one.desc() if self.down else one.asc() for one in self.keys()))

    def sorted(self, queryset: QuerySet) -> QuerySet:
        """The same for few rows that something else finds: no index sorts by a record, so none is walked along."""
        record = Func(*self.keys(), function="ROW")
        return self._keyed(self.after(queryset)).order_by(record.desc() if self.down else record.asc())

    def _keyed(self, queryset: QuerySet) -> QuerySet:
        return queryset if self.order.key is None else queryset.annotate(order_key=self.order.key)


def first_rows(queryset: QuerySet, walk: Walk, number: int) -> list:
    """The first rows on a walk. A queryset that carries a `search` is asked by it: it knows a better way."""
    search = getattr(queryset, "search", None)
    return search.first_rows(queryset, walk, number) if search else list(walk.along(queryset)[:number])


def whole(queryset: Any) -> Any:
    """The same rows for whoever takes all of them: one that carries a `search` lets its index find them."""
    search = getattr(queryset, "search", None)
    return search.by_index(queryset) if search else queryset


@dataclass
class Page:
    """`rows`, and addresses for partials/_pager.html; an address that leads nowhere is empty."""

    rows: list[Any] = field(default_factory=list)
    next_url: str = ""
    previous_url: str = ""
    first_url: str = ""

    @property
    def whole(self) -> bool:
        """Nothing lies before or after these rows."""
        return not (self.next_url or self.previous_url or self.first_url)


def _address(query: QueryDict, **values: str) -> str:
    kept = query.copy()
    for name in MARKS:
        kept.pop(name, None)
    for name, value in values.items():
        kept[name] = value
    return f"?{kept.urlencode()}"


def chosen_order(query: QueryDict, orders: Iterable[Order]) -> Order:
    return next((order for order in orders if order.name == query.get(ORDER, "")), NEWEST)


def order_choices(query: QueryDict, orders: Sequence[Order]) -> list[dict]:
    """For partials/_sort.html: each order with the address of its first page."""
    chosen = chosen_order(query, orders)
    return [{"label": one.label, "url": _address(query, order=one.name), "chosen": one == chosen} for one in orders]


def page_of(
    queryset: QuerySet, query: QueryDict, size: int = PAGE_SIZE, *, orders: Sequence[Order] = (NEWEST,)
) -> Page:
    """The page after `query["after"]` or before `query["before"]` in the chosen order; without either the first."""
    order = chosen_order(query, orders)
    after, before = (order.read_mark(query.get(name, "")) for name in MARKS)
    back = before is not None
    rows = first_rows(queryset, Walk(order, before or after, back), size + 1)
    more, rows = len(rows) > size, rows[:size]
    if back:
        rows = rows[::-1]
    page = Page(rows)
    if rows and (back or more):
        page.next_url = _address(query, after=order.mark_of(rows[-1]))
    if rows and (more if back else after is not None):
        page.previous_url = _address(query, before=order.mark_of(rows[0]))
    if after is not None or back:
        page.first_url = _address(query)
    return page


def total_text(
    queryset: QuerySet,
    unit: str,
    page: Page | None = None,
    *,
    exact_up_to: int = EXACT_UP_TO,
    told_from: int = TOLD_FROM,
) -> str:
    """ "共 78 个"; beyond ten thousand, of a whole scope beyond four, "约 428 万个" by the planner's estimate. A search tells
    by what it met on its way, or counts to two thousand: each row it finds lies somewhere else. Nothing is counted where
    the page itself says it."""
    if page and page.whole:
        return f"共 {len(page.rows):,} {unit}"
    search = getattr(queryset, "search", None)
    if search and (about := search.about(queryset)):
        return _about(about, unit)
    analyzed = not search and _analyzed(queryset)
    if analyzed and (rows := estimate(queryset)) >= told_from:
        return _about(rows, unit)
    most = min(exact_up_to, FOUND_UP_TO) if search else exact_up_to
    # As the rows lie, where an index of the scope gives them so: in another order each is looked up in the visibility map
    # anew, 1,973 pages instead of 28 for 4,574 rows. With more conditions the order could mislead the planner.
    order = ["-pk"] if analyzed else []
    seen = search.counted(queryset, most + 1) if search else queryset.order_by(*order)[: most + 1].count()
    if seen <= most:
        return f"共 {seen:,} {unit}"
    return f"{most:,} {unit}以上" if search else _about(max(estimate(queryset), most), unit)


def _analyzed(queryset: QuerySet) -> bool:
    """Whether these are all rows of a table, or those that have one value in one column: ANALYZE knows how many. Of
    two conditions the planner multiplies the shares, and may be far off."""
    query = queryset.query
    conditions = query.where.children
    joined = sum(map(bool, query.alias_refcount.values())) > 1
    return not joined and len(conditions) < 2 and all(isinstance(one, Exact) for one in conditions)


def _about(number: int, unit: str) -> str:
    if number < 10_000:
        return f"约 {round(number, -2):,} {unit}"
    return f"约 {number / 10_000:.1f} 万{unit}".replace(".0 万", " 万")


def estimate(queryset: QuerySet) -> int:
    """How many rows the planner expects."""
    sql, params = queryset.order_by().values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        return int(cursor.fetchone()[0][0]["Plan"]["Plan Rows"])
