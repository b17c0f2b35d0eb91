"""What becomes of personal data in time. Runs every night, safe to run twice; counts of closed months stay."""

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts import audit, wall
from members import erasure, identity, inbox
from members.erasure_list import ERASE, WITHDRAW, Erased, erased_write
from members.models import Affiliation, Member, Registration, RightsRequest
from members.services.pledges import pledges_expire
from members.services.requests import COPY_FIRST, NOTHING_LEFT, copies_expire, copies_to_come
from members.services.rights import registration_withdraw, take_back_again

EXPIRES_AFTER = timedelta(days=60)  # past the due date, still open
KEEP_UNVERIFIED = timedelta(days=90)  # after the decision, as the notice says
BATCH = 500
State = Registration.State
_ENDED_WITHOUT = (State.NOT_VERIFIED, State.DUPLICATE, State.UNREACHABLE, State.EXPIRED)
_NOTHING = {"id_number": None, "id_number_index": None, "phone": None, "phone_index": None, "phone_tail": ""}


def registrations_waiting_for_a_copy():
    """Whose copy comes first, by receipt or at the window; for some days, so that what was promised is kept."""
    withdrawn = Q(state=State.WITHDRAWN, withdrawn_at__gt=timezone.now() - COPY_FIRST)
    stale = Q(state__in=_ENDED_WITHOUT, decided_at__gt=timezone.now() - KEEP_UNVERIFIED - COPY_FIRST)
    to_come = Exists(copies_to_come().filter(registration=OuterRef("pk")))
    return Registration.objects.filter(withdrawn | stale, to_come, erased_at__isnull=True)


def registrations_due_for_erasure():
    """Withdrawn ones at once (the promise is 15 days), unverified ones after 90 days, what an officer found to be the same
    person's with what it repeats; after the copy that was asked for."""
    stale = Q(state__in=_ENDED_WITHOUT, decided_at__lt=timezone.now() - KEEP_UNVERIFIED)
    repeated = Q(duplicate_of__erased_at__isnull=False) | Q(member__erased_at__isnull=False)
    due = Registration.objects.filter(
        Q(state=State.WITHDRAWN) | stale | Q(repeated, state=State.DUPLICATE), erased_at__isnull=True
    )
    return due.exclude(pk__in=registrations_waiting_for_a_copy().values("pk"))


def members_due_for_erasure():
    """Who withdrew, or left the roll and asked for it, and is neither on a roll here nor known through another registration."""
    own = Registration.objects.filter(member=OuterRef("pk"))
    on_roll = Affiliation.objects.live().formal().filter(member=OuterRef("pk"))
    asked = RightsRequest.objects.filter(member=OuterRef("pk"), kind="erase", outcome=RightsRequest.Outcome.GRANTED)
    return Member.objects.filter(
        Exists(own.filter(state=State.WITHDRAWN)) | Exists(asked),
        ~Exists(own.filter(state__in=[*Registration.OPEN, State.VERIFIED])),
        ~Exists(on_roll),
        ~Exists(registrations_waiting_for_a_copy().filter(member=OuterRef("pk"))),
        erased_at__isnull=True,
    )


@wall.everywhere()
@transaction.atomic
def registrations_expire() -> int:
    """Open registrations 60 days past their due date become 逾期未办."""
    limit = timezone.localdate() - EXPIRES_AFTER
    rows = list(Registration.objects.undecided().filter(due_on__lt=limit).select_for_update(skip_locked=True)[:BATCH])
    Registration.objects.filter(pk__in=[row.pk for row in rows]).change(
        state=State.EXPIRED, decided_at=timezone.now(), decided_by=None
    )
    if rows:
        units = {unit for row in rows for unit in (row.guidance_station_id, row.district_committee_id)}
        audit.record("members.registration.expire", by=None, subjects=rows, units=units, detail={"rows": len(rows)})
    return len(rows)


@wall.everywhere()
@transaction.atomic
def erase_due() -> int:
    """Erase one batch of what is due, everywhere. Returns how many persons and forms were erased."""
    members = list(members_due_for_erasure().select_for_update(skip_locked=True, of=("self",))[:BATCH])
    forms = list(registrations_due_for_erasure().select_for_update(skip_locked=True, of=("self",))[:BATCH])
    return erase(members, forms)


def erase(members: list[Member], forms: list[Registration]) -> int:
    """Empty these rows and whatever else names the persons, in the caller's transaction. Numbers and dates stay."""
    if not members and not forms:
        return 0
    now = timezone.now()
    erased_write([*members, *forms])
    erasure.erase_elsewhere(members, forms)
    Member.objects.filter(pk__in=[row.pk for row in members]).change(
        **_NOTHING, name="", workplace="", workplace_business=None, joined_on=None, erased_at=now
    )
    emptied = Registration.objects.filter(pk__in=[row.pk for row in forms])
    emptied.exclude(reason="").change(reason=identity.ERASED)  # free text may name somebody
    emptied.change(
        **_NOTHING, name=None, workplace="", workplace_business=None, home_place="", home_branch="", erased_at=now
    )
    _settle_requests(members, forms, now)
    units = {unit for row in forms for unit in (row.guidance_station_id, row.district_committee_id)}
    if members:
        audit.record("members.member.erase", by=None, subjects=members, units=units)
    if forms:
        audit.record("members.registration.erase", by=None, subjects=forms, units=units)
    return len(members) + len(forms)


def _settle_requests(members: list[Member], forms: list[Registration], now) -> None:
    """What was said in their requests goes; those that asked for this are answered, and nothing is left for the others."""
    asked = RightsRequest.objects.filter(Q(registration__in=forms) | Q(member__in=members))
    asked.update(details=None, reply=None, sealed=None)
    own = asked.filter(done_at__isnull=True).exclude(receipt__is_joined=True)
    own.filter(kind__in=["erase", "withdraw"]).update(
        done_at=now, outcome=RightsRequest.Outcome.GRANTED, reply="姓名、身份号码和手机号已抹除。"
    )
    own.update(done_at=now, outcome=RightsRequest.Outcome.REFUSED, reply=NOTHING_LEFT)


@wall.everywhere()
@transaction.atomic
def erasures_replay(entries: Iterable[Erased]) -> tuple[int, int]:
    """Take back and erase again what stands on the list and came back with a backup: (rows taken back, rows erased). Safe to
    run twice."""
    by_act: dict[str, list[Erased]] = {ERASE: [], WITHDRAW: []}
    for entry in entries:
        by_act[entry.act].append(entry)
    taken_back = 0
    for entry in by_act[WITHDRAW]:
        if (row := entry.row()) is not None:  # not with the one before it
            take_back_again(row)
            taken_back += 1
    rows = [row for entry in by_act[ERASE] if (row := entry.row()) is not None]
    forms = [row for row in rows if isinstance(row, Registration)]
    for form in forms:
        if form.state in (*Registration.OPEN, State.VERIFIED):
            registration_withdraw(registration=form)
    return taken_back, erase([row for row in rows if isinstance(row, Member)], forms)


@wall.everywhere()
def retention_run() -> dict[str, int]:
    """Everything that is due tonight, in batches of their own transaction. Returns counts."""
    done = {"copies": copies_expire(), "inbox": inbox.forget(), "pledges": pledges_expire(), "expired": 0, "erased": 0}
    while count := registrations_expire():
        done["expired"] += count
    while count := erase_due():
        done["erased"] += count
    return done
