"""组织关系转接 as a record: the person counts at the origin until received."""

import datetime

from django.db import transaction
from django.utils import timezone

from accounts import audit, wall
from members.errors import Refused
from members.models import Affiliation, Member, Transfer
from members.services.people import affiliation_end, affiliation_start, member_end
from orgs.models import Organization


def _note(act: str, transfer: Transfer, by) -> None:
    units = [unit for row in (transfer.origin, transfer.target) if row for unit in _units(row)]
    audit.record(f"members.transfer.{act}", by=by, subjects=[transfer.member], units=units)


def _units(organization: Organization) -> list[int | None]:
    return [organization.pk, organization.guidance_station_id, organization.district_committee_id]


def current_roll(member: Member) -> Affiliation | None:
    return Affiliation.objects.live().formal().filter(member=member).select_related("organization").first()


@wall.everywhere()
@transaction.atomic
def transfer_send(*, member: Member, by, target: Organization | None = None, elsewhere: str = "", **facts) -> Transfer:
    """Record that the relation was sent: to an organization here, or by name to one outside. Raises Refused."""
    if (target is None) == (not elsewhere.strip()):
        raise Refused("接收的党组织请选择一个，或填写系统外的名称，二选一。")
    if target is not None and not target.capability.holds_rolls:
        raise Refused(f"{target.get_kind_display()}不保留党员组织关系，请选择有名册的党组织。")
    if Transfer.objects.filter(member=member, state=Transfer.State.SENT).exists():
        raise Refused("这位党员已有一项转接还没有接收，请先办结。")
    roll = current_roll(member)
    if roll is None and target is None:
        raise Refused("这位党员的组织关系不在本系统，不能转出。")
    facts.setdefault("sent_on", timezone.localdate())
    transfer = Transfer.objects.create(
        member=member, origin=roll.organization if roll else None, target=target, elsewhere=elsewhere.strip(), **facts
    )
    _note("send", transfer, by)
    return transfer


def _undecided(transfer: Transfer) -> Transfer:
    row = (
        Transfer.objects.select_for_update(of=("self",))
        .select_related("member", "origin", "target")
        .get(pk=transfer.pk)
    )
    if row.state != Transfer.State.SENT:
        raise Refused(f"这项转接已经是“{row.get_state_display()}”，不能再办。")
    return row


@wall.everywhere()
@transaction.atomic
def transfer_receive(*, transfer: Transfer, by, on: datetime.date | None = None) -> Transfer:
    """Received on a day: off the origin's roll and on the target's, or not counted here any more."""
    row = _undecided(transfer)
    on = on or timezone.localdate()
    if on < row.sent_on:
        raise Refused("接收日期不能早于转出日期。")
    if (roll := current_roll(row.member)) is not None:
        affiliation_end(affiliation=roll, by=by, ends_on=on)
    if row.target is not None:
        affiliation_start(member=row.member, organization=row.target, by=by, starts_on=on)
    else:
        member_end(member=row.member, reason=Member.Ended.MOVED_OUT, ended_on=on, by=by)
    row.state, row.decided_on = Transfer.State.RECEIVED, on
    row.save(update_fields=["state", "decided_on"])
    _note("receive", row, by)
    return row


@wall.everywhere()
@transaction.atomic
def transfer_return(*, transfer: Transfer, reason: str, by, on: datetime.date | None = None) -> Transfer:
    """Sent back: the person stays where they were."""
    if not reason.strip():
        raise Refused("请写明退回的原因。")
    row = _undecided(transfer)
    row.state, row.decided_on, row.reason = Transfer.State.RETURNED, on or timezone.localdate(), reason.strip()
    row.save(update_fields=["state", "decided_on", "reason"])
    _note("return", row, by)
    return row
