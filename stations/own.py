"""A person's own check-ins: what they see, what is erased with them."""

from django.db.models import QuerySet
from django.utils import timezone

from members.models import Member, Receipt, Registration
from stations.models import CheckIn
from stations.services import check_ins_to_counts


def check_ins_of(receipt: Receipt) -> QuerySet:
    """The check-ins of the person behind a receipt. A receipt that joined an earlier registration opens nothing: it
    may have been made by somebody else who knows the number.
    """
    registration = receipt.registration
    if receipt.is_joined or receipt.withdrawn_at or registration.state != Registration.State.VERIFIED:
        return CheckIn.objects.none()
    return CheckIn.objects.filter(member=registration.member_id).select_related("place").order_by("-on", "-pk")


SHOWN = 100


def told(receipt: Receipt) -> list[dict]:
    """The latest of them, as the page of the receipt shows them."""
    return [
        {
            "pk": row.pk,
            "purpose": row.get_purpose_display(),
            "place": row.place.name,
            "occurred_at": f"{timezone.localtime(row.occurred_at):%Y-%m-%d %H:%M}",
            "channel": row.get_channel_display(),
            "is_disputed": row.disputed_at is not None,
        }
        for row in check_ins_of(receipt)[:SHOWN]
    ]


def check_ins_erase(members: list[Member], registrations: list[Registration]) -> None:
    """An erased person's rows become counts: closed months keep their numbers."""
    check_ins_to_counts(member_ids=[member.pk for member in members])
