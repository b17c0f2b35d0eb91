"""The one write about 对照: whether the units right below a committee read each other's released numbers."""

from django.db import transaction

from accounts import audit
from orgs.models import Organization
from reports import siblings
from reports.models import ComparisonChoice


class ComparisonRefused(ValueError):
    """It is so already; the message is for the reader."""


@transaction.atomic
def comparison_choose(*, unit: Organization, is_open: bool, reason: str, by) -> ComparisonChoice:
    """Holds from the next page on. Raises ComparisonRefused where nothing would change."""
    Organization.objects.select_for_update().get(pk=unit.pk)  # of two at once the second sees what the first decided
    now = siblings.choice_of(unit)
    if is_open == (now is not None and now.is_open):
        raise ComparisonRefused(f"现在已经是“{'打开' if is_open else '关闭'}”，不用再改。")
    choice = ComparisonChoice.objects.create(organization=unit, is_open=is_open, reason=reason, decided_by=by)
    audit.record(
        f"reports.comparison.{'open' if is_open else 'close'}", by=by, subjects=[choice], detail={"unit": unit.code}
    )
    return choice
