"""What an officer does with a registration. Every step is compare-and-set under a row lock: of two officers the
second is told who was faster and what happened."""

from django.db import transaction
from django.utils import timezone

from accounts import audit, wall
from accounts.own_words import says_something
from members import selectors
from members.errors import Conflict, Refused
from members.models import Consent, ContactLog, Member, Registration
from members.services.due import refuse_if_due
from members.services.submit import lock_keys

State = Registration.State


def _lock(registration: Registration) -> Registration:
    """The row as it is now, ours until the transaction ends; refused when it is decided already."""
    # Without select_related: after waiting for a lock PostgreSQL reads this row anew, but not what it joins.
    current = Registration.objects.select_for_update().get(pk=registration.pk)
    if current.state not in Registration.OPEN:
        raise Conflict(f"没有办成：{what_happened(current)}")
    return current


def what_happened(registration: Registration) -> str:
    """Who decided it, when and how, for the colleague who came second."""
    state = registration.get_state_display()
    if registration.state == State.WITHDRAWN:
        return "这条报到已由本人撤回，不能再办理。"
    if registration.decided_at is None or registration.decided_by is None:
        return f"这条报到现在是“{state}”，不能再办理。"
    at = timezone.localtime(registration.decided_at)
    return f"这条报到已由 {registration.decided_by} 于 {at:%m-%d %H:%M} 办结为“{state}”。"


def _note(act: str, registration: Registration, by, *, units=(), **detail) -> None:
    audit.record(
        f"members.registration.{act}",
        by=by,
        subjects=[registration],
        units=[registration.guidance_station_id, registration.district_committee_id, *units],
        detail=detail,
    )


def _decide(registration: Registration, state: str, by, **changes) -> Registration:
    """Close the locked row in its new state."""
    changes |= {"state": state, "decided_by": by, "decided_at": timezone.now()}
    for name, value in changes.items():
        setattr(registration, name, value)
    registration.save(update_fields=list(changes))
    return registration


@wall.everywhere()
@transaction.atomic
def registration_take(*, registration: Registration, by, seen_assignee: int | None = None) -> Registration:
    """Make it one's own lead. `seen_assignee` is whose it was on the page; somebody else's by now: Conflict."""
    current = _lock(registration)
    if current.assigned_to_id == by.pk:
        return current
    if current.assigned_to_id != seen_assignee:
        raise Conflict(f"没有办成：这条报到刚刚已由 {current.assigned_to or '其他人'} 领取。")
    current.assigned_to = by
    current.save(update_fields=["assigned_to"])
    _note("take", current, by, taken_over_from=seen_assignee)
    return current


@wall.everywhere()
@transaction.atomic
def registration_contact(*, registration: Registration, outcome: str, by) -> ContactLog:
    """Write down one attempt to reach the person. Reached makes it 已联系; whoever calls first takes it."""
    current = _lock(registration)
    log = ContactLog.objects.create(registration=current, outcome=outcome, by=by)
    if outcome in (ContactLog.Outcome.REACHED, ContactLog.Outcome.LATER):
        current.state = State.CONTACTED
    current.assigned_to = current.assigned_to or by
    current.save(update_fields=["state", "assigned_to"])
    _note("contact", current, by, outcome=outcome)
    return log


@wall.everywhere()
@transaction.atomic
def registration_verify(*, registration: Registration, method: str, by, same_as: Member | None = None) -> Registration:
    """The person is a member, verified by `method`: make the Member or join the one already here.

    The same identity number joins by itself; without one the officer may say which member it is (`same_as`, one of
    selectors.member_candidates). The roll is untouched. Raises Conflict, Refused, ConsentMissing.
    """
    if method not in Registration.Method.values:
        raise Refused("请选择核实方式。")
    current = _lock(registration)
    refuse_if_due(current)
    lock_keys(current.id_number_index)
    member = _same_person(current, same_as, by)
    is_new = member is None
    if member is None:
        member = _member_from(current)
    _decide(current, State.VERIFIED, by, member=member, method=method)
    Consent.objects.filter(registration=current, withdrawn_at__isnull=True).change(member=member)
    _note("verify", current, by, units=selectors.units_of_member(member), method=method, new_member=is_new)
    return current


def _same_person(registration: Registration, same_as: Member | None, by) -> Member | None:
    if registration.id_number_index is not None:
        member = Member.objects.select_for_update().filter(id_number_index=registration.id_number_index).first()
        if member is not None:
            return _still_counted(member)
    if same_as is None:
        return None
    if not selectors.member_candidates(registration, by).filter(pk=same_as.pk).exists():
        raise Refused("所选的党员与这条报到的手机号不一致，请重新选择。")
    member = Member.objects.select_for_update().get(pk=same_as.pk)
    if member.id_number_index is None and registration.id_number_index is not None:
        member.id_number, member.id_number_index = registration.id_number, registration.id_number_index
        member.save(update_fields=["id_number", "id_number_index"])
    return _still_counted(member)


def _still_counted(member: Member) -> Member:
    """Who moved out and reports again is counted again; any other end is for the Party organization to clear up."""
    if member.ended == Member.Ended.MOVED_OUT:
        member.ended, member.ended_on = "", None
        member.save(update_fields=["ended", "ended_on"])
    elif member.ended:
        raise Refused("系统中这一身份号码的记录已经停止计入，不能直接核实；请先向上级党组织核对。")
    return member


def _member_from(registration: Registration) -> Member:
    copied = (
        "name", "sex", "id_number", "id_number_index", "phone", "phone_index", "phone_tail", "standing", "occupation",
        "workplace", "workplace_business",
    )  # fmt: skip
    return Member.objects.create(**{name: getattr(registration, name) for name in copied})


@wall.everywhere()
@transaction.atomic
def registration_refuse(*, registration: Registration, reason: str, by) -> Registration:
    """未核实: it could not be confirmed. Never a statement that somebody is not a member; the person never sees why."""
    if not says_something(reason):
        raise Refused("请写明未能核实的原因。")
    current = _decide(_lock(registration), State.NOT_VERIFIED, by, reason=reason.strip())
    _note("refuse", current, by)
    return current


@wall.everywhere()
@transaction.atomic
def registration_mark_duplicate(*, registration: Registration, by, of: Registration | None = None) -> Registration:
    """It is the same person's as `of`; without `of`, as one that is known elsewhere, which the officer is not shown."""
    if of is not None:  # both rows in one order: two officers may mark them as each other's at once
        both = Registration.objects.select_for_update().filter(pk__in=[registration.pk, of.pk]).order_by("pk")
        of = next((row for row in both if row.pk == of.pk), None)
    current = _lock(registration)
    other = of or selectors.same_person_registrations(current).first()
    member = None if other else selectors.same_person_members(current).first()
    if other is None and member is None:
        raise Refused("没有找到重复的报到，请选择它与哪一条重复。")
    if other is not None and other.pk == current.pk:
        raise Refused("不能标为与自己重复，请选择另一条报到。")
    if other is not None and other.duplicate_of_id == current.pk:
        raise Refused("那一条已经标为与本条重复，请在那一条办理。")
    _decide(current, State.DUPLICATE, by, duplicate_of=other, member=member)
    _note("duplicate", current, by, elsewhere=of is None)
    return current


@wall.everywhere()
@transaction.atomic
def registration_unreachable(*, registration: Registration, by) -> Registration:
    """Nobody could be reached. At least one attempt must be on record. Raises Refused, Conflict."""
    current = _lock(registration)
    if not current.contacts.exclude(outcome=ContactLog.Outcome.REACHED).exists():
        raise Refused("还没有联系记录：请先拨打并记下结果，再标为无法联系。")
    _decide(current, State.UNREACHABLE, by)
    _note("unreachable", current, by)
    return current
