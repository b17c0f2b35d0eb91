"""Saved views: a list's filters and columns under a name, for oneself or for everybody in a unit."""

from django.db import transaction
from django.db.models import Q
from django.http import QueryDict

from accounts import audit
from accounts.models import User
from accounts.own_words import names_a_person
from tables.keyset import MARKS
from tables.listing import UNFILTERED, Listing, listing, units_of
from tables.models import SavedView

MOST = 50  # views that one person keeps of one list
LONGEST = 3_500  # characters of a query: a request's line takes some 4,000


class CannotKeep(ValueError):
    """A view cannot be kept like this; Chinese, for the person who asked."""


def views_for(user, table: str) -> list[SavedView]:
    """The own ones first, then those that others share with a unit where the person has a posting."""
    units = [pk for pk, _ in units_of(user)]
    seen = SavedView.objects.filter(Q(owner=user) | Q(unit__in=units), table=table).select_related("owner")
    return sorted(seen, key=lambda view: view.owner_id != user.pk)


def opens_with(user, listing: Listing) -> QueryDict | None:
    """What the list shows when nothing is asked: the own default, as far as the list still knows what it says.

    Where nothing of it is left the list opens as it is: an address that says nothing would lead here again.
    """
    view = SavedView.objects.filter(owner=user, table=listing.name, is_default=True).first()
    kept = QueryDict(view.query if view else "", mutable=True)
    for name in set(kept) - listing.known:
        del kept[name]
    return kept or None


def canonical(query: str) -> str:
    """Without page marks, blanks and repetitions, in one order: two addresses that show the same list are the same text."""
    asked = QueryDict(query)
    kept = QueryDict(mutable=True)
    for name in sorted(set(asked) - {*MARKS, UNFILTERED}):
        if values := [value for value in dict.fromkeys(asked.getlist(name)) if value]:
            kept.setlist(name, values)
    return kept.urlencode()


@transaction.atomic
def view_save(
    *, by, listing: Listing, name: str, query: str, unit: int | None = None, is_default: bool = False
) -> SavedView:
    """Keep what an address shows. An own view of the same name is replaced. Raises CannotKeep, Unusable."""
    name, kept = checked_name(name), canonical(query)
    if len(kept) > LONGEST:
        raise CannotKeep("筛选和列太多，视图记不下。请减少一些再保存。")
    listing.rows(QueryDict(kept), by)
    _one_by_one(by)
    own = SavedView.objects.filter(owner=by, table=listing.name)
    if not own.filter(name=name).exists() and own.count() >= MOST:
        raise CannotKeep(f"一个列表最多保存 {MOST} 个视图，请先删除不用的。")
    view = own.filter(name=name).first() or SavedView(owner=by, table=listing.name, name=name)
    view.query = kept
    return _keep(view, by, unit, is_default)


@transaction.atomic
def view_change(*, view: SavedView, by, name: str, unit: int | None, is_default: bool) -> SavedView:
    """Another name, shared or not, opening by itself or not. Raises CannotKeep."""
    view.name = checked_name(name)
    _one_by_one(by)
    if SavedView.objects.filter(owner=by, table=view.table, name=view.name).exclude(pk=view.pk).exists():
        raise CannotKeep(f"您已有一个叫「{view.name}」的视图，请换个名称。")
    return _keep(view, by, unit, is_default)


def checked_name(name: str) -> str:
    """Raises CannotKeep."""
    if not name.strip():
        raise CannotKeep("请给视图起个名称。")
    if names_a_person(name):
        raise CannotKeep("名称里像有身份号码或手机号，请换个名称。")
    return name.strip()


def _one_by_one(user) -> None:
    """What one person keeps in two windows at once is kept one after the other: each name once, one default."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _keep(view: SavedView, by, unit: int | None, is_default: bool) -> SavedView:
    if unit is not None and unit not in dict(units_of(by)):
        raise CannotKeep("只能共享给您任职的单位。")
    if is_default:
        SavedView.objects.filter(owner=by, table=view.table, is_default=True).exclude(pk=view.pk).update(
            is_default=False
        )
    view.unit, view.is_default = unit, is_default
    view.save()
    audit.record("tables.savedview.save", by=by, subjects=[view], detail={"table": view.table, "unit": unit})
    return view


@transaction.atomic
def view_delete(*, view: SavedView, by) -> None:
    audit.record("tables.savedview.delete", by=by, subjects=[view], detail={"table": view.table})
    view.delete()


def has_left(view: SavedView) -> bool:
    """Whether it is shared with a unit where its owner has no posting any more."""
    return view.unit is not None and view.unit not in dict(units_of(view.owner))


def left_behind(user, pk: int) -> SavedView | None:
    """A view that somebody who left shared with a unit of this person's, of a list that this person may see."""
    units = [unit for unit, _ in units_of(user)]
    view = SavedView.objects.filter(unit__in=units, pk=pk).exclude(owner=user).select_related("owner").first()
    shown = listing(view.table) if view else None
    return view if view and shown and user.has_perm(shown.view) and has_left(view) else None


@transaction.atomic
def view_unshare(*, view: SavedView, by) -> None:
    """Of what was left behind: the unit has it no more, its owner keeps it."""
    detail = {"table": view.table, "unit": view.unit, "owner": view.owner_id}
    audit.record("tables.savedview.unshare", by=by, subjects=[view], units=[view.unit], detail=detail)
    view.unit = None
    view.save(update_fields=["unit"])
