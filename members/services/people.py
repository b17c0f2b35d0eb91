"""What is done with a member: accepted by a branch, put on a roll, ended, edited, shown in clear."""

import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit, wall
from members import identity, selectors
from members.errors import Refused
from members.models import Affiliation, Consent, Member
from members.services.due import refuse_if_due
from members.services.pledges import pledges_settle
from orgs.kinds import Level
from orgs.models import Organization

REVEALABLE = {"name": "姓名", "phone": "手机号", "id_number": "身份号码"}
EDITABLE = ("name", "sex", "phone", "standing", "joined_on", "occupation", "workplace", "workplace_business")


def _lock(member: Member) -> Member:
    current = Member.objects.select_for_update().get(pk=member.pk)
    if current.ended or current.erased_at:
        raise Refused("这位党员已经不再计入，不能再办理；请刷新页面查看。")
    return current


def is_of_branch(contact: Member, organization: Organization, on: datetime.date | None = None) -> bool:
    return Affiliation.objects.live(on).filter(member=contact, organization=organization).exists()


def _start(member: Member, organization: Organization, kind: str, starts_on, contact=None) -> Affiliation:
    if organization.closed_on is not None:
        raise Refused("这个党组织已经撤销，请选择另一个。")
    try:
        with transaction.atomic():
            return Affiliation.objects.create(
                member=member,
                organization=organization,
                kind=kind,
                starts_on=starts_on,
                contact=contact,
                guidance_station_id=organization.guidance_station_id,
                district_committee_id=organization.district_committee_id,
            )
    except IntegrityError as error:
        if kind == Affiliation.Kind.FORMAL:
            raise Refused("同一时期只能有一个组织关系：请先结束原来的，或调整起日。") from error
        raise Refused("这位党员已经由这个党组织纳管，不用重复办理。") from error


def _note(act: str, affiliation: Affiliation, by, **detail) -> None:
    audit.record(
        f"members.affiliation.{act}",
        by=by,
        subjects=[affiliation.member],
        units=[
            affiliation.guidance_station_id,
            affiliation.district_committee_id,
            affiliation.organization_id,
            *selectors.units_of_member(affiliation.member),
        ],
        detail={"kind": affiliation.kind, "affiliation": affiliation.pk, **detail},
    )


def _require(by, perm: str, organization: Organization, sentence: str) -> None:
    if by is not None and not by.has_perm(perm, organization):
        raise Refused(sentence)


@wall.everywhere()
@transaction.atomic
def member_accept(
    *, member: Member, organization: Organization, contact: Member, by, starts_on: datetime.date | None = None
) -> Affiliation:
    """A branch takes the member in (纳管), naming the contact among its own people. Takes nothing from any roll."""
    _require(by, "members.add_affiliation", organization, "请选择您范围内的党组织。")
    if organization.level != Level.GRASSROOTS:
        raise Refused("只有基层党组织可以纳管党员，请选择党支部、党总支或党委。")
    starts_on = starts_on or timezone.localdate()
    member = _lock(member)
    refuse_if_due(member)
    if contact.pk == member.pk:
        raise Refused("联系人不能是本人，请在党组织的人员中另选一位。")
    if not is_of_branch(contact, organization, starts_on):
        raise Refused("联系人必须是这个党组织现有的党员，请重新选择。")
    affiliation = _start(member, organization, Affiliation.Kind.ACTIVITY, starts_on, contact)
    _note("accept", affiliation, by, contact=contact.pk)
    return affiliation


@wall.everywhere()
@transaction.atomic
def affiliation_start(
    *, member: Member, organization: Organization, by, starts_on: datetime.date | None = None
) -> Affiliation:
    """Put the member on an organization's roll (FORMAL, one at a time). Raises Refused."""
    _require(by, "members.add_affiliation", organization, "请选择您范围内的党组织。")
    if not organization.capability.holds_rolls:
        raise Refused(f"{organization.get_kind_display()}不保留党员组织关系，请选择有名册的党组织。")
    affiliation = _start(_lock(member), organization, Affiliation.Kind.FORMAL, starts_on or timezone.localdate())
    _note("start", affiliation, by)
    return affiliation


@wall.everywhere()
@transaction.atomic
def affiliation_end(*, affiliation: Affiliation, by, ends_on: datetime.date | None = None) -> Affiliation | None:
    """End it on `ends_on`, which does not count any more. One that began that day or later never was: it goes.

    Returns None then.
    """
    ends_on = ends_on or timezone.localdate()
    current = Affiliation.objects.select_for_update(of=("self",)).select_related("member").get(pk=affiliation.pk)
    if current.ends_on is not None and current.ends_on <= ends_on:
        raise Refused("这个关系已经结束，不用再办。")
    _note("end", current, by, ends_on=str(ends_on))
    is_void = ends_on <= current.starts_on
    if is_void:
        current.delete()
    else:
        Affiliation.objects.filter(pk=current.pk).change(ends_on=ends_on)
        current.refresh_from_db(fields=["ends_on"])
    pledges_settle(current.member, by=by)
    return None if is_void else current


@wall.everywhere()
@transaction.atomic
def member_end(*, member: Member, reason: str, by, ended_on: datetime.date | None = None) -> Member:
    """Not counted from `ended_on` on, for one of Member.Ended; the live affiliations end with it."""
    if reason not in Member.Ended.values:
        raise Refused("请选择不再计入的原因。")
    ended_on = ended_on or timezone.localdate()
    if ended_on > timezone.localdate():
        raise Refused("日期不能在今天之后。")
    current = _lock(member)
    units = selectors.units_of_member(current)
    for affiliation in Affiliation.objects.live().filter(member=current):
        affiliation_end(affiliation=affiliation, by=by, ends_on=ended_on)
    current.codes.filter(revoked_at__isnull=True).update(revoked_at=timezone.now())
    current.ended, current.ended_on = reason, ended_on
    current.save(update_fields=["ended", "ended_on"])
    pledges_settle(current, by=by)
    audit.record("members.member.end", by=by, subjects=[current], units=units, detail={"reason": reason})
    return current


@wall.everywhere()
@transaction.atomic
def member_edit(*, member: Member, by, **changes) -> Member:
    """Change plain facts of a member; `changes` are columns of EDITABLE. Audits the names of columns only."""
    if unknown := set(changes) - set(EDITABLE):
        raise Refused(f"不能这样修改：{'、'.join(sorted(unknown))}。")
    current = _lock(member)
    changes = {name: value for name, value in changes.items() if getattr(current, name) != value}
    if "phone" in changes:
        changes["phone"] = identity.check_phone(changes["phone"])
        changes["phone_index"] = identity.phone_index(changes["phone"])
        changes["phone_tail"] = identity.phone_tail(changes["phone"])
    before = selectors.units_of_member(current)
    for name, value in changes.items():
        setattr(current, name, value)
    told = identity.contradicted(current.id_number, sex=current.sex, joined_on=current.joined_on)
    if problems := [reason for name, reason in told.items() if name in changes]:
        raise Refused(f"{'；'.join(problems)}。")
    if changes:
        current.save(update_fields=list(changes))
        pledges_settle(current, by=by)
        units, fields = [*before, *selectors.units_of_member(current)], sorted(set(changes) & set(EDITABLE))
        audit.record("members.member.edit", by=by, subjects=[current], units=units, detail={"fields": fields})
    return current


def _reveal(row, act: str, perm: str, fields, purpose: str, by) -> dict[str, str]:
    if not purpose.strip():
        raise Refused("请写明查看的目的。")
    if not by.has_perm(perm, row):
        raise Refused("您没有查看这位人员明文信息的权限。")
    wanted = [name for name in REVEALABLE if name in set(fields)]
    if not wanted:
        raise Refused("请选择要查看的内容。")
    if "id_number" in wanted:
        refuse_if_due(row, Consent.Item.ID_NUMBER)
    audit.record(act, by=by, subjects=[row], purpose=purpose.strip(), detail={"fields": wanted})
    return {name: getattr(row, name) or "" for name in wanted}


@wall.everywhere()
@transaction.atomic
def member_reveal(*, member: Member, fields, purpose: str, by) -> dict[str, str]:
    """Clear values of `fields` (name, phone, id_number), for a stated purpose. One audit event. Raises Refused."""
    return _reveal(member, "members.member.reveal", "members.reveal_member", fields, purpose, by)


@wall.everywhere()
@transaction.atomic
def registration_reveal(*, registration, fields, purpose: str, by) -> dict[str, str]:
    """The same for what a person wrote in a registration."""
    perm = "members.verify_registration"
    return _reveal(registration, "members.registration.reveal", perm, fields, purpose, by)
