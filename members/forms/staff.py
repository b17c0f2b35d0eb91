"""The officers' and secretaries' forms."""

from datetime import date
from typing import ClassVar

from django import forms
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.own_words import names_a_person
from members import identity, selectors
from members.forms.public import (
    PLAIN_WORDS,
    AnewForm,
    HomeStep,
    IdentityField,
    NumberStep,
    PersonStep,
    PhoneStep,
    StandingStep,
    WorkStep,
)
from members.intake.feedback import CONTENTS, EVENTS
from members.models import Affiliation, Consent, ContactLog, IntakeClient, Member, Registration
from members.services.people import REVEALABLE
from orgs.kinds import Level
from orgs.models import Organization
from tables.forms import ExportForm

PURPOSES = [
    ("核实报到", "核实报到"),
    ("联系党员活动", "联系党员活动"),
    ("组织关系核对", "组织关系核对"),
    ("办理本人申请", "办理本人申请"),
    ("安全事件通知", "安全事件通知"),  # PIPL Art. 57: persons are called, number by number
]


class Ours(forms.Form):
    use_required_attribute = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.error_messages = field.error_messages | PLAIN_WORDS


class TakeForm(Ours):
    """`seen`: whose lead it was on the page; if it is somebody else's by now, nobody's work is taken away."""

    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)


class ContactForm(Ours):
    outcome = forms.ChoiceField(
        label="联系结果", choices=ContactLog.Outcome.choices, widget=forms.RadioSelect,
        error_messages={"required": "请选择联系结果。"},
    )  # fmt: skip


class VerifyForm(Ours):
    method = forms.ChoiceField(
        label="怎样核实的", choices=Registration.Method.choices, widget=forms.RadioSelect,
        error_messages={"required": "请选择核实方式。"},
    )  # fmt: skip
    same_as = forms.ModelChoiceField(
        label="是不是下面的同一位党员", queryset=Member.objects.none(), required=False, widget=forms.RadioSelect,
        empty_label="都不是，新建党员档案",
    )  # fmt: skip

    def __init__(self, *args, candidates, **kwargs):
        super().__init__(*args, **kwargs)
        if not candidates.exists():
            del self.fields["same_as"]
            return
        field = self.fields["same_as"]
        field.queryset = candidates
        field.help_text = "手机号相同。没有身份号码时，请与本人核对后选择。"
        field.label_from_instance = lambda row: f"{identity.mask_name(row.name)}（{row.get_standing_display()}）"


class RefuseForm(Ours):
    reason = forms.CharField(
        label="没有核实的原因", max_length=200, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="本人回执上不显示，本人查阅复制时会提供。不要写姓名、身份号码和手机号。",
        error_messages={"required": "请写明未能核实的原因。"},
    )  # fmt: skip


class DuplicateForm(Ours):
    of = forms.ModelChoiceField(
        label="与哪一条重复", queryset=Registration.objects.none(), required=False, widget=forms.RadioSelect,
        empty_label=None,
    )  # fmt: skip

    def __init__(self, *args, others, **kwargs):
        super().__init__(*args, **kwargs)
        if not others.exists():
            del self.fields["of"]
            return
        self.fields["of"].queryset = others
        self.fields["of"].required = True
        self.fields["of"].error_messages["required"] = "请选择与哪一条重复。"
        self.fields["of"].label_from_instance = lambda row: (
            f"{identity.mask_name(row.name)}，{row.submitted_at:%Y-%m-%d} 报到，{row.get_state_display()}"
        )


class RevealForm(Ours):
    fields_wanted = forms.MultipleChoiceField(
        label="要查看的内容", choices=list(REVEALABLE.items()), widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "请选择要查看的内容。"},
    )  # fmt: skip
    purpose = forms.ChoiceField(
        label="目的", choices=[("", "请选择"), *PURPOSES], error_messages={"required": "请写明查看的目的。"}
    )


class PeriodForm(Ours):
    """From which day to which, both included, and whose system."""

    LONGEST = 366  # days

    since = forms.DateField(
        label="从", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": "请填写开始日期。", "invalid": "请填写日期，例如 2026-11-01。"},
    )  # fmt: skip
    until = forms.DateField(
        label="到（含）", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": "请填写结束日期。", "invalid": "请填写日期，例如 2026-11-30。"},
    )  # fmt: skip
    department = forms.ChoiceField(
        label="来源部门", choices=[("", "全部"), *IntakeClient.Department.choices], required=False
    )

    def __init__(self, given) -> None:
        today = timezone.localdate()
        month = {"since": f"{today.replace(day=1)}", "until": f"{today}"}
        super().__init__(month | {name: given[name] for name in self.base_fields if name in given})

    def clean(self):
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until:
            if not date(2000, 1, 1) <= since <= until <= timezone.localdate():
                raise forms.ValidationError("开始日期不能晚于结束日期，结束日期不能晚于今天。")
            if (until - since).days >= self.LONGEST:
                raise forms.ValidationError(f"一次最多 {self.LONGEST} 天，请分几次。")
        return self.cleaned_data


class FeedbackForm(ExportForm, Ours):
    """What stands in the file that goes to the department."""

    content = forms.ChoiceField(label="内容", choices=list(CONTENTS.items()), widget=forms.RadioSelect, initial=EVENTS)
    field_order = ("content", "format", "purpose")


class LineField(forms.CharField):
    """One line that will hang in public: without unseen marks, and with no number of a person in it."""

    def clean(self, value) -> str:
        line = identity.clean_line(super().clean(value))
        if self.required and not any(mark.isalpha() for mark in line):
            raise forms.ValidationError(self.error_messages["required"], code="required")
        if names_a_person(line):
            raise forms.ValidationError("牌子是公开的：不要写身份号码和手机号，请删去。")
        return line


class PledgeForm(Ours):
    """The words of a plaque."""

    organization = forms.ModelChoiceField(
        label="牌上写的党组织", queryset=Organization.objects.none(), empty_label="请选择",
        error_messages={"required": "请选择党组织。"}, help_text="在册、纳管的党组织，或核实本人报到的指导站。",
    )  # fmt: skip
    duty = LineField(
        label="亮职责", max_length=100, help_text="例如：经营区消防安全巡查。",
        error_messages={"required": "请写明职责。"},
    )  # fmt: skip
    promise = LineField(
        label="亮承诺", max_length=200, widget=forms.Textarea(attrs={"rows": 3}), help_text="由本人自己说，一两句话。",
        error_messages={"required": "请写明承诺。"},
    )  # fmt: skip
    place = LineField(
        label="挂牌地点",
        max_length=200,
        required=False,
        help_text="不印在牌上：挂在哪里，以后好去取下。",
    )
    number = LineField(label="牌号", max_length=20, required=False)

    def __init__(self, *args, user, member, **kwargs):
        super().__init__(*args, **kwargs)
        choices = selectors.pledge_organizations(member, user)
        self.fields["organization"].queryset = choices
        if len(choices) == 1:
            self.fields["organization"].initial = choices[0]
        self.fields["place"].initial = str(member.workplace_business or member.workplace)


class PledgeAgreedForm(PledgeForm):
    """The same words, hidden, and the person's own tick for what is shown above it."""

    seen = forms.CharField(widget=forms.HiddenInput)
    agreed = forms.BooleanField(
        label="本人在场，已经读过上面的内容，单独同意：把上面的姓名、党组织、职责、承诺原样挂牌公开",
        error_messages={"required": "没有本人的单独同意，不登记、不保留。"},
    )  # fmt: skip

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name in PledgeForm.base_fields:
            self.fields[name].widget = forms.HiddenInput()


class PledgePrintForm(Ours):
    purpose = forms.ChoiceField(
        label="目的", choices=[("", "请选择"), *((one, one) for one in ("打印挂牌", "重印换牌", "核对牌上内容"))],
        error_messages={"required": "请写明打开的目的。"},
    )  # fmt: skip


class PersonChoice(forms.ModelChoiceField):
    """One of a few members, by masked name and phone."""

    def label_from_instance(self, obj) -> str:
        return f"{identity.mask_name(obj.name)} {identity.mask_phone(obj.phone_tail)}"


class AcceptForm(Ours):
    """Two steps on one page: which branch, then who of its people keeps in touch."""

    organization = forms.ModelChoiceField(
        label="纳管的党组织", queryset=Organization.objects.none(), empty_label="请选择",
        error_messages={"required": "请选择党组织。"},
    )  # fmt: skip
    contact = PersonChoice(
        label="联系人", queryset=Member.objects.none(), empty_label="请选择", required=False,
        help_text="从这个党组织现有的党员中选一位，负责联系。",
    )  # fmt: skip

    def __init__(self, *args, user, member, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["organization"].queryset = (
            Organization.objects.visible_to(user, "members.add_affiliation").open().grassroots().order_by("name")
        )
        chosen = self.data.get("organization", "") if self.is_bound else ""
        if not str(chosen).isdigit():
            del self.fields["contact"]
            return
        people = Affiliation.objects.live().filter(organization=int(chosen), member=OuterRef("pk"))
        self.fields["contact"].queryset = (
            Member.objects.visible_to(user, "members.view_member")
            .current()
            .filter(Exists(people))
            .exclude(pk=member.pk)
            .order_by("pk")
        )


class EndForm(Ours):
    reason = forms.ChoiceField(
        label="不再计入的原因", choices=[("", "请选择"), *Member.Ended.choices],
        error_messages={"required": "请选择不再计入的原因。"},
    )  # fmt: skip
    ended_on = forms.DateField(
        label="日期", initial=timezone.localdate, widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"required": "请填写日期。", "invalid": "请填写真实的日期，例如 2026-03-01。"},
    )  # fmt: skip


class MemberForm(Ours):
    """Plain facts. The phone stays empty unless it changes: it is not shown here."""

    sex = forms.ChoiceField(label="性别", choices=Member.Sex.choices)
    standing = forms.ChoiceField(label="党员类别", choices=Member.Standing.choices)
    occupation = forms.ChoiceField(label="职业", choices=[("", "未填"), *Member.Occupation.choices], required=False)
    workplace = forms.CharField(label="工作单位或摊位", max_length=200, required=False)
    phone = IdentityField(label="新的手机号", check=identity.check_phone, required=False, help_text="不变就不填。")

    def changes(self) -> dict:
        data = dict(self.cleaned_data)
        if not data["phone"]:
            del data["phone"]
        return data


class CounterForm(PersonStep, PhoneStep, NumberStep, StandingStep, WorkStep, HomeStep):
    """What the person says to the officer: the same questions as on the public pages, on one page."""

    guidance_station = forms.ModelChoiceField(
        label="受理的指导站", queryset=Organization.objects.none(), empty_label=None,
        error_messages={"required": "请选择指导站。"},
    )  # fmt: skip
    heard_membership = forms.BooleanField(
        label="本人已阅读告知书，同意登记党员身份。", error_messages={"required": "本人不同意就不能登记。"}
    )
    heard_home_verify = forms.BooleanField(
        label="本人同意向组织关系所在党组织核实。", error_messages={"required": "本人不同意就不能登记。"}
    )
    heard_id_number = forms.BooleanField(label="本人同意填写身份号码（不同意就不填号码）。", required=False)
    heard_check_in = forms.BooleanField(label="本人同意以后用党员码签到。", required=False)
    field_order = [
        "guidance_station", "name", "sex", "phone", "id_number", "standing", "occupation", "workplace",
        "home_unknown", "home_place", "home_branch",
    ]  # fmt: skip
    ANSWERS = field_order[1:]

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["id_number"].required = False
        own = Organization.objects.visible_to(user, "members.add_registration").open()
        self.fields["guidance_station"].queryset = own.filter(level=Level.GUIDANCE_STATION).order_by("name")

    def clean(self) -> dict:
        super().clean()
        data = self.cleaned_data
        if data.get("id_number") and not data.get("heard_id_number"):
            self.add_error("id_number", "本人没有同意填写身份号码：请勾选同意，或清空号码。")
        return data

    def answers(self) -> dict:
        return {name: self.cleaned_data[name] for name in self.ANSWERS}

    def consents(self) -> list[str]:
        return sorted(
            name.removeprefix("heard_")
            for name, value in self.cleaned_data.items()
            if name.startswith("heard_") and value
        )


class HeardAnewForm(AnewForm):
    """What the person at the window says, item by item."""

    NEEDED = "本人不同意就不能继续；可以不办，也可以由本人撤回报到，都没有任何影响。"
    LABELS: ClassVar[dict[str, str]] = {
        Consent.Item.MEMBERSHIP: "本人已阅读变更和告知书，同意继续登记党员身份。",
        Consent.Item.HOME_VERIFY: "本人同意继续向组织关系所在党组织核实。",
        Consent.Item.ID_NUMBER: "本人同意继续使用身份号码（不勾选就是撤回，号码当即抹除）。",
        Consent.Item.CHECK_IN: "本人同意继续用党员码签到（不勾选就是撤回）。",
    }


class CodeForm(Ours):
    code = forms.CharField(
        label="本人报出的确认码", max_length=12, error_messages={"required": "请填写本人报出的 6 位确认码。"},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )  # fmt: skip


class FindForm(Ours):
    """Looking for a person by name: sent by POST, so that no name stands in an address or a log."""

    name = forms.CharField(label="姓名", max_length=60, error_messages={"required": "请填写姓名。"})
