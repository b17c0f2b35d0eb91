from typing import Self

from django.db.models import Q

from orgs.kinds import Level
from orgs.querysets import ScopedQuerySet


class BusinessQuerySet(ScopedQuerySet):
    def registered(self) -> Self:
        return self.filter(is_registered=True)

    def operating(self) -> Self:
        return self.filter(is_operating=True)

    def sole_traders(self) -> Self:
        return self.filter(entity_type="sole_trader")

    def enterprises(self) -> Self:
        return self.exclude(entity_type="sole_trader")


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


class MarketDetailQuerySet(_Through):
    through = "market"


class PlatformQuerySet(ScopedQuerySet):
    """Platforms are public companies: whoever may see platforms at all sees each."""

    def organization_scope(self, organization) -> Q | None:
        return Q(pk__isnull=False)

    def division_scope(self, division) -> Q | None:
        return Q(pk__isnull=False)
