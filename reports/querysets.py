from typing import Self

from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from orgs.doors import holds_the_city, postings_with
from orgs.models import Division, Organization
from orgs.querysets import ScopedQuerySet


class UnitQuerySet(ScopedQuerySet):
    """Rows about one unit, an organization or a division: visible where the unit is."""

    def within_postings(self, postings):
        organizations = Organization.objects.within_postings(postings).filter(pk=OuterRef("organization"))
        divisions = Division.objects.within_postings(postings).filter(pk=OuterRef("division"))
        return self.filter(Exists(organizations) | Exists(divisions))


class OfFormQuerySet(ScopedQuerySet):
    """What was made of a form: visible where the form's unit is."""

    def within_postings(self, postings):
        organizations = Organization.objects.within_postings(postings).filter(pk=OuterRef("form__organization"))
        divisions = Division.objects.within_postings(postings).filter(pk=OuterRef("form__division"))
        return self.filter(Exists(organizations) | Exists(divisions))


class OfOrganizationQuerySet(ScopedQuerySet):
    """Rows of one organization in the column `organization`: visible where it is."""

    def within_postings(self, postings):
        return self.filter(organization__in=Organization.objects.within_postings(postings))


class EvaluationQuerySet(ScopedQuerySet):
    """A draft is seen only at the unit that composes it; what was released also by who is above it or compared in it."""

    def within_postings(self, postings):
        here = [posting.organization_id for posting in postings if posting.organization_id]
        above = Organization.objects.within_postings(postings)
        released = Q(release__isnull=False) & (Q(organization__in=above) | Q(release__units__overlap=here))
        return self.filter(Q(organization__in=here) | released)

    def composed_by(self, user, perm: str):
        """Those of the units at which the person holds the right: being above, or compared, is not enough."""
        return self.filter(organization__in=[posting.organization_id for posting in postings_with(user, perm)])


class PublishedQuerySet(ScopedQuerySet):
    """Published figures belong to no unit: whoever may see them at all sees each; the city's people keep them."""

    def within_postings(self, postings):
        return self.all() if postings else self.none()

    def kept_by(self, user, perm: str):
        """All of them for whoever holds the right at the city, in either line; none for anybody else."""
        return self.all() if holds_the_city(user, perm) else self.none()


class PrintedQuerySet(UnitQuerySet):
    def superseding(self, document):
        """The editions that took this one's place."""
        return self.filter(
            kind=document.kind, organization=document.organization_id, division=document.division_id,
            period=document.period, edition__gt=document.edition,
        )  # fmt: skip

    def with_newer(self):
        """With `has_newer`: whether a later edition holds in a document's place."""
        newer = self.model._default_manager.filter(
            Q(organization=OuterRef("organization")) | Q(division=OuterRef("division")),
            kind=OuterRef("kind"), period=OuterRef("period"), edition__gt=OuterRef("edition"), void__isnull=True,
        )  # fmt: skip
        return self.annotate(has_newer=Exists(newer))


class SelfCheckQuerySet(models.QuerySet):
    """Rows of no unit: whoever holds the right, by duty, sees all of them."""

    def visible_to(self, user, perm: str = "reports.view_selfcheck") -> Self:
        return self.all() if user.has_perm(perm) else self.none()


class AlarmQuerySet(models.QuerySet):
    """Rows of no unit: each of the three administrators sees the kinds that are theirs."""

    def visible_to(self, user, perm: str = "reports.view_alarm") -> Self:
        from reports.alarms.kinds import kinds_of  # it reads models

        return self.filter(kind__in=kinds_of(user.duty)) if user.has_perm(perm) else self.none()

    def open_first(self) -> Self:
        return self.order_by(F("handled_at").desc(nulls_first=True), "-last_at", "-pk")
