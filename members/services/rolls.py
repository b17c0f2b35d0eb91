"""Many people put on rolls at once, as a file brings them: the same rows as one by one, written set by set."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import wall
from members import identity
from members.models import Affiliation, Member
from orgs.models import Organization


@dataclass(frozen=True)
class Entry:
    """One person and the roll. `member`: who is known already without a roll; else `facts` make a new one."""

    organization: Organization
    facts: dict[str, Any]
    member: Member | None = None
    starts_on: datetime.date | None = None


def with_indexes(facts: dict[str, Any]) -> dict[str, Any]:
    """The columns of Member that follow from a number or a phone."""
    facts = dict(facts)
    if number := facts.get("id_number"):
        facts["id_number_index"] = identity.id_number_index(number)
    if "phone" in facts:
        phone = facts["phone"]
        facts |= {
            "phone_index": identity.phone_index(phone) if phone else None,
            "phone_tail": identity.phone_tail(phone),
        }
    return facts


@wall.everywhere()
@transaction.atomic
def roll_enter(*, entries: Sequence[Entry]) -> list[Affiliation]:
    """The formal affiliations, in the order of the entries.

    The caller has checked rights, rolls elsewhere and doubles (members/imports/rolls.py), and records the one event that
    names its batch. A person who is made here is entered at the same moment as the affiliation.
    """
    now, today = timezone.now(), timezone.localdate()
    new = [Member(**with_indexes(entry.facts), entered_at=now) for entry in entries if entry.member is None]
    made = iter(Member.objects.bulk_create(new))
    return Affiliation.objects.bulk_create(
        Affiliation(
            member=entry.member or next(made),
            organization=entry.organization,
            kind=Affiliation.Kind.FORMAL,
            starts_on=entry.starts_on or today,
            guidance_station_id=entry.organization.guidance_station_id,
            district_committee_id=entry.organization.district_committee_id,
            entered_at=now,
        )
        for entry in entries
    )


@wall.everywhere()
def members_change(members: Sequence[tuple[Member, dict[str, Any]]]) -> None:
    """Plain facts of people on a roll, as `member_edit` writes them one by one."""
    columns: set[str] = set()
    for member, facts in members:
        for name, value in with_indexes(facts).items():
            setattr(member, name, value)
            columns.add(name)
    if columns:
        Member.objects.bulk_update([member for member, _ in members], sorted(columns))
