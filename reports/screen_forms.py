"""Setting up a wall screen: which unit, where it hangs, what it shows and until when."""

from datetime import datetime, time, timedelta

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.own_words import KeptWordsField
from orgs.kinds import Level
from orgs.models import Division, Organization
from reports.models import Screen

PERMISSION = "reports.add_screen"


class ScreenSettingsForm(forms.Form):
    """What can be changed while a screen hangs."""

    use_required_attribute = False
    name = KeptWordsField(label="安装位置", max_length=60, help_text="写明挂在哪里，如“市局一楼大厅”，便于日后核对。")
    pages = forms.MultipleChoiceField(
        label="轮播的页面",
        choices=Screen.Page.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=Screen.Page.values,
        help_text="按这里的顺序轮播。单位没有对应数字的页面会自动跳过。",
        error_messages={"required": "请至少选择一个页面。"},
    )
    seconds = forms.IntegerField(
        label="每页停留（秒）",
        min_value=Screen.MIN_SECONDS,
        max_value=Screen.MAX_SECONDS,
        initial=20,
        error_messages={
            "min_value": f"每页至少停留 {Screen.MIN_SECONDS} 秒，再短就看不清了。",
            "max_value": f"每页最多停留 {Screen.MAX_SECONDS} 秒。",
            "invalid": "请填写整数秒，如 20。",
        },
    )

    def clean_pages(self) -> list[str]:
        chosen = self.cleaned_data["pages"]
        return [page for page in Screen.Page.values if page in chosen]


class ScreenForm(ScreenSettingsForm):
    """A new screen, of one unit inside one's own scope: city, district, guidance station or street."""

    organization = forms.ModelChoiceField(
        label="党组织", queryset=Organization.objects.none(), required=False, empty_label="（不选）"
    )
    division = forms.ModelChoiceField(
        label="区划", queryset=Division.objects.none(), required=False, empty_label="（不选）"
    )
    expires_on = forms.DateField(
        label="有效至",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text=f"当天仍有效，最长 {Screen.MAX_DAYS} 天；到期后不再显示数字，需另建一个。",
        error_messages={"invalid": "请按 2026-12-31 的格式填写日期。"},
    )
    field_order = ["organization", "division", "name", "pages", "seconds", "expires_on"]

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        organizations = Organization.objects.visible_to(user, PERMISSION).open().exclude(level=Level.GRASSROOTS)
        divisions = Division.objects.visible_to(user, PERMISSION).exclude(level=Division.Level.COMMUNITY)
        self.fields["organization"].queryset = organizations.order_by("path")
        self.fields["division"].queryset = divisions.order_by("level", "sort", "code")
        self.fields["division"].help_text = "党组织和区划二选一：按哪条线统计，大屏就显示哪条线的数字。"
        if not self.is_bound:
            self.initial.setdefault("organization", organizations.order_by("path").first())
            self.initial.setdefault("expires_on", timezone.localdate() + timedelta(days=180))

    def clean_expires_on(self):
        day, today = self.cleaned_data["expires_on"], timezone.localdate()
        if day < today:
            raise ValidationError("有效期不能早于今天。")
        if day > today + timedelta(days=Screen.MAX_DAYS):
            last = today + timedelta(days=Screen.MAX_DAYS)
            raise ValidationError(f"有效期最长 {Screen.MAX_DAYS} 天，请填 {last} 或更早的日期。")
        return day

    def clean(self) -> dict:
        data = super().clean() or {}
        if {"organization", "division"} & set(self.errors):
            return data
        if bool(data.get("organization")) == bool(data.get("division")):
            raise ValidationError("请选择一个党组织或一个区划，二选一。")
        return data

    @property
    def unit(self):
        return self.cleaned_data["organization"] or self.cleaned_data["division"]

    @property
    def expires_at(self) -> datetime:
        return timezone.make_aware(datetime.combine(self.cleaned_data["expires_on"], time(23, 59, 59)))
