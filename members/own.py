"""What the holder of a receipt may see: the parts of its pages, as JSON values (members/answers.py).

While a registration is open its page and that of a form that joined it are the same, word for word.
"""

import base64
from dataclasses import asdict, dataclass

from django.utils import timezone

from accounts import wall
from members import answers, identity, selectors
from members.copies import person_of, sections
from members.models import Consent, Draft, Receipt, Registration, RightsRequest
from members.services.counter import registration_of_draft
from members.services.drafts import draft_content

State = Registration.State


@dataclass(frozen=True)
class Standing:
    """What the page says: a badge and one sentence."""

    label: str
    kind: str
    text: str


RECEIVED = Standing(
    "已收到", "info", "您的报到已经收到。指导站的工作人员会在 15 日内与您电话联系；有进展时，本页会更新。"
)
VERIFIED = Standing("已核实", "ok", "指导站已经核实您的报到。您的组织关系没有变动。")
NOT_VERIFIED = Standing(
    "未核实", "warn", "这次没有能够核实，对您没有任何影响。您可以重新报到，或到指导站窗口当面办理。"
)
WITHDRAWN = Standing(
    "已撤回", "warn", "您已经撤回这次报到。姓名、身份号码和手机号会在 15 日内抹除；申请了副本的，先做副本再抹除。"
)
_STANDINGS = {
    State.VERIFIED: VERIFIED,
    State.NOT_VERIFIED: NOT_VERIFIED,
    State.UNREACHABLE: NOT_VERIFIED,
    State.EXPIRED: NOT_VERIFIED,
    State.WITHDRAWN: WITHDRAWN,
}  # open, and 重复: like a form that joined


def standing_of(receipt: Receipt) -> Standing:
    if receipt.withdrawn_at is not None:
        return WITHDRAWN
    if receipt.is_joined:
        return RECEIVED
    return _STANDINGS.get(State(receipt.registration.state), RECEIVED)


def page(receipt: Receipt) -> dict:
    standing = standing_of(receipt)
    member = receipt.registration.member if standing is VERIFIED else None
    consents = member is not None and selectors.has_check_in_consent(member)
    live = member.codes.filter(revoked_at__isnull=True).first() if member is not None and consents else None
    # A joined form's withdrawal is kept as a request to the officer: the other kind has no such line.
    asked = RightsRequest.objects.filter(receipt=receipt).exclude(kind="withdraw").order_by("-pk")
    return {
        "made_at": f"{timezone.localtime(receipt.made_at):%Y-%m-%d %H:%M}",
        "standing": asdict(standing),
        "is_verified": standing is VERIFIED,
        "is_withdrawn": standing is WITHDRAWN,
        "items": [[item, label] for item, label in Consent.Item.choices if item in receipt.items],
        "has_check_in": consents,
        "member_code": live.code if live else "",
        "notice": receipt.notice.version if receipt.notice else "",
        "requests": [_request(one, receipt) for one in asked],
    }


def _request(asked: RightsRequest, receipt: Receipt) -> dict:
    own = not receipt.is_joined
    return {
        "pk": asked.pk,
        "kind": asked.get_kind_display(),
        "due_on": asked.due_on,
        "is_done": asked.done_at is not None,
        "is_own": own,
        "outcome": asked.get_outcome_display() if own else "",
        "reply": (asked.reply or "") if own else "",
        "copy_until": asked.sealed_until if own and asked.sealed else None,
    }


def copies(receipt: Receipt) -> dict[str, list[str]]:
    """The copies sealed for this receipt, by the number of the request: (until, sealed bytes)."""
    asked = RightsRequest.objects.filter(receipt=receipt, receipt__is_joined=False, sealed__isnull=False)
    return {
        str(one.pk): [one.sealed_until.isoformat(), base64.b64encode(one.sealed).decode()]  # type: ignore[union-attr, arg-type]
        for one in asked
    }


def masked(receipt: Receipt) -> list[dict] | None:
    """The person's own data, masked; only once verified, so that an open page gives nothing away."""
    if standing_of(receipt) is not VERIFIED:
        return None
    kept = sections(person_of(registration=receipt.registration), masked=True)
    return [{"title": one.title, "rows": one.rows} for one in kept]


@wall.everywhere()
def to_agree(draft: Draft) -> dict:
    """What an officer wrote down for a person, who agrees by an own tap; with `items`: what one is asked anew."""
    content = draft_content(draft)
    asked = {
        "place": draft.guidance_station.name if draft.guidance_station else "",
        "expires_at": draft.expires_at,
        "is_done": bool(content.get("is_done")),
    }
    if "registration" in content:
        row = registration_of_draft(draft)
        items = set(row.consents.live().values_list("item", flat=True)) if row else set()
        said = {"name": row.name, "phone_tail": row.phone_tail, "id_number": row.id_number} if row else {}
        asked |= {"items": sorted(items), "since": selectors.agreed_version(row) if row else ""}
    else:
        said = content["answers"] | {"phone_tail": identity.phone_tail(content["answers"]["phone"])}
    return asked | {
        "lines": [
            ("姓名", identity.mask_name(said.get("name"))),
            ("手机号", identity.mask_phone(said.get("phone_tail", ""))),
            ("身份号码", identity.mask_id(said.get("id_number") or "") or "没有填写"),
        ]
    }


def register() -> None:
    answers.part("page", page, kept=True)
    answers.part("copies", copies, kept=True)
    answers.part("masked", masked)
    answers.agree_part(to_agree)
