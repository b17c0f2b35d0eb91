"""What comes in: the check-in of the desk (parsed by hand: it is the hot path), the filter of check-ins."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.utils.dateparse import parse_datetime

from stations.models import CheckIn, FootfallTally, ServicePoint


class Refused(ValueError):
    """What was sent cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Sent:
    place: int
    purpose: str
    code: str
    member: int | None
    channel: str
    nonce: uuid.UUID
    occurred_at: datetime | None


def _number(text: Any) -> int | None:
    return int(text) if str(text or "").isdecimal() and len(str(text)) < 19 else None


def parse_nonce(text: Any) -> uuid.UUID:
    try:
        return uuid.UUID(str(text))
    except ValueError:
        raise Refused("页面已过期，请刷新后再点。") from None


def parse_when(text: Any) -> datetime | None:
    """The device's clock, where it was sent and can be read; without a time zone it says nothing."""
    try:
        when = parse_datetime(str(text)) if text else None
    except ValueError:
        return None
    return when if when is not None and when.tzinfo is not None else None


def parse_check_in(data) -> Sent:
    """One check-in of the desk, from a form or from JSON. Raises Refused."""
    purpose = data.get("purpose") or CheckIn.Purpose.REPORT
    if purpose not in CheckIn.Purpose.values:
        raise Refused("请选择事由。")
    place = _number(data.get("place"))
    if place is None:
        raise Refused("请选择服务点。")
    code = str(data.get("code") or "").strip()
    member = None if code else _number(data.get("member"))
    if not code and member is None:
        raise Refused("请输入或扫描党员码，或从名单中选人。")
    return Sent(
        place=place,
        purpose=purpose,
        code=code,
        member=member,
        channel=CheckIn.Channel.CODE if code else CheckIn.Channel.SPOKEN,
        nonce=parse_nonce(data.get("nonce")),
        occurred_at=parse_when(data.get("occurred_at")),
    )


class StrictForm(forms.Form):
    """A list's filter. A parameter it does not know is an error: a typo in a shared link must not show everything."""

    PAGING = {"after", "before"}

    def clean(self):
        unknown = sorted(set(self.data) - set(self.fields) - self.PAGING)
        if unknown:
            raise forms.ValidationError(f"不认识的参数：{'、'.join(unknown)}。请清除筛选后重新选择。")
        return super().clean()


class CheckInFilter(StrictForm):
    date = forms.DateInput(attrs={"type": "date"})
    on_from = forms.DateField(label="起", required=False, widget=date)
    on_to = forms.DateField(label="止（含）", required=False, widget=date)
    purpose = forms.ChoiceField(label="事由", required=False, choices=[("", "全部"), *CheckIn.Purpose.choices])
    disputed = forms.ChoiceField(label="异议", required=False, choices=[("", "全部"), ("yes", "本人有异议")])
    place = forms.ModelChoiceField(
        label="服务点", required=False, queryset=ServicePoint.objects.none(), widget=forms.HiddenInput
    )

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        field = self.fields["place"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = ServicePoint.objects.visible_to(user)

    def apply(self, queryset):
        data = self.cleaned_data
        if data["on_from"]:
            queryset = queryset.filter(on__gte=data["on_from"])
        if data["on_to"]:
            queryset = queryset.filter(on__lte=data["on_to"])
        if data["purpose"]:
            queryset = queryset.filter(purpose=data["purpose"])
        if data["disputed"]:
            queryset = queryset.filter(disputed_at__isnull=False)
        if data["place"]:
            queryset = queryset.filter(place=data["place"])
        return queryset


FOOTFALL_KINDS = tuple(FootfallTally.Kind.values)


def parse_footfall(data) -> tuple[str, uuid.UUID]:
    """Kind and nonce of one tap. Raises Refused."""
    if data.get("kind") not in FOOTFALL_KINDS:
        raise Refused("请选择歇脚、充电或办事。")
    return data["kind"], parse_nonce(data.get("nonce"))
