"""Granting and ending postings, never one's own and never for an administrator.

The security administrator begins a unit, seeing names of the tree only, and ends anywhere; the manager of a unit
(Posting.may_grant) goes on inside it, at most their own rights and no longer than they hold them.
"""

from datetime import date

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from accounts.row_codes import TOLD
from orgs.doors import ROLE_PERMISSIONS, current_postings
from orgs.kinds import Level
from orgs.models import Division, Organization, Posting, Role

NO_RIGHT = "您现在没有在这个单位授权的权限，没有办理。请联系上级单位或安全管理员。"


class PostingError(ValueError):
    """Why a posting cannot be granted or ended; `field` is the field to mend."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


def is_inside(unit: Organization | Division, top: Organization | Division) -> bool:
    """Does a posting at `top` reach `unit`? Along one line only, but the city is the whole of either."""
    if top.level == 1:
        return True
    if isinstance(unit, Organization) and isinstance(top, Organization):
        return unit.path.startswith(top.path)
    above: Division | None = unit if isinstance(unit, Division) and isinstance(top, Division) else None
    while above is not None and above.pk != top.pk:
        above = above.parent
    return above is not None


def _must_hold(by: User, role: str, unit: Organization | Division, ends_on: date | None) -> None:
    """Raises PostingError where the manager may not give away `role` at `unit` until `ends_on`."""
    reaching = [posting for posting in current_postings(by) if is_inside(unit, posting.unit)]
    if not any(posting.may_grant for posting in reaching):
        raise PostingError(NO_RIGHT, "unit")
    lasting = [one for one in reaching if one.ends_on is None or (ends_on is not None and ends_on <= one.ends_on)]
    for postings, message, field in (
        (
            reaching,
            f"您自己没有“{Role(role).label}”的全部权限，不能授予或收回这个角色。请联系上级单位或安全管理员。",
            "role",
        ),
        (lasting, "您自己的任职有期限，授予别人的不能更长。请填一个不晚于您任职止期的日期。", "ends_on"),
    ):
        held = set(filter(by.is_cleared_for, frozenset().union(*(ROLE_PERMISSIONS[one.role] for one in postings))))
        if not (ROLE_PERMISSIONS[role] <= held and any(posting.may_grant for posting in postings)):
            raise PostingError(message, field)


def _must_have_no_manager(unit: Organization | Division) -> None:
    """Raises PostingError where somebody manages just this unit: whoever opens accounts does not fill it beside them."""
    kind = "organization" if isinstance(unit, Organization) else "division"
    managing = Posting.objects.holding().filter(may_grant=True, user__is_active=True, **{kind: unit})
    for posting in managing.select_related("user"):
        if posting.is_whole:
            raise PostingError(
                f"这个单位已有授权人（{posting.user}），由授权人在“授权”里办理。授权人不在岗的，请先收回其任职再办。",
                kind,
            )


def check_posting(
    *, user: User, role: str, organization: Organization | None, division: Division | None, by: User | None,
    starts_on: date | None = None, ends_on: date | None = None,
) -> None:  # fmt: skip
    """Raises PostingError."""
    if by is not None and user.pk == by.pk:
        raise PostingError("不能给自己授予任职，请由另一位有权的人办理。", "user")
    if user.duty != User.Duty.STAFF:
        raise PostingError("系统、安全、审计三类管理员互斥，也不能兼任业务岗位，请另选人员。", "user")
    if not user.is_active:
        raise PostingError("这个账号已停用，请先启用。", "user")
    if not user.is_whole:
        raise PostingError(TOLD, "user")
    if (organization is None) == (division is None):
        raise PostingError("任职要么在党组织，要么在区划，请二选一。", "organization")
    if organization is not None and organization.closed_on:
        raise PostingError("这个组织已撤销，请另选。", "organization")
    at_branch = organization is not None and organization.level == Level.GRASSROOTS
    if role == Role.SECRETARY and not at_branch:
        raise PostingError("支部书记只能任职在基层党组织，请改选。", "organization")
    if ends_on and ends_on <= (starts_on or timezone.localdate()):
        raise PostingError("止期必须晚于起期（止期当天不再有效）。", "ends_on")
    unit = organization or division
    if by is not None and unit is not None:
        if by.duty == User.Duty.SECURITY:
            _must_have_no_manager(unit)
        else:
            _must_hold(by, role, unit, ends_on)
    same = Posting.objects.filter(user=user, role=role, organization=organization, division=division)
    if same.filter(ends_on__isnull=True).exists():
        raise PostingError("此人已有这项任职，不必重复授予。", "user")


def _as_they_stand(*users: User | None) -> list[User | None]:
    """The accounts, locked and read afresh with their rights: who grants cannot lose the right meanwhile, and two
    grants to one person wait for each other. Always in the same order, so that nobody waits in a circle."""
    known = {user.pk for user in users if user is not None}
    rows = User.objects.select_for_update(no_key=True).filter(pk__in=known).order_by("pk").in_bulk()
    return [rows[user.pk] if user is not None else None for user in users]


@transaction.atomic
def posting_grant(
    *,
    user: User,
    role: str,
    by: User | None,
    organization: Organization | None = None,
    division: Division | None = None,
    starts_on: date | None = None,
    ends_on: date | None = None,
    may_grant: bool = False,
) -> Posting:
    """Give `user` a role at one organization or one division. Raises PostingError."""
    person, granter = _as_they_stand(user, by)
    assert person is not None
    starts_on = starts_on or timezone.localdate()
    check_posting(
        user=person, role=role, organization=organization, division=division, by=granter, starts_on=starts_on,
        ends_on=ends_on,
    )  # fmt: skip
    posting = Posting.objects.create(
        user=person, role=role, organization=organization, division=division, starts_on=starts_on, ends_on=ends_on,
        may_grant=may_grant, granted_by=granter,
    )  # fmt: skip
    audit.record(
        "orgs.posting.grant",
        by=by,
        subjects=[posting],
        units=[posting.organization_id],
        detail={"user": user.pk, "role": role, "division": posting.division_id, "may_grant": may_grant},
    )
    return posting


def check_end(*, posting: Posting, ends_on: date, by: User | None) -> None:
    """Raises PostingError."""
    if by is not None and posting.user_id == by.pk:
        raise PostingError("不能改自己的任职。", "ends_on")
    if not posting.is_whole:
        raise PostingError(TOLD, "ends_on")
    if posting.ends_on and posting.ends_on <= timezone.localdate():
        raise PostingError("这项任职已经结束。", "ends_on")
    if posting.ends_on and ends_on > posting.ends_on:
        raise PostingError("只能提前结束；要延长，请另行授予。", "ends_on")
    if ends_on < posting.starts_on:
        raise PostingError("止期不能早于起期；授错了请填起期当天，等于没有授予过。", "ends_on")
    if by is not None and by.duty != User.Duty.SECURITY:
        _must_hold(by, posting.role, posting.unit, ends_on)
        _must_stand_above(by, posting)


def _must_stand_above(by: User, posting: Posting) -> None:
    """Managers of one unit do not take each other's postings: who gave them does, or who manages a unit above."""
    if not posting.may_grant or posting.granted_by_id == by.pk:
        return
    managed = [one.unit for one in current_postings(by) if one.may_grant and is_inside(posting.unit, one.unit)]
    if all(unit == posting.unit for unit in managed):
        raise PostingError("同一单位的授权人不能互相收回任职。请由上级单位或安全管理员办理。", "ends_on")


@transaction.atomic
def posting_end(*, posting: Posting, ends_on: date, by: User | None) -> Posting:
    """The posting does not hold from `ends_on` on. Raises PostingError."""
    _, granter = _as_they_stand(posting.user, by)
    row = Posting.objects.select_for_update(of=["self"]).select_related("organization", "division").get(pk=posting.pk)
    check_end(posting=row, ends_on=ends_on, by=granter)
    row.ends_on = ends_on
    row.save(update_fields=["ends_on"])
    audit.record(
        "orgs.posting.end",
        by=by,
        subjects=[row],
        units=[row.organization_id],
        detail={"user": row.user_id, "role": row.role, "division": row.division_id},
    )
    return row
