"""The querysets of the two lines, and the base of every scoped queryset: `visible_to` is the only way in."""

from datetime import date, timedelta
from functools import reduce
from operator import or_
from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.row_codes import CodedQuerySet
from orgs import doors
from orgs.kinds import COUNTED_KINDS, Level


class ScopedQuerySet(models.QuerySet):
    """A queryset with a door. It fails closed: without a posting that carries the right there are no rows.

    A subclass says how a posting's unit narrows its rows: `organization_scope(organization)` and
    `division_scope(division)` return a Q. The defaults fit tables that carry the four ancestor columns.
    """

    def organization_scope(self, organization) -> Q | None:
        """Rows under an organization; None where a unit of that level has none of these rows."""
        if organization.level == Level.DISTRICT:
            return Q(district_committee=organization.pk)
        if organization.level == Level.GUIDANCE_STATION:
            return Q(guidance_station=organization.pk)
        return None

    def division_scope(self, division) -> Q | None:
        if division.level == division.Level.DISTRICT:
            return Q(district=division.pk)
        if division.level == division.Level.STREET:
            return Q(street=division.pk)
        return None

    def visible_to(self, user, perm: str | None = None) -> Self:
        """The rows on which `user` holds `perm` ("app.act"; by default the right to view this model)."""
        perm = perm or f"{self.model._meta.app_label}.view_{self.model._meta.model_name}"
        return self.within_postings(doors.postings_with(user, perm))

    def within_postings(self, postings) -> Self:
        scopes = []
        for posting in postings:
            unit = posting.unit
            if unit.level == 1:  # the city, in either line: an empty Q would be the identity of | and match nothing
                return self.all()
            part = self.organization_scope(unit) if posting.organization_id else self.division_scope(unit)
            if part is not None and part not in scopes:
                scopes.append(part)
        # One scope stays one plain condition: the statistics know how many rows it has (tables/keyset.py).
        return self.filter(reduce(or_, scopes)) if scopes else self.none()


class DivisionQuerySet(ScopedQuerySet):
    """Divisions are public facts; the door only decides whose numbers may be read."""

    def organization_scope(self, organization) -> Q | None:
        if organization.level == Level.DISTRICT and organization.district_id:
            return Q(pk=organization.district_id) | Q(parent=organization.district_id)
        if organization.level == Level.GUIDANCE_STATION and organization.street_id:
            return Q(pk=organization.street_id)
        return None

    def division_scope(self, division) -> Q | None:
        return Q(pk=division.pk) | Q(parent=division.pk) | Q(parent__parent=division.pk)


class PostingQuerySet(ScopedQuerySet, CodedQuerySet):  # type: ignore[override]
    """Postings inside a unit, along its own line only: a division's rows may stand under another district committee."""

    def organization_scope(self, organization) -> Q | None:
        return Q(organization__path__startswith=organization.path)

    def division_scope(self, division) -> Q | None:
        return Q(division=division.pk) | Q(division__parent=division.pk) | Q(division__parent__parent=division.pk)

    def live(self) -> Self:
        """Holding today, or from a coming day on."""
        return self.filter(Q(ends_on__isnull=True) | Q(ends_on__gt=timezone.localdate()))

    def holding(self) -> Self:
        """Holding today."""
        return self.live().filter(starts_on__lte=timezone.localdate())


class OrganizationQuerySet(ScopedQuerySet, CodedQuerySet):  # type: ignore[override]
    def organization_scope(self, organization) -> Q | None:
        return Q(path__startswith=organization.path)

    def division_scope(self, division) -> Q | None:
        if division.level == division.Level.DISTRICT:
            return Q(district=division.pk)
        return Q(street=division.pk)

    def within(self, organization) -> Self:
        """The organization itself and everything below it."""
        return self.filter(path__startswith=organization.path)

    def open(self, on=None) -> Self:
        """Not closed; with `on`, existing on that day (periods are half-open)."""
        if on is None:
            return self.filter(closed_on__isnull=True)
        return self.filter(Q(approved_on__isnull=True) | Q(approved_on__lte=on)).filter(
            Q(closed_on__isnull=True) | Q(closed_on__gt=on)
        )

    def grassroots(self) -> Self:
        return self.filter(level=Level.GRASSROOTS)

    def counted(self) -> Self:
        """What 党组织数 counts: open grassroots bodies except 临时, 功能型 and 联盟, nested ones each once."""
        return self.open().grassroots().filter(kind__in=COUNTED_KINDS)

    def _with_term_end(self) -> Self:
        return self.open().annotate(term_end=Coalesce("extended_until", "term_ends_on"))

    def terms_ending(self, within_days: int, on: date) -> Self:
        """Open organizations whose term, an extension included, runs out after `on` and within so many days."""
        return self._with_term_end().filter(term_end__gt=on, term_end__lte=on + timedelta(days=within_days))

    def terms_overdue(self, on: date) -> Self:
        """Open organizations whose term, an extension included, has run out (the end itself is not in the term)."""
        return self._with_term_end().filter(term_end__lte=on)
