"""Asking for a monthly report or a week's sheet, finding one, and checking a file."""

import re
from datetime import date

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.own_words import KeptWordsField
from orgs.kinds import Level
from orgs.models import Division, Organization
from reports.models import PrintedDocument
from reports.monthly import month_over
from reports.printed_making import PRINT

MOST_BYTES = 20 * 1024 * 1024
PDF = b"%PDF-"


class MonthField(forms.CharField):
    """2026-10, as the browser's month field writes it; also 202610 and 2026年10月. The first day of the month."""

    widget = forms.TextInput(attrs={"type": "month", "placeholder": "2026-10"})

    def clean(self, value) -> date | None:
        text = super().clean(value)
        if not text:
            return None
        found = re.fullmatch(r"\s*(\d{4})\s*[-/.年]?\s*(\d{1,2})\s*月?\s*", text)
        if found is None or not 1 <= int(found[2]) <= 12 or int(found[1]) < 2000:
            raise ValidationError("月份写法应为 2026-10，请改正。")
        return date(int(found[1]), int(found[2]), 1)


class PrintForm(forms.Form):
    """A report of one unit inside one's own scope, or of all units under it."""

    use_required_attribute = False
    organization = forms.ModelChoiceField(
        label="党组织", queryset=Organization.objects.none(), required=False, empty_label="（不选）"
    )
    division = forms.ModelChoiceField(
        label="区划", queryset=Division.objects.none(), required=False, empty_label="（不选）"
    )
    below = forms.BooleanField(
        label="下级各单位也各出一份",
        required=False,
        help_text="市级：各区和各指导站；区级：各指导站；区划：各区、各街道。",
    )
    classification = forms.ChoiceField(
        label="标识", choices=PrintedDocument.Classification.choices, initial="internal",
        help_text="“公开”的报告，任何人扫码核验时可以看到几个主要数字；“内部”的只能看到真伪。本系统不存放涉密内容。",
        error_messages={"required": "请选择标识。"},
    )  # fmt: skip

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        organizations = Organization.objects.visible_to(user, PRINT).open().exclude(level=Level.GRASSROOTS)
        divisions = Division.objects.visible_to(user, PRINT).exclude(level=Division.Level.COMMUNITY)
        self.fields["organization"].queryset = organizations.order_by("path")
        self.fields["division"].queryset = divisions.order_by("level", "sort", "code")
        self.fields["division"].help_text = "党组织和区划二选一：按哪条线统计，就出哪条线的报告。"
        if not self.is_bound:
            self.initial.setdefault("organization", organizations.order_by("path").first())

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


class MonthlyForm(PrintForm):
    month = MonthField(
        label="月份", help_text="已关账的月份用关账的数字；没有关账的用该月最后一次统计，并注明“未关账”。",
        error_messages={"required": "请选择月份。"},
    )  # fmt: skip
    field_order = ["organization", "division", "month"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.is_bound:
            self.initial.setdefault("month", f"{month_over(timezone.localdate()):%Y-%m}")

    def clean_month(self) -> date:
        month = self.cleaned_data["month"]
        if month > timezone.localdate():
            raise ValidationError("这个月还没有到，请选择本月或更早的月份。")
        return month


class PrintedFilterForm(forms.Form):
    use_required_attribute = False
    kind = forms.ChoiceField(label="种类", required=False, choices=[("", "全部"), *PrintedDocument.Kind.choices])
    month = MonthField(label="月份", required=False)
    unit = forms.CharField(label="单位名称", required=False, max_length=60)

    def apply(self, rows):
        if not self.is_valid():
            return rows
        if kind := self.cleaned_data["kind"]:
            rows = rows.filter(kind=kind)
        if month := self.cleaned_data["month"]:
            rows = rows.filter(period__year=month.year, period__month=month.month)
        if name := self.cleaned_data["unit"].strip():
            rows = rows.filter(title__icontains=name)
        return rows


class VoidForm(forms.Form):
    use_required_attribute = False
    reason = KeptWordsField(
        label="作废原因", max_length=200, help_text="核验这份报告的人会看到“已作废”，看不到原因；登录后在本页看得到。",
        error_messages={"required": "请写明作废的原因。", "max_length": "最多 200 个字，请写短一些。"},
    )  # fmt: skip


class CheckForm(forms.Form):
    """A file that somebody got, to be compared with what was made here."""

    use_required_attribute = False
    file = forms.FileField(
        label="PDF 文件", help_text="收到的电子版原件。另存、打印成 PDF 或改过一个字的文件都对不上。",
        error_messages={"required": "请选择要核验的文件。", "empty": "文件是空的，请重新选择。"},
    )  # fmt: skip

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise ValidationError("文件超过 20 MB，不会是本系统出的报告，请重新选择。")
        if file.read(len(PDF)) != PDF:
            raise ValidationError("这个文件的内容不是 PDF，不管它叫什么名字。请选择收到的 PDF 原件。")
        file.seek(0)
        return file
