"""Uploading a form, saying what stands in a cell, and choosing the month to fill."""

from datetime import date

from django import forms
from django.core.exceptions import ValidationError

from accounts.own_words import KeptWordsField
from orgs.kinds import Level
from orgs.models import Division, Organization
from reports import judging, metrics
from reports.form_services import FormRefused, binding_columns, units_of
from reports.models import FormBinding, MonthClosing, ReportForm
from reports.printed_forms import MonthField
from reports.selectors import Unit
from reports.words import OPENS_ON, Basis

What = FormBinding.What
TEXT_HELP = (
    "每月都一样的字，如填表人的科室。同一格里还有时间、单位的，写 {年}、{月}、{日}（当月最后一天）、{今天}（填报那天）、{单位}，"
    "填报时换成当月的，如：统计时间：{年}年{月}月{日}日。"
)
CODES = {metric.name: metric.code for metric in metrics.METRICS.values()}
FILE_HELP = (
    "Excel 工作簿(.xlsx)，不超过 5 MB。原样保存，每月在它上面填数，格式、公式、打印设置都不动；含宏、外部链接的不接收。"
    "请不要上传写有党员个人信息的表。"
)


class UploadForm(forms.Form):
    """A new form; the unit is one of those for which this person may keep forms."""

    use_required_attribute = False
    file = forms.FileField(
        label="报表文件", help_text=FILE_HELP, widget=forms.FileInput(attrs={"accept": ".xlsx"}),
        error_messages={"required": "请选择要填的报表文件。", "empty": "文件是空的，请重新选择。"},
    )  # fmt: skip
    title = KeptWordsField(
        label="报表名称", max_length=100, help_text="例如：小个专党建工作情况月报表。",
        error_messages={"required": "请填报表名称。", "max_length": "最多 100 个字，请写短一些。"},
    )  # fmt: skip
    asked_by = KeptWordsField(label="来文单位", max_length=100, required=False, help_text="要求报这张表的上级单位。")
    unit = forms.ChoiceField(
        label="填报单位", help_text="这张表报的是谁的数；下级各单位的数也可以填在里面。",
        error_messages={"required": "请选择填报单位。"},
    )  # fmt: skip
    with_sources = forms.BooleanField(
        label="填好的文件后面附一张“数据来源”表", required=False, initial=True,
        help_text="列出每一格的指标、口径、单位和截至日期。报表的结构受保护时不附，数据来源另行下载。",
    )  # fmt: skip

    def __init__(self, *args, user, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        may = "reports.add_reportform"
        organizations = Organization.objects.visible_to(user, may).open().exclude(level=Level.GRASSROOTS)
        divisions = Division.objects.visible_to(user, may).exclude(level=Division.Level.COMMUNITY)
        self.units = choices_of([*organizations.order_by("path"), *divisions.order_by("level", "sort", "code")])
        offer_units(self.fields["unit"], grouped(self.units))

    def clean_unit(self) -> Unit:
        return self.units[self.cleaned_data["unit"]]


class ChangeForm(forms.Form):
    """The form's own facts, and a newer file in place of the one that is kept."""

    use_required_attribute = False
    title = KeptWordsField(
        label="报表名称", max_length=100,
        error_messages={"required": "请填报表名称。", "max_length": "最多 100 个字，请写短一些。"},
    )  # fmt: skip
    asked_by = KeptWordsField(label="来文单位", max_length=100, required=False)
    with_sources = forms.BooleanField(label="填好的文件后面附一张“数据来源”表", required=False)
    is_active = forms.BooleanField(
        label="每月关账后自动填一份", required=False, help_text="上级不再要这张表时取消；已经填好的都留着。"
    )
    file = forms.FileField(
        label="换成新版的报表文件", required=False, widget=forms.FileInput(attrs={"accept": ".xlsx"}),
        help_text="上级改了表样时用：绑定按原来的工作表名称和格子留着，换好后请逐格核对。以前填好的不变。",
        error_messages={"empty": "文件是空的，请重新选择。"},
    )  # fmt: skip


OWN = "own"
# What a kind of cell does not ask, and does not need to be sent.
UNASKED = {
    **dict.fromkeys(FormBinding.NUMBERS, ("text",)),
    What.UNIT_NAME: ("metric", "denominator", "range", "text"),
    What.PERIOD: ("metric", "denominator", "range", "unit", "text"),
    What.FILLED_ON: ("metric", "denominator", "range", "unit", "text"),
    What.TEXT: ("metric", "denominator", "range", "unit"),
}


class BindForm(forms.Form):
    """What stands in one cell. Metric and 口径 are only asked for numbers, the unit also for its name, words for 固定文字."""

    use_required_attribute = False
    what = forms.ChoiceField(label="这一格填", choices=What.choices)
    metric = forms.CharField(
        label="指标", max_length=80, help_text="输入几个字再从列表里选，如“组织覆盖率”。",
        widget=forms.TextInput(attrs={"list": "metric-names", "autocomplete": "off", "type": "search"}),
        error_messages={"required": "请选择指标。"},
    )  # fmt: skip
    denominator = forms.ChoiceField(
        label="分母口径",
        choices=[(code, f"{metrics.D_NUMBERS[code]} {name}") for code, name in metrics.DENOMINATORS.items()],
    )  # fmt: skip
    range = forms.ChoiceField(label="范围", choices=list(metrics.RANGES.items()))
    unit = forms.ChoiceField(label="哪个单位的")
    text = KeptWordsField(
        label="固定文字", max_length=200, help_text=TEXT_HELP,
        error_messages={"required": "请写要填的文字。"},
    )  # fmt: skip

    def __init__(self, *args, report_form: ReportForm, binding: FormBinding | None = None, **kwargs) -> None:
        kwargs.setdefault("initial", initial_of(binding))
        super().__init__(*args, **kwargs)
        own = report_form.unit
        self.units = choices_of([unit for unit in units_of(report_form) if unit != own])
        bound = binding and (binding.organization or binding.division)
        if bound and bound != own:  # one that was closed is shown, and refused when it is sent
            self.units.setdefault(unit_key(bound), bound)
        offer_units(self.fields["unit"], [(OWN, f"本单位（{own}）"), *grouped(self.units)])
        if self.is_bound:
            for name in UNASKED.get(self.data.get("what", ""), ()):
                self.fields[name].required = False

    def clean_metric(self) -> str:
        name = self.cleaned_data["metric"].strip()
        if name and name not in CODES and name not in metrics.METRICS:
            raise ValidationError(f"没有指标「{name}」。请从列表里选，名称见统计口径页。")
        return CODES.get(name, name)

    def clean(self) -> dict:
        data = super().clean() or {}
        if self.errors:
            return data
        try:
            data["columns"] = binding_columns(
                data["what"], metric=self._key(data), unit=self.units.get(data["unit"]), text=data["text"]
            )
        except FormRefused as refused:
            self.add_error("what", str(refused))
        return data

    @staticmethod
    def _key(data: dict) -> str:
        """The metric in the 口径 chosen, as far as it has one."""
        if data["what"] not in FormBinding.NUMBERS:
            return ""
        metric = metrics.METRICS[data["metric"]]
        fit = Basis(data["denominator"], data["range"]).fitting(metric)
        return metrics.count_key(metric.code, fit.denominator, fit.range)


def initial_of(binding: FormBinding | None) -> dict:
    """What the fields say of a binding; a rate opens on D4, as pages do. A metric that is no more stays as it was."""
    if binding is None:
        return {"what": What.VALUE, "denominator": OPENS_ON, "range": "all", "unit": OWN}
    found = {"what": binding.what, "denominator": OPENS_ON, "range": "all", "text": binding.text}
    if metric := judging.metric_of(binding.metric):
        _, found["denominator"], found["range"] = metrics.parse_key(binding.metric)
        found["metric"] = metric.name
    else:
        found["metric"] = binding.metric
    own = binding.organization or binding.division
    return found | {"unit": unit_key(own) if own else OWN}


class FillForm(forms.Form):
    """Which closed month."""

    use_required_attribute = False
    month = MonthField(label="月份", error_messages={"required": "请选择月份。"})

    def clean_month(self) -> date:
        month = self.cleaned_data["month"]
        if not MonthClosing.objects.filter(month=month).exists():
            raise ValidationError(f"{month:%Y-%m} 还没有关账，填出来的数会变。请选已关账的月份，或先关账。")
        return month


# --- units in a select ------------------------------------------------------------------------------------------------


def unit_key(unit: Unit) -> str:
    return f"{'o' if isinstance(unit, Organization) else 'd'}{unit.pk}"


def offer_units(field: forms.Field, choices: list) -> None:
    assert isinstance(field, forms.ChoiceField)
    field.choices = choices


def choices_of(units: list[Unit]) -> dict[str, Unit]:
    return {unit_key(unit): unit for unit in units}


def grouped(units: dict[str, Unit]) -> list:
    lines = {"o": "党组织", "d": "区划"}
    groups = [
        (label, [(key, str(unit)) for key, unit in units.items() if key[0] == line]) for line, label in lines.items()
    ]
    return [(label, choices) for label, choices in groups if choices]
