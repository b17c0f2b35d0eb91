"""Forms of the admin: what a service would refuse is said beside the field, before anything is written."""

from django import forms
from django.utils import timezone

from accounts.own_words import says_something
from members.models import Affiliation, InstructorAssignment, Notice, Seat, Transfer
from members.services.notice import PARTS
from members.services.people import is_of_branch
from members.services.transfers import current_roll
from orgs.kinds import Level


class AffiliationForm(forms.ModelForm):
    class Meta:
        model = Affiliation
        fields = ["member", "organization", "kind", "starts_on", "contact"]

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        organization, kind = data.get("organization"), data.get("kind")
        if organization is None:
            return data
        if organization.level != Level.GRASSROOTS:
            self.add_error("organization", "请选择基层党组织。")
        elif kind == Affiliation.Kind.FORMAL and not organization.capability.holds_rolls:
            self.add_error("organization", f"{organization.get_kind_display()}不保留党员组织关系。")
        elif kind == Affiliation.Kind.ACTIVITY:
            self._check_contact(data, organization)
        return data

    def _check_contact(self, data: dict, organization) -> None:
        contact = data.get("contact")
        if contact is None or not is_of_branch(contact, organization, data.get("starts_on")):
            self.add_error("contact", "纳管要指定联系人，必须是这个党组织现有的党员。")
        elif contact == data.get("member"):
            self.add_error("contact", "联系人不能是本人。")


class EndAffiliationForm(forms.ModelForm):
    class Meta:
        model = Affiliation
        fields = ["ends_on"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "ends_on" in self.fields:
            self.fields["ends_on"].required = True


class NoticeForm(forms.ModelForm):
    consent_anew = forms.TypedChoiceField(
        label="与上一版相比，处理目的、处理方式或信息种类变了吗？",
        choices=[
            ("True", "变了：须向本人重新取得同意，同意之前不作新的处理"),
            ("False", "没有变（只改文字、联系方式等，或是第一版）：原来的同意继续有效"),
        ],
        coerce=lambda value: value == "True", empty_value=None, required=False, widget=forms.RadioSelect,
        help_text="依据《个人信息保护法》第十四条第二款，由个人信息保护负责人判断。发布后不能再改。",
    )  # fmt: skip
    publish = forms.BooleanField(label="现在发布", required=False, help_text="发布后不能再改；要改，请另立一个新版本。")

    class Meta:
        model = Notice
        fields = ["version", *PARTS, "consent_anew", "change"]
        help_texts = {
            "version": "例如 2026-1。下面各部分已填好上一版（第一版是示范文字），请由个人信息保护负责人按实际逐项核对、改写。",
            "change": "写明哪几处变了、为什么这样判断；须重新取得同意的，原样告诉本人，请用通俗的话写。",
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for part in PARTS:
            if part in self.fields:
                self.fields[part].required = False  # a draft may be incomplete, a published one may not

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        if data.get("publish"):
            for part in PARTS:
                if not says_something(data.get(part) or ""):
                    self.add_error(part, "写全了才能发布。")
            if data.get("consent_anew") is None:
                self.add_error("consent_anew", "选明了才能发布。")
            if not says_something(data.get("change") or ""):
                self.add_error("change", "写明改了什么才能发布，第一版写“第一版”。")
        return data


class SeatForm(forms.ModelForm):
    class Meta:
        model = Seat
        fields = ["organization", "member", "post", "starts_on", "ends_on"]

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        organization, member = data.get("organization"), data.get("member")
        if organization and member and not data.get("ends_on"):
            on_roll = Affiliation.objects.live().formal().filter(member=member)
            if not on_roll.filter(organization__path__startswith=organization.path).exists():
                self.add_error("member", "班子成员应在本组织或下级组织的名册上。")
        return data


class TransferForm(forms.ModelForm):
    """Sending: where to."""

    class Meta:
        model = Transfer
        fields = ["member", "target", "elsewhere", "number", "sent_on", "valid_until"]

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        target, member = data.get("target"), data.get("member")
        if bool(target) == bool((data.get("elsewhere") or "").strip()):
            raise forms.ValidationError("接收的党组织请选择一个，或填写系统外的名称，二选一。")
        if target is not None and not target.capability.holds_rolls:
            self.add_error("target", f"{target.get_kind_display()}不保留党员组织关系。")
        if member is not None:
            if Transfer.objects.filter(member=member, state=Transfer.State.SENT).exists():
                self.add_error("member", "这位党员已有一项转接还没有接收，请先办结。")
            elif target is None and current_roll(member) is None:
                self.add_error("member", "这位党员的组织关系不在本系统，不能转出。")
        return data


class DecideTransferForm(forms.ModelForm):
    """Deciding what was sent."""

    class Meta:
        model = Transfer
        fields = ["state", "decided_on", "reason"]

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        state, on = data.get("state"), data.get("decided_on")
        if state == Transfer.State.RETURNED and not (data.get("reason") or "").strip():
            self.add_error("reason", "请写明退回的原因。")
        if state == Transfer.State.RECEIVED and on and on < self.instance.sent_on:
            self.add_error("decided_on", "接收日期不能早于转出日期。")
        if on and on > timezone.localdate():
            self.add_error("decided_on", "日期不能在今天之后。")
        target = self.instance.target
        user = getattr(self, "user", None)
        if (
            state == Transfer.State.RECEIVED
            and target
            and user
            and not user.has_perm("members.add_affiliation", target)
        ):
            self.add_error("state", "由接收的党组织办理接收；您的范围内没有这个党组织。")
        return data


class AssignmentForm(forms.ModelForm):
    class Meta:
        model = InstructorAssignment
        fields = ["instructor", "business", "market", "role", "starts_on", "ends_on"]
