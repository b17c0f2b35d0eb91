"""Forms about a person's request: taken down at the window, and answered."""

from django import forms

from members import identity
from members.forms.public import IdentityField, RightsForm
from members.forms.staff import Ours
from members.models import Member, RightsRequest
from members.services.requests import CORRECTABLE, NOTHING_TO_CORRECT

Kind, Outcome = RightsRequest.Kind, RightsRequest.Outcome
NEEDS_IDENTITY = (Kind.COPY, Kind.CORRECT, Kind.ERASE, Kind.WITHDRAW)


class InPersonForm(RightsForm):
    """The person stands at the window."""

    seen = forms.BooleanField(
        label="本人在场，我已查看居民身份证，确认就是这位人员。", error_messages={"required": "先核对是本人，再受理。"}
    )


class AnswerForm(Ours):
    outcome = forms.ChoiceField(
        label="结果", choices=Outcome.choices, widget=forms.RadioSelect, error_messages={"required": "请选择结果。"}
    )
    reply = forms.CharField(
        label="给本人的答复", max_length=500, widget=forms.Textarea(attrs={"rows": 4}),
        help_text="显示在本人的回执上。不予办理的，写明理由。不要写姓名、身份号码和手机号。",
        error_messages={"required": "请写明给本人的答复；不予办理的，写明理由。"},
    )  # fmt: skip
    checked = forms.BooleanField(label="我已核对提出申请的就是本人。", required=False)

    def __init__(self, *args, kind: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.kind = kind
        if kind not in NEEDS_IDENTITY:
            del self.fields["checked"]

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        if data.get("outcome") == Outcome.GRANTED and "checked" in self.fields and not data.get("checked"):
            self.add_error("checked", "先核对是本人（当面，或打登记的电话），再办理。")
        return data

    def corrections(self) -> dict:
        return {}


class CorrectForm(AnswerForm):
    """Only what is to be changed is filled in: what stands now is not shown."""

    name = forms.CharField(label="姓名", max_length=60, required=False)
    sex = forms.ChoiceField(label="性别", choices=[("", "不变"), *Member.Sex.choices[1:]], required=False)
    phone = IdentityField(label="手机号", check=identity.check_phone, max_length=30, required=False)
    standing = forms.ChoiceField(label="党员类别", choices=[("", "不变"), *Member.Standing.choices], required=False)
    occupation = forms.ChoiceField(label="职业", choices=[("", "不变"), *Member.Occupation.choices], required=False)
    workplace = forms.CharField(label="工作单位或摊位", max_length=200, required=False)
    home_place = forms.CharField(label="组织关系所在省市县", max_length=60, required=False)
    home_branch = forms.CharField(label="组织关系所在党组织", max_length=100, required=False)
    field_order = [*CORRECTABLE, "outcome", "reply", "checked"]

    def clean_name(self) -> str:
        name = identity.clean_name(self.cleaned_data["name"])
        if self.cleaned_data["name"] and not name:
            raise forms.ValidationError("请填写姓名，用汉字或字母。")
        return name

    def clean(self) -> dict:
        data = super().clean()
        if data.get("outcome") == Outcome.GRANTED and not self.errors and not self.corrections():
            self.add_error("outcome", NOTHING_TO_CORRECT)
        return data

    def corrections(self) -> dict:
        return {name: self.cleaned_data[name] for name in CORRECTABLE if self.cleaned_data[name]}
