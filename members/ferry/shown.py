"""What the public side reads of the staff side's tables: which columns of which rows. One register for the files and for
the public side's database; that it is no more than the public role may read is tests/members/test_ferry.py."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Model, QuerySet

from accounts.models import IndexKey
from markets.models import Market
from members.models import Notice, Poster
from orgs.models import Organization


@dataclass(frozen=True)
class Shown:
    model: type[Model]
    columns: tuple[str, ...]  # of the database; the first is the primary key
    rows: Callable[[], QuerySet]

    @property
    def table(self) -> str:
        return self.model._meta.db_table


_shown: list[Shown] = []


def show(model: type[Model], columns: tuple[str, ...], rows: Callable[[], QuerySet]) -> None:
    _shown.append(Shown(model, columns, rows))


def all_shown() -> tuple[Shown, ...]:
    return tuple(_shown)


def register() -> None:
    """What this room's own pages read."""
    live = Poster.objects.live
    show(IndexKey, ("id", "receipts"), IndexKey.objects.all)  # a public side with another RECEIPT_KEY does not start
    show(Notice, columns_of(Notice), lambda: Notice.objects.filter(published_at__isnull=False))
    show(Poster, ("id", "code", "kind", "withdrawn_at", "market_id", "organization_id"), live)
    show(Market, ("id", "name"), lambda: Market.objects.filter(pk__in=live().values("market")))
    show(Organization, ("id", "name"), lambda: Organization.objects.filter(pk__in=live().values("organization")))


def columns_of(model: type[Model]) -> tuple[str, ...]:
    return tuple(str(field.column) for field in model._meta.concrete_fields)
