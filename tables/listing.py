"""Lists that people see. The page, its saved views, its exports and its bulk acts read one Listing.

Upper rooms register theirs in `AppConfig.ready()`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from django.db.models import Model, QuerySet
from django.http import QueryDict
from django.urls import reverse

from accounts.own_words import names_a_person
from tables.keyset import MARKS, NEWEST, ORDER, Order, Walk, chosen_order, whole
from tables.patience import TOO_WIDE
from tables.table import Column, Table

UNFILTERED = "view"  # ?view=all: the whole list, although a saved view opens by itself


class Unusable(ValueError):
    """The filters of an address cannot be read; Chinese, for the person who asked."""


class NamesAPerson(Unusable):
    """What is kept of a query stays in clear and after an erasure: it may hold nobody's number."""


@dataclass(frozen=True)
class Asker:
    """What a filter asks of a request, also where there is none: in a job."""

    user: Any


class Exportable(Protocol):
    """Rows under an address's query that can be taken out by whoever holds `export`."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def export(self) -> str: ...

    @property
    def act(self) -> str: ...

    @property
    def persons(self) -> bool:
        """Are its rows persons? Then the audit of a file names every one of them."""

    def url(self, query: QueryDict) -> str: ...

    def columns(self, query: QueryDict, everything: bool) -> list[Column]: ...

    def to_export(self, query: QueryDict, user) -> QuerySet:
        """The rows in the list's order. Raises Unusable."""

    def look_up(self, rows: Sequence) -> None:
        """Read at once, for some rows, what their columns say of records that no relation leads to."""


@dataclass(frozen=True)
class Listing:
    """One list. `view` and `export` are the rights to see the rows and to take them out ("": nobody may)."""

    table: Table
    model: type[Model]
    filter_class: Any  # a django_filters.FilterSet
    address: str  # the name of the list's URL
    view: str
    export: str = ""
    related: tuple[str, ...] = ()
    unit: str = "个"
    empty_reason: str = ""
    too_wide: str = TOO_WIDE  # said where the filters leave more to look through than a page may take time for
    order: tuple[str, ...] = ("-pk",)
    orders: tuple[Order, ...] = (NEWEST,)  # what a person may choose from
    persons: bool = False
    accounts: tuple[str, ...] = ()  # filters by an account's name, which may be a phone and stays with what it did

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def title(self) -> str:
        return self.table.title

    @property
    def act(self) -> str:
        """What acts on this list are called in the audit."""
        return self.model._meta.label_lower

    @cached_property
    def known(self) -> frozenset[str]:
        """The parameters of an address that mean something here."""
        return frozenset(self.filter_class.base_filters) | {*MARKS, ORDER, "cols", UNFILTERED}

    def url(self, query: QueryDict) -> str:
        return f"{reverse(self.address)}?{query.urlencode()}".rstrip("?")

    def filter(self, query: QueryDict, user, permission: str = "") -> Any:
        """The filter set over the rows on which the person holds the right, by default that to see them."""
        rows = self.model._default_manager.visible_to(user, permission or self.view)  # type: ignore[attr-defined]
        return self.filter_class(query, queryset=rows, request=Asker(user))

    def rows(self, query: QueryDict, user, permission: str = "") -> QuerySet:
        """Raises Unusable."""
        if unknown := sorted(set(query) - self.known):
            raise Unusable(f"不认识的筛选条件：{'、'.join(unknown)}。请回到列表重新筛选。")
        asked = (value for name, values in query.lists() if name not in self.accounts for value in values)
        if any(map(names_a_person, asked)):
            raise NamesAPerson("筛选条件里像有身份号码或手机号，不能保存、导出或批量办理。请去掉再试。")
        found = self.filter(query, user, permission)
        if not found.form.is_valid():
            raise Unusable("筛选条件里有认不出的值，或有您看不到的单位。请回到列表重新筛选。")
        return whole(found.qs)

    def columns(self, query: QueryDict, everything: bool) -> list[Column]:
        if everything:
            return self.table.exported()
        return [column for column in self.table.chosen(query.getlist("cols")) if column.exported]

    def to_export(self, query: QueryDict, user) -> QuerySet:
        rows, order = self.rows(query, user, self.export), chosen_order(query, self.orders)
        return self.fetched(Walk(order).along(rows) if order.name else rows.order_by(*self.order), user)

    def fetched(self, rows: QuerySet, user) -> QuerySet:
        """The same with what the columns of a file read beside them, as far as this person may see it."""
        return rows.prefetch_related(*self.related)

    def look_up(self, rows: Sequence) -> None:
        pass


_listings: dict[str, Listing] = {}
_exportables: dict[str, Exportable] = {}
_units: list[Callable[[Any], Iterable[tuple[int, str]]]] = []


def register_listing(listing: Listing) -> None:
    _listings[listing.name] = listing
    _exportables[listing.name] = listing


def register_exportable(exportable: Exportable) -> None:
    """Rows that can be taken out and are no list of their own."""
    _exportables[exportable.name] = exportable


def listing(name: str) -> Listing | None:
    return _listings.get(name)


def listing_of(model: type[Model]) -> Listing | None:
    return next((each for each in _listings.values() if each.model is model), None)


def listings() -> Sequence[Listing]:
    return list(_listings.values())


def exported_lists() -> Sequence[Listing]:
    """The lists that leave as a file, those without a page of this room among them."""
    return [one for one in _exportables.values() if isinstance(one, Listing) and one.export]


def exportable(name: str) -> Exportable | None:
    return _exportables.get(name)


def tell_units(units: Callable[[Any], Iterable[tuple[int, str]]]) -> None:
    """Register who knows the units (id, name) where a person has a posting: those may share saved views."""
    _units.append(units)


def units_of(user) -> list[tuple[int, str]]:
    return [unit for units in _units for unit in units(user)]
