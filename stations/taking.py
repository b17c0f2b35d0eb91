"""Who takes what people send from a place or from the page of their own check-ins (members/inbox.py)."""

import uuid
from datetime import datetime

from members import answers, inbox
from members.errors import Refused
from members.identity import member_code_index
from members.selectors import receipt_by_code
from stations import own, services
from stations.forms import parse_when
from stations.models import ServicePoint

ACTS = {"delete": services.check_in_delete, "dispute": services.check_in_dispute}


def check_in(content: dict, sent_at: datetime) -> None:
    services.check_in_by_code(
        place=ServicePoint.objects.get(pk=content["place"]),
        code_index=member_code_index(content["member_code"]),
        purpose=content["purpose"],
        nonce=uuid.UUID(content["nonce"]),
        occurred_at=parse_when(content["occurred_at"]),
        received_at=sent_at,
    )


def footfall(content: dict, sent_at: datetime) -> None:
    place, nonce = ServicePoint.objects.get(pk=content["place"]), uuid.UUID(content["nonce"])
    services.footfall_add(place=place, kind=content["kind"], nonce=nonce, came_at=sent_at)


def own_check_in(content: dict, sent_at: datetime) -> None:
    """The member disputes or deletes one. One that is gone is gone."""
    receipt = receipt_by_code(content["code"])
    if receipt is None:
        raise Refused("没有找到这张回执。")
    row = own.check_ins_of(receipt).filter(pk=content["check_in"]).first()
    if row is not None:
        ACTS[content["name"]](check_in=row)


def register() -> None:
    inbox.on("check_in", check_in)
    inbox.on("footfall", footfall)
    inbox.on("own_check_in", own_check_in)
    answers.part("check_ins", own.told)
