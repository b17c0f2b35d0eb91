from typing import Self

from django.db.models import Exists, OuterRef, Q

from members.models import Affiliation
from orgs.kinds import Level
from orgs.querysets import ScopedQuerySet


class ServicePointQuerySet(ScopedQuerySet):
    def organization_scope(self, organization) -> Q | None:
        if organization.level == Level.GRASSROOTS:  # a branch sees the places it hosts
            return Q(organization__path__startswith=organization.path)
        return super().organization_scope(organization)

    def open(self) -> Self:
        return self.filter(closed_on__isnull=True)


class CheckInQuerySet(ScopedQuerySet):
    def organization_scope(self, organization) -> Q | None:
        if organization.level == Level.GRASSROOTS:  # EXISTS, not a join: somebody with two affiliations is one row
            own = Affiliation.objects.live().filter(
                member=OuterRef("member"), organization__path__startswith=organization.path
            )
            return Q(Exists(own))
        return super().organization_scope(organization)

    def division_scope(self, division) -> Q | None:
        return None  # persons belong to the guidance line only


class CountAtPlaceQuerySet(ScopedQuerySet):
    """Counts of one place; they stand where the place stands."""

    def organization_scope(self, organization) -> Q | None:
        if organization.level == Level.DISTRICT:
            return Q(place__district_committee=organization.pk)
        if organization.level == Level.GUIDANCE_STATION:
            return Q(place__guidance_station=organization.pk)
        return None

    def division_scope(self, division) -> Q | None:
        column = "district" if division.level == division.Level.DISTRICT else "street"
        return Q(**{f"place__{column}": division.pk})
