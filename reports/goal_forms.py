"""Forms of plans and goals: values as people write them, a metric with its 口径, milestones line by line."""

from datetime import date
from decimal import Decimal

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_date

from accounts.own_words import KeptWordsField
from orgs.kinds import Level
from orgs.models import Organization
from reports import goal_words, judging, metrics
from reports.models import Goal, Plan

MILESTONES_HELP = "选填。每行一个：日期 数值，如 2027-06-30 60%。应达的数按这些点连成的折线算，没有就是一条直线。"


def day_input() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


def _units(user, permission: str):
    return (
        Organization.objects.visible_to(user, permission)
        .open()
        .filter(level__lt=Level.GRASSROOTS)
        .order_by("path")
    )  # fmt: skip


def told(form: forms.BaseForm, problem: Exception) -> None:
    """What a service refused, where it belongs in the form."""
    if isinstance(problem, ValidationError) and hasattr(problem, "error_dict"):
        for name, errors in problem.message_dict.items():
            form.add_error(name if name in form.fields else None, errors)
    elif isinstance(problem, ValidationError):
        form.add_error(None, problem.messages)
    else:
        form.add_error(None, str(problem))


class PlanForm(forms.ModelForm):
    class Meta:
        model = Plan
        fields = ["organization", "title", "document", "starts_on", "ends_on"]
        widgets = {"starts_on": day_input(), "ends_on": day_input()}
        field_classes = {"title": KeptWordsField, "document": KeptWordsField}

    def __init__(self, *args, user, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["organization"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = _units(user, "reports.add_plan")
        if self.instance.pk:
            field.disabled = True
            field.queryset = Organization.objects.filter(pk=self.instance.organization_id)
        else:
            field.initial = field.queryset.values_list("pk", flat=True).first()  # the own unit


def key_fields() -> dict[str, forms.Field]:
    """The three choices that make a key: only what units may be judged by."""
    bases = [
        (code, f"{metrics.D_NUMBERS[code]} {name}")
        for code, name in metrics.DENOMINATORS.items()
        if code != "with_members"
    ]
    return {
        "code": forms.ChoiceField(label="指标", choices=[(c, metrics.METRICS[c].name) for c in judging.codes()]),
        "denominator": forms.ChoiceField(
            label="口径（分母）", choices=bases, initial=metrics.DEFAULT_DENOMINATOR,
            help_text="不分口径的指标保持「实体运营」。「有党员」不能作为目标、权重或排名。",
        ),
        "range": forms.ChoiceField(label="范围", choices=list(metrics.RANGES.items()), initial="all"),
    }  # fmt: skip


def clean_key(data: dict) -> str:
    """The key of the three choices. Raises ValidationError."""
    parts = data.get("code", ""), data.get("denominator", ""), data.get("range", "")
    if not all(parts):
        return ""
    try:
        metrics.check(*parts)
    except metrics.UnknownMetric as problem:
        raise ValidationError(f"{problem}请改选口径或范围。") from problem
    key = metrics.count_key(*parts)
    judging.validate_key(key)
    return key


class GoalForm(forms.Form):
    """A goal of a plan. Edited, its unit and metric stay."""

    organization = forms.ModelChoiceField(label="单位", queryset=Organization.objects.none())
    base_on = forms.DateField(label="基期", widget=day_input())
    base_value = forms.CharField(
        label="基数", required=False, max_length=30,
        help_text="留空则取系统在基期（或之前最近一天）统计的数。百分比写 35.2 或 35.2%。",
    )  # fmt: skip
    due_on = forms.DateField(label="完成期限", widget=day_input())
    target = forms.CharField(label="目标值", max_length=30, help_text="百分比写 80 或 80%。")
    milestones = forms.CharField(
        label="阶段目标", required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text=MILESTONES_HELP,
    )  # fmt: skip

    def __init__(self, *args, goal: Goal, **kwargs) -> None:
        self.goal, self.key = goal, goal.metric
        kwargs["initial"] = self._initial()
        super().__init__(*args, **kwargs)
        units = self.fields["organization"]
        assert isinstance(units, forms.ModelChoiceField)
        units.queryset = (
            Organization.objects.within(goal.plan.organization)
            .open()
            .filter(level__lt=Level.GRASSROOTS)
            .order_by("path")
        )
        if goal.pk:
            units.disabled = True
            units.queryset = Organization.objects.filter(pk=goal.organization_id)
        else:
            self.fields = {"organization": units, **key_fields(), **self.fields}

    def _initial(self) -> dict:
        goal = self.goal
        if not goal.pk:
            today = min(timezone.localdate(), goal.plan.starts_on)
            return {"organization": goal.plan.organization_id, "base_on": today, "due_on": goal.plan.ends_on}
        lines = [f"{one.due_on:%Y-%m-%d} {goal_words.typed(goal.metric, one.value)}" for one in goal.milestones.all()]
        return {
            "organization": goal.organization_id, "base_on": goal.base_on, "due_on": goal.due_on,
            "base_value": goal_words.typed(goal.metric, goal.base_value),
            "target": goal_words.typed(goal.metric, goal.target), "milestones": "\n".join(lines),
        }  # fmt: skip

    def clean_base_on(self) -> date:
        day = self.cleaned_data["base_on"]
        if day > timezone.localdate():
            raise ValidationError("基期不能晚于今天，请改正。")
        return day

    def clean(self) -> dict:
        data = super().clean() or {}
        if not self.goal.pk:
            self.key = clean_key(data)
        if self.key:
            for name in ("base_value", "target"):
                data[name] = self._value(name, data.get(name) or "")
            data["milestones"] = self._milestones(data.get("milestones") or "")
        return data

    def _value(self, name: str, text: str) -> Decimal | None:
        if not text.strip():
            return None
        try:
            return goal_words.read_value(text, self.key)
        except ValueError as problem:
            self.add_error(name, str(problem))
            return None

    def _milestones(self, text: str) -> list[tuple[date, Decimal]]:
        found = []
        for line in filter(None, (part.strip() for part in text.splitlines())):
            day_text, *rest = line.split(maxsplit=1)  # by any blank: two columns of a spreadsheet come with a tab
            value_text = "".join(rest)
            try:
                day = parse_date(day_text)
                if day is None or not value_text:
                    raise ValueError(f"「{line[:40]}」看不懂，请写成：2027-06-30 60%。")
                found.append((day, goal_words.read_value(value_text, self.key)))
            except ValueError as problem:
                told = (
                    str(problem)
                    if "「" in str(problem) or "百分比" in str(problem)
                    else f"「{line[:40]}」里的日期不对。"
                )
                self.add_error("milestones", told)
                return []
        return sorted(found)

    def fill(self) -> Goal:
        """The goal with what was typed; an untouched base stays what it was."""
        goal, data = self.goal, self.cleaned_data
        if goal.pk and not goal.base_is_typed and data["base_on"] != goal.base_on:
            data["base_value"] = None if data["base_value"] == goal.base_value else data["base_value"]
        goal.base_is_typed = data["base_value"] is not None and (
            goal.base_is_typed or goal.pk is None or data["base_value"] != goal.base_value
        )
        goal.organization, goal.metric = data["organization"], self.key
        for name in ("base_on", "base_value", "due_on", "target"):
            setattr(goal, name, data[name])
        return goal


class ReasonForm(forms.Form):
    reason = KeptWordsField(label="原因", max_length=200, error_messages={"required": "请写明原因。"})


class DistributeForm(forms.Form):
    """One target for each unit below; empty: that unit gets none."""

    def __init__(self, *args, goal: Goal, units: list[Organization], **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.goal, self.units = goal, units
        self.fields["same"] = forms.CharField(
            label="各单位用同一个目标值", required=False, max_length=30, help_text="下面没有单独填写的单位都用这个数。"
        )
        for unit in units:
            self.fields[f"unit_{unit.pk}"] = forms.CharField(label=unit.name, required=False, max_length=30)

    def clean(self) -> dict:
        data = super().clean() or {}
        same = self._value("same", data.get("same", ""))
        self.targets: dict[int, Decimal] = {}
        for unit in self.units:
            value = self._value(f"unit_{unit.pk}", data.get(f"unit_{unit.pk}", ""))
            value = same if value is None else value
            if value is not None:
                self.targets[unit.pk] = value
        if not self.targets and not self.errors:
            raise ValidationError("请至少给一个单位填目标值。")
        return data

    def _value(self, name: str, text: str) -> Decimal | None:
        if not (text or "").strip():
            return None
        try:
            return goal_words.read_value(text, self.goal.metric)
        except ValueError as problem:
            self.add_error(name, str(problem))
            return None
