"""Forms of an evaluation: what it is of, and its lines, one row each."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_date

from accounts.own_words import KeptWordsField
from orgs.doors import postings_with
from orgs.kinds import Level
from orgs.models import Organization
from reports import evaluation_sheets, goal_words, metrics
from reports.goal_forms import clean_key, day_input, key_fields
from reports.models import Evaluation, EvaluationLine, MonthClosing

BLANK_ROWS = 4


def closed_months() -> list[tuple[str, str]]:
    months = MonthClosing.objects.order_by("-month").values_list("month", flat=True).distinct()[:24]
    return [("", "不按关账月份"), *((f"{month:%Y-%m-%d}", f"{month:%Y 年 %m 月}") for month in months)]


class EvaluationForm(forms.ModelForm):
    month = forms.ChoiceField(
        label="关账月份", required=False, help_text="选了关账月份，用那个月关账时的数，不填截至日期。"
    )

    class Meta:
        model = Evaluation
        fields = ["organization", "title", "as_of", "month", "note"]
        widgets = {"as_of": day_input(), "note": forms.Textarea(attrs={"rows": 3})}
        field_classes = {"title": KeptWordsField, "note": KeptWordsField}
        help_texts = {"as_of": "用这一天（没有统计的，之前最近一天）的数。"}

    def __init__(self, *args, user, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        units, month = self.fields["organization"], self.fields["month"]
        assert isinstance(units, forms.ModelChoiceField) and isinstance(month, forms.ChoiceField)
        units.queryset = own_units(user)
        units.initial = units.queryset.values_list("pk", flat=True).first()
        month.choices = closed_months()
        if self.instance.pk:
            units.disabled = True
            self.initial["month"] = f"{self.instance.month:%Y-%m-%d}" if self.instance.month else ""

    def clean_month(self):
        return parse_date(self.cleaned_data["month"]) if self.cleaned_data["month"] else None

    def clean(self) -> dict:
        data = super().clean() or {}
        if bool(data.get("as_of")) == bool(data.get("month")) and not {"as_of", "month"} & set(self.errors):
            self.add_error("as_of", "截至日期和关账月份，请填且只填一个。")
        return data


def own_units(user):
    """The units at which the person may compose: their own, city or district."""
    held = [posting.organization_id for posting in postings_with(user, "reports.add_evaluation")]
    return Organization.objects.filter(pk__in=held, level__lte=Level.DISTRICT).order_by("path")


class LineForm(forms.Form):
    """One row; a row without a metric is nothing."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = key_fields()
        code = fields["code"]
        code.choices, code.required = [("", "（不用这一行）"), *code.choices], False
        fields["denominator"].help_text = ""
        self.fields = fields | {
            "weight": forms.DecimalField(label="权重（%）", required=False, max_digits=5, decimal_places=2),
            "floor": forms.CharField(label="零分线", required=False, max_length=30),
            "full": forms.CharField(label="满分线", required=False, max_length=30),
        }

    def clean(self) -> dict:
        data = super().clean() or {}
        self.line: EvaluationLine | None = None
        if not data.get("code"):
            if any(data.get(name) not in (None, "") for name in ("weight", "floor", "full")):
                self.add_error("code", "填了权重或分数线，请选指标；不用这一行请清空。")
            return data
        try:
            key = clean_key(data)
        except ValidationError as problem:
            self.add_error("code", problem)
            return data
        if key:
            self._fill(key, data)
        return data

    def _fill(self, key: str, data: dict) -> None:
        values: dict[str, Decimal] = {}
        for name in ("floor", "full"):
            try:
                values[name] = goal_words.read_value(data.get(name) or "", key)
            except ValueError as problem:
                self.add_error(name, str(problem) if data.get(name) else "请填写。")
        if data.get("weight") is None:
            if "weight" not in self.errors:
                self.add_error("weight", "请填写权重。")
            return
        if len(values) < 2:
            return
        line = EvaluationLine(metric=key, weight=data["weight"], **values)
        try:
            line.clean_fields(exclude=["evaluation", "position"])
            line.clean()
        except ValidationError as problem:
            self.add_error(None, problem)  # named by field
        else:
            self.line = line


class BaseLines(forms.BaseFormSet):
    def lines(self) -> list[EvaluationLine]:
        return [form.line for form in self.forms if getattr(form, "line", None) is not None]


LineSet = forms.formset_factory(LineForm, formset=BaseLines, extra=0, max_num=24, absolute_max=24)


def line_set(data=None, evaluation: Evaluation | None = None):
    """The rows of a sheet with some blank ones, unbound or as sent."""
    initial = [_typed(line) for line in evaluation.lines.all()] if evaluation is not None and evaluation.pk else []
    initial += [{} for _ in range(BLANK_ROWS)]
    return LineSet(data, initial=initial, prefix="line")


def _typed(line: EvaluationLine) -> dict[str, Any]:
    code, denominator, range = metrics.parse_key(line.metric)
    return {
        "code": code, "denominator": denominator, "range": range, "weight": evaluation_sheets.plain(line.weight),
        "floor": goal_words.typed(line.metric, line.floor), "full": goal_words.typed(line.metric, line.full),
    }  # fmt: skip


def summary_of(lines) -> list[str]:
    """What is wrong in which row, for the summary on top."""
    return [
        f"第 {number} 行：{error}"
        for number, form in enumerate(lines.forms, 1)
        for errors in form.errors.values()
        for error in errors
    ] + list(lines.non_form_errors())
