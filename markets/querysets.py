from typing import Self, cast

from django.db.models import Exists, F, OuterRef, Q

from markets.search import Search, key, named
from orgs import doors
from orgs.kinds import Level
from orgs.querysets import ScopedQuerySet


class BusinessQuerySet(ScopedQuerySet):
    search: Search | None = None  # how to find the first rows of a list by name; kept by what is derived

    def _clone(self) -> Self:
        copy = super()._clone()  # type: ignore[misc]  # Django's own hook, missing in the stubs
        copy.search = self.search
        return copy

    def organization_scope(self, organization) -> Q | None:
        return _for_the_index(super().organization_scope(organization))

    def division_scope(self, division) -> Q | None:
        return _for_the_index(super().division_scope(division))

    def named(self, text: str) -> Self:
        """By a part of the name or of its pinyin initials, or by a code (markets/search.py). Call it on the scope, before
        filters that no index carries."""
        return named(self, text)

    def registered(self) -> Self:
        return self.filter(is_registered=True)

    def operating(self) -> Self:
        return self.filter(is_operating=True)

    def sole_traders(self) -> Self:
        return self.filter(entity_type="sole_trader")

    def enterprises(self) -> Self:
        return self.exclude(entity_type="sole_trader")


def _for_the_index(scope: Q | None) -> Q | None:
    """The same with ids as the index over names takes them."""
    if scope is None:
        return None
    ((column, pk),) = cast(list[tuple[str, int]], scope.children)
    return Q(**{column: key(pk)})


class MarketQuerySet(ScopedQuerySet):
    def open(self) -> Self:
        return self.filter(closed_on__isnull=True)


class _Through(ScopedQuerySet):
    """Rows that stand where the row they belong to stands."""

    through: str

    def organization_scope(self, organization) -> Q | None:
        if organization.level == Level.DISTRICT:
            return Q(**{f"{self.through}__district_committee": organization.pk})
        if organization.level == Level.GUIDANCE_STATION:
            return Q(**{f"{self.through}__guidance_station": organization.pk})
        return None

    def division_scope(self, division) -> Q | None:
        column = "district" if division.level == division.Level.DISTRICT else "street"
        return Q(**{f"{self.through}__{column}": division.pk})


class BusinessDetailQuerySet(_Through):
    through = "business"


class HandOverQuerySet(BusinessDetailQuerySet):
    """Seen from both sides: where the business stands, and where it is to go."""

    def organization_scope(self, organization) -> Q | None:
        holder = super().organization_scope(organization)
        return None if holder is None else holder | _receiver(organization, by_division=False)

    def division_scope(self, division) -> Q | None:
        holder = super().division_scope(division)
        return None if holder is None else holder | _receiver(division, by_division=True)

    def to_decide_by(self, user, perm: str) -> Self:
        """Open requests that wait for this person: the side that did not ask decides, the city for both."""
        return self._of_side(user, perm, asked="receiver", offered="holder").filter(state="asked")

    def asked_by_side_of(self, user, perm: str) -> Self:
        """Open requests of the side where this person is: those it may withdraw."""
        return self._of_side(user, perm, asked="holder", offered="receiver").filter(state="asked")

    def to_ask_again_by(self, user, perm: str) -> Self:
        """What the own side asked for and did not get, and nothing was asked since; the business is not there yet."""
        mine = self._of_side(user, perm, asked="holder", offered="receiver")
        newer = self.model._default_manager.filter(business=OuterRef("business"), pk__gt=OuterRef("pk"))
        there = Q(business__guidance_station=F("to")) | Q(
            business__district_committee=F("to"), business__guidance_station=None
        )
        return mine.filter(~Exists(newer), state__in=("refused", "withdrawn")).exclude(there)

    def _of_side(self, user, perm: str, *, asked: str, offered: str) -> Self:
        """Of the holder's side those that were `asked` from, of the receiver's those that were `offered`."""
        scope = NOBODY
        for posting in doors.postings_with(user, perm):
            unit, by_division = posting.unit, bool(posting.division_id)
            if unit.level == 1:
                return self.all()
            own = super().division_scope(unit) if by_division else super().organization_scope(unit)
            if own is not None:
                scope |= own & Q(asked_from=asked) | _receiver(unit, by_division) & Q(asked_from=offered)
        return self.filter(scope)


NOBODY = Q(pk__in=[])


def _receiver(unit, by_division: bool) -> Q:
    if not by_division:
        return Q(to__path__startswith=unit.path)
    return Q(to_district=unit.pk) if unit.level == unit.Level.DISTRICT else Q(to_street=unit.pk)


class MarketDetailQuerySet(_Through):
    through = "market"


class PlatformQuerySet(ScopedQuerySet):
    """Platforms are public companies: whoever may see platforms at all sees each."""

    def organization_scope(self, organization) -> Q | None:
        return Q(pk__isnull=False)

    def division_scope(self, division) -> Q | None:
        return Q(pk__isnull=False)
