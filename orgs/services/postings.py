"""Granting and ending postings. Only the security administrator does it, and never for an administrator."""

from datetime import date

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from orgs.kinds import Level
from orgs.models import Division, Organization, Posting, Role


class PostingError(ValueError):
    """Why a posting cannot be granted or ended; `field` is the field to mend."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


def check_posting(
    *, user: User, role: str, organization: Organization | None, division: Division | None, by: User | None
) -> None:
    """Raises PostingError."""
    if by is not None and user.pk == by.pk:
        raise PostingError("不能给自己授予任职，请由另一位安全管理员办理。", "user")
    if user.duty != User.Duty.STAFF:
        raise PostingError("系统、安全、审计三类管理员互斥，也不能兼任业务岗位，请另选人员。", "user")
    if not user.is_active:
        raise PostingError("这个账号已停用，请先启用。", "user")
    if (organization is None) == (division is None):
        raise PostingError("任职要么在党组织，要么在区划，请二选一。", "organization")
    if organization is not None and organization.closed_on:
        raise PostingError("这个组织已撤销，请另选。", "organization")
    at_branch = organization is not None and organization.level == Level.GRASSROOTS
    if role == Role.SECRETARY and not at_branch:
        raise PostingError("支部书记只能任职在基层党组织，请改选。", "organization")
    same = Posting.objects.filter(user=user, role=role, organization=organization, division=division)
    if same.filter(ends_on__isnull=True).exists():
        raise PostingError("此人已有这项任职，不必重复授予。", "user")


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
) -> Posting:
    """Give `user` a role at one organization or one division. Raises PostingError."""
    check_posting(user=user, role=role, organization=organization, division=division, by=by)
    starts_on = starts_on or timezone.localdate()
    if ends_on and ends_on <= starts_on:
        raise PostingError("止期必须晚于起期（止期当天不再有效）。", "ends_on")
    posting = Posting.objects.create(
        user=user, role=role, organization=organization, division=division, starts_on=starts_on, ends_on=ends_on,
        granted_by=by,
    )  # fmt: skip
    audit.record(
        "orgs.posting.grant",
        by=by,
        subjects=[posting],
        units=[posting.organization_id],
        detail={"user": user.pk, "role": role, "division": posting.division_id},
    )
    return posting


def check_end(*, posting: Posting, ends_on: date, by: User | None) -> None:
    """Raises PostingError."""
    if by is not None and posting.user_id == by.pk:
        raise PostingError("不能改自己的任职。", "ends_on")
    if ends_on <= posting.starts_on:
        raise PostingError("止期必须晚于起期；当天授予、当天收回请填明天。", "ends_on")


@transaction.atomic
def posting_end(*, posting: Posting, ends_on: date, by: User | None) -> Posting:
    """The posting does not hold from `ends_on` on. Raises PostingError."""
    row = Posting.objects.select_for_update().get(pk=posting.pk)
    check_end(posting=row, ends_on=ends_on, by=by)
    row.ends_on = ends_on
    row.save(update_fields=["ends_on"])
    audit.record(
        "orgs.posting.end",
        by=by,
        subjects=[row],
        units=[row.organization_id],
        detail={"user": row.user_id, "role": row.role},
    )
    return row
