from django.db.models import Q

from orgs.kinds import Level
from orgs.querysets import ScopedQuerySet


class ServicePointQuerySet(ScopedQuerySet):
    def open(self) -> "ServicePointQuerySet":
        return self.filter(closed_on__isnull=True)


class CheckInQuerySet(ScopedQuerySet):
    def organization_scope(self, organization) -> Q | None:
        if organization.level == Level.GRASSROOTS:
            return Q(
                member__affiliations__organization__path__startswith=organization.path,
                member__affiliations__ends_on__isnull=True,
            )
        return super().organization_scope(organization)

    def division_scope(self, division) -> Q | None:
        return None  # persons belong to the guidance line only


class FootfallQuerySet(ScopedQuerySet):
    def organization_scope(self, organization) -> Q | None:
        if organization.level == Level.DISTRICT:
            return Q(place__district_committee=organization.pk)
        if organization.level == Level.GUIDANCE_STATION:
            return Q(place__guidance_station=organization.pk)
        return None

    def division_scope(self, division) -> Q | None:
        column = "district" if division.level == division.Level.DISTRICT else "street"
        return Q(**{f"place__{column}": division.pk})
