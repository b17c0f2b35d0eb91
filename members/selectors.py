"""Reads across this room's tables: who is whom, who may check in, what is known elsewhere."""

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts import wall
from accounts.models import AuditEvent
from members import identity
from members.models import Affiliation, Consent, Draft, Member, MemberCode, Notice, Receipt, Registration
from members.querysets import ConsentQuerySet, belongs
from orgs.models import Organization


def current_notice() -> Notice | None:
    """The newest published version: what a new consent is given to."""
    return Notice.objects.filter(published_at__isnull=False).order_by("-published_at", "-pk").first()


@wall.everywhere()
def receipt_by_code(code: str) -> Receipt | None:
    return (
        Receipt.objects.filter(code_index=identity.receipt_index(code))
        .select_related("registration__member", "notice")
        .first()
    )


def counter_draft(code: str, *, at: datetime | None = None) -> Draft | None:
    """An officer's entry that waits, or waited `at` that time, for the person's own tap."""
    waiting = Draft.objects.filter(channel=Registration.Channel.COUNTER, expires_at__gt=at or timezone.now())
    return waiting.filter(code_index=identity.receipt_index(code)).select_related("by", "guidance_station").first()


@wall.everywhere()
def member_by_code(code: str) -> Member | None:
    """The current member behind a live member code, or None. Say nothing about which of the two to the public."""
    live = MemberCode.objects.filter(code_index=identity.member_code_index(code), revoked_at__isnull=True)
    return Member.objects.current().filter(codes__in=live).first()


def consents_of(whose: Member | Registration, item: str) -> ConsentQuerySet:
    """Of a member: given as one, or through a registration not withdrawn."""
    if isinstance(whose, Registration):
        return Consent.objects.filter(registration=whose, item=item)
    through = Q(registration__member=whose, registration__withdrawn_at__isnull=True)
    return Consent.objects.filter(Q(member=whose) | through, item=item)


def has_check_in_consent(member: Member) -> bool:
    """Whether the member may be checked in now."""
    return consents_of(member, Consent.Item.CHECK_IN).in_force().exists()


def is_consent_due(whose: Member | Registration, item: str = Consent.Item.MEMBERSHIP) -> bool:
    """Whether nothing new may be done by this consent until the person agrees anew. A roll rests on none."""
    given = consents_of(whose, item)
    if not given.superseded().exists() or given.in_force().exists():
        return False
    return isinstance(whose, Registration) or not Affiliation.objects.live().formal().filter(member=whose).exists()


def agreed_version(registration: Registration) -> str:
    """The newest version of the notice to which the person agreed; empty where nothing stands."""
    given = consents_of(registration, Consent.Item.MEMBERSHIP).live().order_by("-notice__published_at")
    return given.values_list("notice__version", flat=True).first() or ""


def changes_since(version: str) -> list[Notice]:
    """The versions that need consent anew from who agreed to this one; the newest first. An unknown one is the oldest."""
    asking = Notice.objects.filter(consent_anew=True, published_at__isnull=False).order_by("-published_at", "-pk")
    agreed = Notice.objects.filter(version=version, published_at__isnull=False).first()
    return list(asking.filter(published_at__gt=agreed.published_at) if agreed else asking)


def pledge_organizations(member: Member, user) -> QuerySet:
    """In whose name a plaque of this person may hang: where they belong, as far as the user keeps people there."""
    own = Organization.objects.visible_to(user, "members.change_member")
    return own.filter(belongs(member, OuterRef("pk"))).order_by("-level", "name")


def units_of_member(member: Member) -> list[int | None]:
    """Organizations whose numbers change with this member, the workplace's among them."""
    work = member.workplace_business
    at_work = [work.guidance_station_id, work.district_committee_id] if work is not None else []
    rows = Affiliation.objects.live().filter(member=member)
    units = [unit for row in rows.values_list("guidance_station", "district_committee", "organization") for unit in row]
    through = Registration.objects.showing_a_person().filter(member=member)
    units += [unit for row in through.values_list("guidance_station", "district_committee") for unit in row]
    return units + at_work


# --- the same person -------------------------------------------------------------------------------------------------


def _same(registration: Registration) -> Q:
    """Rows of this person: the same number, or the same phone where one of the two has no number."""
    phone = Q(phone_index=registration.phone_index)
    if registration.id_number_index is None:
        return phone
    return Q(id_number_index=registration.id_number_index) | (phone & Q(id_number_index__isnull=True))


def same_person_registrations(registration: Registration) -> QuerySet:
    rows = Registration.objects.showing_a_person().filter(_same(registration), phone_index__isnull=False)
    return rows.exclude(pk=registration.pk).order_by("pk")


def same_person_members(registration: Registration) -> QuerySet:
    return Member.objects.current().filter(_same(registration), phone_index__isnull=False).order_by("pk")


def member_candidates(registration: Registration, user) -> QuerySet:
    """Members the officer may see and who have this phone: the officer decides whether it is one of them."""
    visible = Member.objects.visible_to(user, "members.view_member")
    return same_person_members(registration).filter(pk__in=visible.values("pk"))


def duplicates_here(registration: Registration, user) -> QuerySet:
    """Other registrations of this person that the officer may see."""
    visible = Registration.objects.visible_to(user)
    return same_person_registrations(registration).filter(pk__in=visible.values("pk"))


@wall.everywhere()
def is_known_elsewhere(registration: Registration, user) -> bool:
    """Whether the person is known outside the officer's scope: all that is said is 已在他处报到."""
    others = same_person_registrations(registration).exclude(pk__in=Registration.objects.visible_to(user).values("pk"))
    if others.exists():
        return True
    unseen = same_person_members(registration).exclude(pk__in=Member.objects.visible_to(user).values("pk"))
    return unseen.exists()


# --- lists ------------------------------------------------------------------------------------------------------------


def with_relations(members: QuerySet) -> QuerySet:
    """Annotates on_roll, taken_in and is_verified: the three of the four numbers a person can be in."""
    live = Affiliation.objects.live().filter(member=OuterRef("pk"))
    verified = Registration.objects.verified().filter(member=OuterRef("pk"))
    return members.annotate(
        on_roll=Exists(live.formal()), taken_in=Exists(live.activity()), is_verified=Exists(verified)
    )


def _events(acts: list[str], subject_type: str, ids: list[int]) -> QuerySet:
    rows = AuditEvent.objects.filter(act__in=acts, subject_type=subject_type, subjects__overlap=ids)
    return rows.select_related("actor").order_by("-id")


def lookups_of(member: Member, limit: int = 20) -> list[AuditEvent]:
    """Who saw this member's clear data, here or in a registration, or took it out, and why; newest first."""
    acts = ["members.member.reveal", "members.member.export", "members.pledge.preview", "members.pledge.print"]
    forms = list(Registration.objects.filter(member=member).values_list("pk", flat=True))
    rows = [*_events(acts, "members.member", [member.pk])[:limit], *lookups_of_registrations(forms, limit)]
    return sorted(rows, key=lambda event: -event.pk)[:limit]


def lookups_of_registrations(ids: list[int], limit: int = 20) -> QuerySet:
    return _events(["members.registration.reveal"], "members.registration", ids)[:limit]


def looks_at(member: Member | None, registrations: list[int], acts: list[str], limit: int = 1000) -> list[AuditEvent]:
    """Events of `acts` about this person, as a member or in a registration; newest first."""
    found = [*_events(acts, "members.member", [member.pk])[:limit]] if member else []
    found += _events(acts, "members.registration", registrations)[:limit] if registrations else []
    return sorted(found, key=lambda event: -event.pk)[:limit]
