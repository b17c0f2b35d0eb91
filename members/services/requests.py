"""Requests of persons about their own data (PIPL Art. 44–50): asked by receipt or in person, answered with an outcome."""

import json
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts import audit, wall
from accounts.own_words import says_something
from members import identity, sealing
from members.copies import copy_of, person_of
from members.errors import Refused
from members.models import Affiliation, Member, Receipt, Registration, RightsRequest
from members.services.people import member_edit

Kind, Outcome = RightsRequest.Kind, RightsRequest.Outcome
COPY_KEPT = timedelta(days=30)  # so long the copy lies behind the receipt
COPY_FIRST = timedelta(
    days=13
)  # of the 15 days promised for erasing: so long it waits for a copy and for its being fetched
COPY_FIRST_DUE = timedelta(days=7)  # by then that copy is to be made
NOTHING_LEFT = "资料已经抹除，没有可以查阅、更正或另行处理的内容。"
NOTHING_TO_CORRECT = "请填写要更正的内容；没有可更正的，选“不予办理”并写明理由。"
COPY = "rights copy"  # bound into the sealed bytes
PURPOSE = "办理本人申请"
CORRECTABLE = ("name", "sex", "phone", "standing", "occupation", "workplace", "home_place", "home_branch")
OF_A_MEMBER = frozenset({"name", "sex", "phone", "standing", "occupation", "workplace"})


def _due_on(kind: str, registration: Registration | None):
    due = timezone.localdate() + timedelta(days=settings.RIGHTS_ANSWER_DAYS)
    if kind == Kind.COPY and registration is not None and registration.withdrawn_at is not None:
        return min(due, copy_first_due(registration))
    return due


def copy_first_due(registration: Registration):
    """By when a copy is to be made of what was withdrawn and is erased after it."""
    return timezone.localdate(registration.withdrawn_at) + COPY_FIRST_DUE


def copies_to_come() -> QuerySet[RightsRequest]:
    """What is not erased before the person has it: a copy that nobody made yet, or one made after the withdrawal, which lies
    to be fetched. Whoever had it before was told to save it (Art. 45 and 47 asked for at once)."""
    to_fetch = Q(sealed__isnull=False, done_at__gt=F("registration__withdrawn_at"))
    own = RightsRequest.objects.filter(Q(receipt__isnull=True) | Q(receipt__is_joined=False), kind=Kind.COPY)
    return own.filter(Q(done_at__isnull=True) | to_fetch)


def _units(registration: Registration | None) -> list[int | None]:
    return [registration.guidance_station_id, registration.district_committee_id] if registration else []


def _note(act: str, request: RightsRequest, by, **detail) -> None:
    whose = request.registration or request.member
    units = _units(request.registration)
    audit.record(f"members.rights.{act}", by=by, subjects=[whose], units=units, detail={"kind": request.kind, **detail})


@wall.everywhere()
@transaction.atomic
def rights_request(*, receipt: Receipt, kind: str, details: str = "") -> RightsRequest:
    """Asked from the receipt's page. The same open request stands once; what is said again is added to it.

    Of whom nothing is left nothing is written down any more, for nothing would take it away again. A joined form must
    not tell that: it is taken without its words. Raises Refused.
    """
    receipt = Receipt.objects.select_for_update(of=("self",)).select_related("registration").get(pk=receipt.pk)
    if receipt.registration.erased_at is not None:
        if not receipt.is_joined:
            raise Refused(NOTHING_LEFT)
        details = ""
    facts = {"registration": receipt.registration}
    return _ask({"receipt": receipt, "kind": kind}, facts, details, by=None)


@wall.everywhere()
@transaction.atomic
def rights_request_in_person(
    *, kind: str, by, registration: Registration | None = None, member: Member | None = None, details: str = ""
) -> RightsRequest:
    """Asked at the window, by somebody whose identity card `by` has seen; through a registration or the roll."""
    whose: Registration | Member | None = registration or member
    assert whose is not None
    type(whose)._default_manager.select_for_update().get(pk=whose.pk)
    key = {"registration": registration} if registration else {"member": member, "registration": None}
    return _ask({**key, "receipt": None, "kind": kind}, {"taken_by": by}, details, by=by)


def _ask(key: dict, facts: dict, details: str, by) -> RightsRequest:
    registration = facts.get("registration") or key.get("registration")
    due = _due_on(key["kind"], registration)
    request, made = RightsRequest.objects.get_or_create(**key, done_at=None, defaults={**facts, "due_on": due})
    if details.strip():
        request.details = "\n".join(filter(None, [request.details, details.strip()]))
        request.save(update_fields=["details"])
    if made:
        _note("request", request, by, in_person=by is not None)
    return request


@wall.everywhere()
@transaction.atomic
def rights_answer(
    *, request: RightsRequest, outcome: str, reply: str, by, corrections: dict | None = None
) -> RightsRequest:
    """Close a request: do what was asked for, or say why not (Art. 50). Raises Refused when it is closed already."""
    if not says_something(reply):
        raise Refused("请写明给本人的答复；不予办理的，写明理由。")
    current = RightsRequest.objects.select_for_update().get(pk=request.pk)
    if current.done_at is not None:
        raise Refused(f"这项申请已由{current.done_by or '系统'}办结，您这次的没有保存：请到“已办结”里查看。")
    if outcome == Outcome.GRANTED:
        _grant(current, corrections or {}, by)
    current.done_at, current.done_by, current.outcome, current.reply = timezone.now(), by, outcome, reply.strip()
    current.save(update_fields=["done_at", "done_by", "outcome", "reply", "sealed", "sealed_until"])
    _note("answer", current, by, outcome=outcome)
    return current


def _grant(request: RightsRequest, corrections: dict, by) -> None:
    from members.services.rights import registration_withdraw  # it asks here for what joined forms want

    if request.registration is not None and request.registration.erased_at is not None and request.kind == Kind.CORRECT:
        raise Refused(f"{NOTHING_LEFT}请选“不予办理”。")
    joined = request.receipt is not None and request.receipt.is_joined
    if joined and request.kind != Kind.WITHDRAW:
        raise Refused("这张回执是并入的，不能证明持有人就是本人：请选“不予办理”，并请本人到窗口当面提出。")
    if request.kind == Kind.COPY and request.receipt is not None:
        _seal_copy(request, by)
    elif request.kind == Kind.CORRECT:
        _correct(request, corrections, by)
    elif request.kind in (Kind.ERASE, Kind.WITHDRAW):
        if request.registration is not None:
            registration_withdraw(registration=request.registration, by=by)
        elif Affiliation.objects.live().formal().filter(member=request.member).exists():
            raise Refused("这位党员在名册上，不能抹除：请选“不予办理”并写明理由，或先办理组织关系转出。")


# --- the copy -----------------------------------------------------------------------------------------------------------


def _copy(request: RightsRequest, by) -> dict:
    whose = request.registration or request.member
    audit.record("members.rights.copy", by=by, subjects=[whose], purpose=PURPOSE, units=_units(request.registration))
    return copy_of(person_of(registration=request.registration, member=request.member), by=by)


def _seal_copy(request: RightsRequest, by) -> None:
    """For the receipt through which it was asked: whoever answers does not see what is in it."""
    assert request.receipt is not None
    text = json.dumps(_copy(request, by), ensure_ascii=False)
    code = identity.receipt_code(request.receipt.form_token)
    request.sealed = sealing.seal(text.encode(), code=code, what=COPY)
    request.sealed_until = timezone.now() + COPY_KEPT
    if request.registration is not None and request.registration.withdrawn_at is not None:
        request.sealed_until = min(request.sealed_until, request.registration.withdrawn_at + COPY_FIRST)


@wall.everywhere()
@transaction.atomic
def rights_copy(*, request: RightsRequest, by) -> dict:
    """The copy for a person who stands at the window. Raises Refused."""
    if request.kind != Kind.COPY or request.taken_by_id is None or request.done_at is not None:
        raise Refused("只有本人当面提出、还没有办结的查阅复制申请，才在这里制作副本。")
    return _copy(request, by)


def copies_expire() -> int:
    """Remove copies that have lain behind their receipts long enough. Returns how many."""
    old = RightsRequest.objects.filter(sealed__isnull=False, sealed_until__lte=timezone.now())
    return old.update(sealed=None)


# --- correction ---------------------------------------------------------------------------------------------------------


def _correct(request: RightsRequest, corrections: dict, by) -> None:
    if unknown := set(corrections) - set(CORRECTABLE):
        raise Refused(f"不能这样更正：{'、'.join(sorted(unknown))}。")
    if not corrections:
        raise Refused(NOTHING_TO_CORRECT)
    registration = request.registration
    member = request.member or (registration.member if registration else None)
    if registration is not None:
        _correct_registration(registration, dict(corrections), by)
    if member is not None and member.erased_at is None and not member.ended:
        if not by.has_perm("members.change_member", member):
            raise Refused("这位党员的档案不在您的范围内，请由所在的指导站或党组织办理。")
        member_edit(member=member, by=by, **{key: corrections[key] for key in OF_A_MEMBER & set(corrections)})


def _correct_registration(registration: Registration, changes: dict, by) -> None:
    if "name" in changes:
        changes["name"] = identity.clean_name(changes["name"]) or registration.name
    if "phone" in changes:
        phone = identity.check_phone(changes["phone"])
        changes |= {
            "phone": phone,
            "phone_index": identity.phone_index(phone),
            "phone_tail": identity.phone_tail(phone),
        }
    if {"home_place", "home_branch"} & set(changes):
        changes["home_unknown"] = False
    row = Registration.objects.select_for_update().get(pk=registration.pk)
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(update_fields=list(changes))
    fields = sorted(set(changes) & set(CORRECTABLE))
    audit.record("members.registration.correct", by=by, subjects=[row], units=_units(row), detail={"fields": fields})
