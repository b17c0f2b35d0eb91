"""三亮: a plaque with words that the person, who is present, agreed to show in public (PIPL Art. 25); and its end.

What was agreed to never changes: other words are another pledge with another consent. An end in the system takes no plaque
off the wall: it stands on the list until somebody says that it hangs no more.
"""

import json
from collections.abc import Iterable
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts import audit, wall
from members.erasure_list import withdrawn_write
from members.errors import Conflict, ConsentMissing, Refused
from members.models import Member, Pledge
from members.querysets import belongs
from members.services.due import refuse_if_due
from orgs.models import Organization

KEPT = timedelta(days=365)  # after the end
CHECKING = "当面核对三亮牌"  # why the words were shown before they were agreed to
ONE_LIVE = "这位党员已经有一块三亮牌，不用再登记；内容要改的，先撤下，再由本人重新同意。"
NUMBER_TAKEN = "这个牌号已经有一块牌子在用，或者旧牌还没有确认取下，请换一个。"
_SAID = {"pledge_one_live": ONE_LIVE, "pledge_number_hangs_once": NUMBER_TAKEN}


def pledge_draft(
    *, member: Member, organization: Organization, duty: str, promise: str, place: str, number: str
) -> Pledge:
    """What would hang there, not kept: for the person to read."""
    return Pledge(
        member=member, organization=organization, name=member.name, standing=member.standing,
        organization_name=organization.name, duty=duty, promise=promise, place=place, number=number,
    )  # fmt: skip


def digest_of(pledge: Pledge) -> str:
    """Names exactly these words, so that a tick is for what was shown and for nothing else."""
    said = [pledge.member_id, pledge.organization_id, *(getattr(pledge, name) for name in Pledge.AGREED)]
    return salted_hmac("members.pledge", json.dumps(said)).hexdigest()


def _refuse_if_not(pledge: Pledge, by) -> None:
    """Raises Refused where this person has no plaque in this organization's name now."""
    member, organization = pledge.member, pledge.organization
    if not all(by.has_perm("members.change_member", row) for row in (member, organization)):
        raise Refused("这位党员或这个党组织不在您的范围内。")
    if member.ended or member.erased_at or not pledge.name:
        raise Refused("这位党员已经不再计入，不能登记三亮。")
    if not Organization.objects.filter(belongs(member, pledge.organization_id), pk=pledge.organization_id).exists():
        raise Refused("这位党员不在这个党组织在册、纳管，也没有由它核实，请重新选择党组织。")
    refuse_if_due(member)
    if Pledge.objects.live().filter(member=member).exists():
        raise Conflict(ONE_LIVE)
    if pledge.number and Pledge.objects.filter(number=pledge.number, taken_off_on__isnull=True).exists():
        raise Conflict(NUMBER_TAKEN)


def _note(act: str, pledges: Iterable[Pledge], by, **more) -> None:
    audit.record(f"members.pledge.{act}", by=by, subjects=[row.member for row in pledges], **more)


@wall.everywhere()
@transaction.atomic
def pledge_preview(*, pledge: Pledge, by) -> str:
    """Show a draft, with the full name, to the person who is to agree; its digest. A look, told as one. Raises Refused."""
    _refuse_if_not(pledge, by)
    _note("preview", [pledge], by, purpose=CHECKING)
    return digest_of(pledge)


@wall.everywhere()
@transaction.atomic
def pledge_create(*, agreed_to: str, by, member: Member, organization: Organization, **words: str) -> Pledge:
    """Keep what the person agreed to. `agreed_to`: the digest of what was shown, empty without the consent. Raises Refused."""
    if not agreed_to:
        raise ConsentMissing("没有本人的单独同意，不登记、不保留。")
    current = Member.objects.select_for_update().get(pk=member.pk)
    pledge = pledge_draft(member=current, organization=Organization.objects.get(pk=organization.pk), **words)
    _refuse_if_not(pledge, by)
    if not constant_time_compare(digest_of(pledge), agreed_to):
        raise Conflict("给本人看过之后内容有变动，请重新给本人看一遍，再由本人决定。")
    pledge.consented_at = timezone.now()
    try:
        with transaction.atomic():
            pledge.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(_SAID[error.__cause__.diag.constraint_name]) from error  # type: ignore[union-attr]
    _note("create", [pledge], by, detail={"pledge": pledge.pk})
    return pledge


@wall.everywhere()
@transaction.atomic
def pledge_show(*, pledge: Pledge, purpose: str, by) -> Pledge:
    """The plaque to print, in clear: a look, for a stated purpose. Raises Refused."""
    if not purpose.strip():
        raise Refused("请写明打开的目的。")
    if not by.has_perm("members.change_pledge", pledge):
        raise Refused("您没有打开这块三亮牌的权限。")
    current = Pledge.objects.live().filter(pk=pledge.pk).first()
    if current is None:
        raise Conflict("这块三亮牌已经撤下，不能再打印。")
    if Pledge.objects.groundless().filter(pk=pledge.pk).exists():
        raise Refused("本人的姓名、身份或党组织已有变动，与同意公开的内容不一致：请撤下这一块，由本人重新同意。")
    _note("print", [current], by, purpose=purpose.strip(), detail={"pledge": pledge.pk})
    return current


@wall.everywhere()
@transaction.atomic
def pledge_withdraw(*, pledge: Pledge, by) -> Pledge:
    """At the person's word, at any time."""
    current = Pledge.objects.select_for_update().get(pk=pledge.pk)
    if current.withdrawn_at is not None:
        raise Conflict("这块三亮牌已经撤下，不用再办；请确认牌子已经取下。")
    current.withdrawn_at = timezone.now()
    current.save(update_fields=["withdrawn_at"])
    withdrawn_write([current])
    _note("withdraw", [current], by, detail={"pledge": current.pk})
    return current


@wall.everywhere()
@transaction.atomic
def pledge_take_off(*, pledge: Pledge, by) -> Pledge:
    """Somebody saw to it: the plaque of an ended pledge hangs no more."""
    current = Pledge.objects.select_for_update().get(pk=pledge.pk)
    if current.withdrawn_at is None:
        raise Refused("这块三亮牌还在用：请先撤下，再取下牌子。")
    if current.taken_off_on is not None:
        raise Conflict(f"已经记下 {current.taken_off_on} 取下，不用再办。")
    current.taken_off_on = timezone.localdate()
    current.save(update_fields=["taken_off_on"])
    _note("take_off", [current], by, detail={"pledge": current.pk})
    return current


def pledges_end(pledges, *, by=None) -> int:
    """End live ones because of something else that ended. In the caller's transaction."""
    rows = list(pledges.live().select_for_update(of=("self",)).select_related("member"))
    if rows:
        Pledge.objects.filter(pk__in=[row.pk for row in rows]).update(withdrawn_at=timezone.now())
        _note("end", rows, by, detail={"pledges": [row.pk for row in rows]})
    return len(rows)


def pledges_settle(member: Member, *, by=None) -> None:
    """After something of this person changed: what they agreed to show is shown only while it is so."""
    pledges_end(Pledge.objects.groundless().filter(member=member), by=by)


@wall.everywhere()
@transaction.atomic
def pledges_expire() -> int:
    """Nightly: end what has no ground by now, however it came; forget what ended a year ago. Returns how many were forgotten."""
    pledges_end(Pledge.objects.groundless())
    gone, _ = Pledge.objects.filter(withdrawn_at__lt=timezone.now() - KEPT).delete()
    if gone:
        audit.record("members.pledge.remove_old", by=None, detail={"rows": gone})
    return gone
