"""Where systems differ: taking the value of one of them over, or keeping what stands."""

import datetime as dt
import json
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import audit
from markets.models import Business, SourceDifference
from markets.pinyin import initials_of
from markets.services import CannotSave, business_save
from markets.sources import PLACE, UNTOLD, Source

GONE = "这条差异已经不在了，可能刚有人处理过或又导入了文件。请刷新页面。"


def values_of(difference: SourceDifference) -> dict[str, Any]:
    """The columns of Business that the difference's value stands for."""
    column, text = difference.column, difference.value
    if column == "place":
        return dict(zip(PLACE, json.loads(text), strict=True))
    if column == "registered_on":
        return {column: dt.date.fromisoformat(text)}
    if column in ("employees", "market_id"):
        return {column: int(text)}
    if column == "name":
        return {column: text, "name_pinyin": initials_of(text)}
    if column == "entity_type":
        return {column: text, "entity_type_text": str(Business.EntityType(text).label)}
    return {column: text}


@transaction.atomic
def difference_adopt(*, difference: SourceDifference, by) -> Business:
    """The other system's value stands from now on, by a person; what stood was decided against, and stays so while the
    system that leads the column says nothing else."""
    business = Business.objects.select_for_update().get(pk=difference.business_id)
    difference = SourceDifference.objects.select_for_update().filter(pk=difference.pk).first()
    if difference is None:
        raise CannotSave(GONE)
    column, source = difference.column, difference.source
    before = business.provenance.get(column, str(Source.REGISTRATION))
    stood = told_now(business, column)
    for name, value in values_of(difference).items():
        setattr(business, name, value)
    # Chosen by a person: a file of a worse source does not undo it.
    business.provenance = business.provenance | {column: str(Source.MANUAL)}
    business_save(business=business, by=by)
    SourceDifference.objects.filter(business=business, column=column, value=difference.value).delete()
    if stood is not None and before not in (Source.MANUAL, UNTOLD):
        SourceDifference.objects.update_or_create(
            business=business, column=column, source=before,
            defaults={
                "value": stood, "file_date": None, "kept_at": timezone.now(), "decided_against": True, "batch": None,
            },
        )  # fmt: skip
    _tell(difference, business, by, "adopt", {"column": column, "source": source})
    return business


@transaction.atomic
def difference_keep(*, difference: SourceDifference, by) -> None:
    """What stands stays; the difference is out of the way until that source says something else."""
    if not SourceDifference.objects.filter(pk=difference.pk).update(kept_at=timezone.now()):
        raise CannotSave(GONE)
    _tell(difference, difference.business, by, "keep", {"column": difference.column, "source": difference.source})


def told_now(business: Business, column: str) -> str | None:
    """The present value as differences keep values."""
    if column == "place":
        return json.dumps([getattr(business, name) for name in PLACE])
    value = getattr(business, column)
    return None if value in (None, "") else str(value)


def _tell(difference: SourceDifference, business: Business, by, act: str, detail: dict) -> None:
    audit.record(
        f"markets.sourcedifference.{act}",
        by=by,
        subjects=[business],
        units=[business.guidance_station_id, business.district_committee_id],
        detail=detail,
    )
