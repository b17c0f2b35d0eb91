"""同意凭证: one consent opens one registration, for good, whether an event told of it, a file, or both.

A file often tells only the minute, or the day, on which the person agreed. So two consents of one phone to one version
of the notice are one where the less exact of the two times says the same. Ask under the lock of the phone; the very
same consent is kept from being written twice by the database.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.conf import settings
from django.utils import timezone

from accounts import wall
from accounts.crypto import blind_index
from members.models import Receipt

# How exact a time can have been told, the least exact first.
STEPS = (timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1), timedelta(microseconds=1))


@dataclass(frozen=True)
class Agreement:
    """Who agreed to what, and when. The phone as members/identity.py writes it."""

    phone: str
    version: str
    at: datetime

    @cached_property
    def token(self) -> uuid.UUID:
        """Of the receipt: the same consent gets the same one."""
        said = f"{self.phone}|{self.version}|{self.at.timestamp()}"
        return uuid.UUID(bytes=blind_index(said, kind="agreement", key=settings.DIGEST_KEY)[:16])

    @cached_property
    def index(self) -> bytes:
        """What all consents of this phone to this notice on one day have in common."""
        said = f"{self.phone}|{self.version}|{timezone.localdate(self.at)}"
        return blind_index(said, kind="agreement_day", key=settings.DIGEST_KEY)

    def is_also(self, at: datetime | None) -> bool:
        """Whether a consent of the same index, told with this time, is this one."""
        return is_same_time(self.at, at)


def is_same_time(one: datetime, other: datetime | None) -> bool:
    """Of one day: the less exact of the two says the same as the other."""
    if other is None:
        return False
    ours, theirs = _past_midnight(one), _past_midnight(other)
    step = max(_exactness(ours), _exactness(theirs))
    return ours // step == theirs // step


@wall.everywhere()
def receipts_of(agreements: Iterable[Agreement]) -> dict[Agreement, Receipt]:
    """The receipts that these consents got already."""
    wanted = {agreement: agreement.index for agreement in agreements}
    given: dict[bytes, list[Receipt]] = defaultdict(list)
    for receipt in Receipt.objects.filter(agreement_index__in=set(wanted.values())).order_by("pk"):
        assert receipt.agreement_index is not None  # as asked for
        given[bytes(receipt.agreement_index)].append(receipt)
    found = {}
    for agreement, index in wanted.items():
        if receipt := next((one for one in given[index] if agreement.is_also(one.agreed_at)), None):
            found[agreement] = receipt
    return found


def _past_midnight(at: datetime) -> timedelta:
    local = timezone.localtime(at)
    return local - local.replace(hour=0, minute=0, second=0, microsecond=0)


def _exactness(past: timedelta) -> timedelta:
    return next(step for step in STEPS if past % step == timedelta(0))
