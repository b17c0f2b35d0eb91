from django.db.models import Exists, OuterRef

from orgs.models import Division, Organization
from orgs.querysets import ScopedQuerySet


class UnitQuerySet(ScopedQuerySet):
    """Rows about one unit, an organization or a division: visible where the unit is."""

    def within_postings(self, postings):
        organizations = Organization.objects.within_postings(postings).filter(pk=OuterRef("organization"))
        divisions = Division.objects.within_postings(postings).filter(pk=OuterRef("division"))
        return self.filter(Exists(organizations) | Exists(divisions))


class OfOrganizationQuerySet(ScopedQuerySet):
    """Rows of one organization in the column `organization`: visible where it is."""

    def within_postings(self, postings):
        return self.filter(organization__in=Organization.objects.within_postings(postings))
