"""Who may see which persons. A member is visible where a live affiliation is, or a registration that is open or
verified; both are asked by EXISTS over the two narrow tables, never by joining persons to places."""

from typing import Self

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.row_codes import CodedQuerySet
from orgs.kinds import Level
from orgs.querysets import ScopedQuerySet


def _live(on=None) -> Q:
    on = on or timezone.localdate()
    return Q(starts_on__lte=on) & (Q(ends_on__isnull=True) | Q(ends_on__gt=on))


class AffiliationQuerySet(ScopedQuerySet, CodedQuerySet):  # type: ignore[override]
    def organization_scope(self, organization) -> Q | None:
        if organization.level == Level.GRASSROOTS:
            return Q(organization__path__startswith=organization.path)
        return super().organization_scope(organization)

    def division_scope(self, division) -> Q | None:
        return None  # persons belong to the guidance line only

    def live(self, on=None) -> Self:
        return self.filter(_live(on))

    def formal(self) -> Self:
        return self.filter(kind="formal")

    def activity(self) -> Self:
        return self.filter(kind="activity")


class RegistrationQuerySet(ScopedQuerySet, CodedQuerySet):  # type: ignore[override]
    def organization_scope(self, organization) -> Q | None:
        if organization.level == Level.GRASSROOTS:
            return None
        return super().organization_scope(organization)

    def division_scope(self, division) -> Q | None:
        return None

    def undecided(self) -> Self:
        return self.filter(state__in=["submitted", "contacted"])

    def verified(self) -> Self:
        return self.filter(state="verified")

    def showing_a_person(self) -> Self:
        """Open or verified: the states in which the guidance station knows the person."""
        return self.filter(state__in=["submitted", "contacted", "verified"])

    def consent_due(self) -> Self:
        """Of these, whose consent does not cover what is done next until the person agrees anew (PIPL Art. 14(2))."""
        from members.models import Consent, Notice

        if not Notice.objects.superseded().exists():
            return self.none()  # nearly always: nobody is looked for
        given = Consent.objects.filter(registration=OuterRef("pk"), item=Consent.Item.MEMBERSHIP)
        return self.showing_a_person().filter(Exists(given.superseded()), ~Exists(given.in_force()))


class MemberQuerySet(ScopedQuerySet, CodedQuerySet):  # type: ignore[override]
    def current(self) -> Self:
        return self.filter(ended="", erased_at__isnull=True)

    def within_postings(self, postings) -> Self:
        from members.models import Affiliation, Registration

        affiliations = Affiliation.objects.live().within_postings(postings).filter(member=OuterRef("pk"))
        registrations = Registration.objects.showing_a_person().within_postings(postings).filter(member=OuterRef("pk"))
        return self.filter(Exists(affiliations) | Exists(registrations))


class _ThroughOrganization(ScopedQuerySet):
    organization_path = "organization__path__startswith"

    def organization_scope(self, organization) -> Q | None:
        return Q(**{self.organization_path: organization.path})

    def division_scope(self, division) -> Q | None:
        return None


class InstructorQuerySet(_ThroughOrganization):
    pass


class SeatQuerySet(_ThroughOrganization):
    pass


def belongs(member, organization) -> Q:
    """Whether this person belongs to this organization: on its roll, taken in, or verified by it (a guidance station)."""
    from members.models import Affiliation, Registration

    return Q(Exists(Affiliation.objects.live().filter(member=member, organization=organization))) | Q(
        Exists(Registration.objects.verified().filter(member=member, guidance_station=organization))
    )


class PledgeQuerySet(_ThroughOrganization):
    """Seen where its organization stands; while it is live also where the person is known: whoever is asked there may take
    it down."""

    def within_postings(self, postings) -> Self:
        from members.models import Member

        known = Member.objects.within_postings(postings).filter(pk=OuterRef("member"))
        return super().within_postings(postings) | self.live().filter(Exists(known))

    def live(self) -> Self:
        return self.filter(withdrawn_at__isnull=True)

    def to_take_off(self) -> Self:
        """Ended, and nobody has said that the plaque hangs no more."""
        return self.filter(withdrawn_at__isnull=False, taken_off_on__isnull=True)

    def groundless(self) -> Self:
        """Live, although what the person agreed to show is not so any more: the name, the standing, the organization."""
        as_agreed = Q(
            member__ended="", member__erased_at__isnull=True, member__name=F("name"), member__standing=F("standing"),
            organization__name=F("organization_name"),
        )  # fmt: skip
        return self.live().exclude(as_agreed & belongs(OuterRef("member"), OuterRef("organization")))


class AssignmentQuerySet(_ThroughOrganization):
    organization_path = "instructor__organization__path__startswith"

    def live(self, on=None) -> Self:
        return self.filter(_live(on))


class TransferQuerySet(ScopedQuerySet):
    def organization_scope(self, organization) -> Q | None:
        return Q(origin__path__startswith=organization.path) | Q(target__path__startswith=organization.path)

    def division_scope(self, division) -> Q | None:
        return None


class PosterQuerySet(ScopedQuerySet):
    def organization_scope(self, organization) -> Q | None:
        if organization.level == Level.DISTRICT:
            return Q(market__district_committee=organization.pk) | Q(organization__district_committee=organization.pk)
        if organization.level == Level.GUIDANCE_STATION:
            return Q(market__guidance_station=organization.pk) | Q(organization=organization.pk)
        return None

    def division_scope(self, division) -> Q | None:
        return None

    def live(self) -> Self:
        return self.filter(withdrawn_at__isnull=True)

    def on_the_wall(self) -> Self:
        """Live, with what a public page says of where it hangs, and no other column."""
        told = ("code", "kind", "withdrawn_at", "market__name", "organization__name")
        return self.live().select_related("market", "organization").only(*told)


class NoticeQuerySet(ScopedQuerySet):
    """The city's word to everybody: published ones are public, only a posting at the city writes one."""

    def superseded(self) -> Self:
        """After which one was published that needs consent anew: what was agreed to them covers nothing new."""
        return self.filter(self._newer())

    def in_force(self) -> Self:
        """Published, and good for a consent that is given or told now."""
        return self.filter(~self._newer(), published_at__isnull=False)

    def with_superseded(self) -> Self:
        """Annotates is_superseded."""
        return self.annotate(is_superseded=self._newer())

    def _newer(self) -> Exists:
        asking = self.model._default_manager.filter(consent_anew=True, published_at__gt=OuterRef("published_at"))
        return Exists(asking)

    def organization_scope(self, organization) -> Q | None:
        return None

    def division_scope(self, division) -> Q | None:
        return None


class ConsentQuerySet(CodedQuerySet):
    def live(self) -> Self:
        return self.filter(withdrawn_at__isnull=True)

    def in_force(self) -> Self:
        """Live, and covering what is done next."""
        return self.live().exclude(notice__in=_superseded())

    def superseded(self) -> Self:
        """Live, and good for what they were given for, but for nothing new."""
        return self.live().filter(notice__in=_superseded())


def _superseded() -> QuerySet:
    from members.models import Notice

    return Notice.objects.superseded().values("pk")


class ImpactAssessmentQuerySet(NoticeQuerySet):
    """Like the notice: the city's."""


class _ThroughRegistration(ScopedQuerySet):
    def organization_scope(self, organization) -> Q | None:
        if organization.level == Level.DISTRICT:
            return Q(registration__district_committee=organization.pk)
        if organization.level == Level.GUIDANCE_STATION:
            return Q(registration__guidance_station=organization.pk)
        return None

    def division_scope(self, division) -> Q | None:
        return None


class ContactLogQuerySet(_ThroughRegistration):
    pass


class RightsRequestQuerySet(_ThroughRegistration):
    """Seen where the registration is; of somebody on a roll who never reported, where the affiliation is."""

    def within_postings(self, postings) -> Self:
        from members.models import Affiliation

        here = Affiliation.objects.live().within_postings(postings).filter(member=OuterRef("member"))
        on_roll = self.filter(Exists(here), registration__isnull=True)
        return super().within_postings(postings) | on_roll


class IntakeClientQuerySet(_ThroughOrganization):
    """A key, and all that comes with it, belongs to the unit whose businesses it may register."""


class IntakeEventQuerySet(ScopedQuerySet):
    """An event is seen where its business stands."""

    def organization_scope(self, organization) -> Q | None:
        if organization.level == Level.DISTRICT:
            return Q(business__district_committee=organization.pk)
        if organization.level == Level.GUIDANCE_STATION:
            return Q(business__guidance_station=organization.pk)
        return None

    def division_scope(self, division) -> Q | None:
        if division.level == division.Level.DISTRICT:
            return Q(business__district=division.pk)
        if division.level == division.Level.STREET:
            return Q(business__street=division.pk)
        return None
