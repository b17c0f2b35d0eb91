"""Who takes what people without an account send to this room (members/inbox.py)."""

import uuid
from datetime import datetime

from members import answers, inbox, selectors, services
from members.errors import Refused
from members.models import Consent, Member, Notice, Poster, Receipt, Registration, RightsRequest

ACTS = {
    "give": lambda row: services.consent_give(receipt=row),
    "ungive": lambda row: services.consent_withdraw(receipt=row, item=Consent.Item.CHECK_IN),
    "ungive-number": lambda row: services.consent_withdraw(receipt=row, item=Consent.Item.ID_NUMBER),
    "issue": lambda row: services.member_code_issue(receipt=row),
    "reissue": lambda row: services.member_code_issue(receipt=row, anew=True),
    "revoke": lambda row: services.member_code_revoke(receipt=row),
    "withdraw": lambda row: services.receipt_withdraw(receipt=row),
}


def _receipt(content: dict) -> Receipt:
    receipt = selectors.receipt_by_code(content["code"])
    if receipt is None:
        raise Refused("没有找到这张回执。")
    return receipt


CHECKED = {
    "name": Member, "sex": Registration, "standing": Registration, "occupation": Registration, "workplace": Registration,
    "home_place": Registration, "home_branch": Registration,
}  # fmt: skip


def _answers(said: dict) -> services.Answers:
    """What the form lets through: whoever took the public face over seals without it. Raises ValidationError, TypeError."""
    answers = services.Answers(**said)
    for name, model in CHECKED.items():
        model._meta.get_field(name).clean(getattr(answers, name), None)
    return answers


def _items(content: dict) -> set[str]:
    return {Consent.Item(item).value for item in content["consents"]}


def registration(content: dict, sent_at: datetime) -> None:
    services.registration_submit(
        form_token=uuid.UUID(content["form_token"]),
        answers=_answers(content["answers"]),
        consents=_items(content),
        notice=Notice.objects.get(version=content["notice"]),  # the words that were on the screen
        origin=services.Origin(
            channel=content["channel"], poster=Poster.objects.get(code=content["poster"]), sent_at=sent_at
        ),
    )


def agree(content: dict, sent_at: datetime) -> None:
    """The tap. Sent twice it finds the receipt of the first."""
    draft = selectors.counter_draft(content["code"], at=sent_at)
    if draft is not None:
        services.counter_confirm_by_tap(draft=draft, consents=_items(content), version=content.get("notice"))
    elif selectors.receipt_by_code(content["code"]) is None:
        raise Refused("这份代填的报到表已经过期，没有登记。请工作人员重新填写。")


def anew(content: dict, sent_at: datetime) -> None:
    services.receipt_renew(
        receipt=_receipt(content),
        consents=_items(content),
        notice=Notice.objects.get(version=content["notice"], published_at__isnull=False),  # as above
        at=sent_at,
    )


def act(content: dict, sent_at: datetime) -> None:
    ACTS[content["name"]](_receipt(content))


def rights(content: dict, sent_at: datetime) -> None:
    row, kind = _receipt(content), RightsRequest.Kind(content["kind"])
    if kind == RightsRequest.Kind.ERASE:
        services.receipt_erase(receipt=row, details=content["details"])
    else:
        services.rights_request(receipt=row, kind=kind, details=content["details"])


def register() -> None:
    inbox.on("registration", registration)
    inbox.on("agree", agree)
    inbox.on("anew", anew)
    inbox.on("act", act)
    inbox.on("rights", rights)
    inbox.on("wanted", answers.wanted)
    inbox.on_taken(answers.write_of_code)
