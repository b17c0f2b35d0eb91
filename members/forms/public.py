"""The steps of the public form. One question each; what it says and why it is asked stand with it."""

from collections.abc import Collection
from typing import ClassVar

from django import forms

from members import identity
from members.models import Consent, Member
from members.services.submit import NEEDED

NEED_TICK = "报到需要您同意这一项；不同意可以离开，没有任何影响。"


class IdentityField(forms.CharField):
    """Checked and normalised by a function of members/identity.py, whose sentences are shown as they are."""

    def __init__(self, *, check, **kwargs):
        super().__init__(**kwargs)
        self.check = check

    def clean(self, value):
        value = super().clean(value)
        try:
            return self.check(value) if value else ""
        except identity.IdentityError as error:
            raise forms.ValidationError(str(error)) from error


# Instead of the framework's words about variables and characters.
PLAIN_WORDS = {
    "max_length": "最多 %(limit_value)d 个字，现在有 %(show_value)d 个，请写短一些。",
    "null_characters_not_allowed": "里面有看不见的字符，请删掉后重新输入。",
    "invalid_choice": "请从列出的几项中选择。",
}


class Step(forms.Form):
    """A step knows its key, its heading and why it asks. The words of an error are ours, not the browser's."""

    use_required_attribute = False
    key: str
    heading: str
    why: str

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.error_messages = field.error_messages | PLAIN_WORDS


class ConsentStep(Step):
    key, heading, why = "notice", "党员自主报到", ""

    membership = forms.BooleanField(
        label="我同意登记我的党员身份（敏感个人信息），用于联系和核实。", error_messages={"required": NEED_TICK}
    )
    home_verify = forms.BooleanField(
        label="我同意指导站向我组织关系所在的党组织核实。", error_messages={"required": NEED_TICK}
    )
    id_number = forms.BooleanField(
        label="我同意填写身份号码（敏感个人信息），用于准确核实。不勾选也可以报到。", required=False
    )
    check_in = forms.BooleanField(
        label="我同意以后用党员码在服务点签到并留下签到记录。不勾选也可以报到，以后随时可以补充。", required=False
    )

    def consents(self) -> list[str]:
        return sorted(item for item in Consent.Item.values if self.cleaned_data.get(item))


class AnewForm(Step):
    """Each item that was agreed to, to be agreed to again; empty on every visit (PIPL Art. 14, 29)."""

    NEEDED = "要继续，需要您同意这一项；不同意可以不办，也可以撤回这次报到，都没有任何影响。"
    LABELS: ClassVar[dict[str, str]] = {
        Consent.Item.MEMBERSHIP: "我同意按变更后的告知书，继续登记我的党员身份（敏感个人信息），用于联系和核实。",
        Consent.Item.HOME_VERIFY: "我同意按变更后的告知书，由指导站向我组织关系所在的党组织核实。",
        Consent.Item.ID_NUMBER: "我同意继续使用我的身份号码（敏感个人信息）。不勾选就是撤回这一项，号码当即抹除。",
        Consent.Item.CHECK_IN: "我同意继续用党员码签到并留下签到记录。不勾选就是撤回这一项，以后可以再补充。",
    }

    def __init__(self, *args, items: Collection[str], **kwargs):
        super().__init__(*args, **kwargs)
        for item, label in self.LABELS.items():
            if item in items:
                needed = item in NEEDED
                words = {"required": self.NEEDED}
                self.fields[item] = forms.BooleanField(label=label, required=needed, error_messages=words)

    def consents(self) -> list[str]:
        return sorted(item for item in self.fields if self.cleaned_data.get(item))


class PersonStep(Step):
    key, heading, why = "person", "您怎么称呼？", "工作人员核实时要知道您是谁。性别可以不填。"

    name = forms.CharField(
        label="姓名", max_length=60, error_messages={"required": "请填写姓名。"},
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )  # fmt: skip
    sex = forms.ChoiceField(label="性别", required=False, choices=[("1", "男"), ("2", "女")], widget=forms.RadioSelect)

    def clean_name(self) -> str:
        name = identity.clean_name(self.cleaned_data["name"])
        if not name:
            raise forms.ValidationError("请填写姓名，用汉字或字母。")
        return name

    def clean_sex(self) -> str:
        return self.cleaned_data["sex"] or Member.Sex.UNKNOWN


class PhoneStep(Step):
    key, heading, why = "phone", "怎么联系您？", "指导站工作人员会打这个电话与您核实，不用于其他用途。"

    phone = IdentityField(
        label="手机号", check=identity.check_phone, max_length=30, error_messages={"required": "请填写手机号。"},
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "tel-national"}),
    )  # fmt: skip


class NumberStep(Step):
    key, heading, why = "number", "您的身份号码", "只用来避免重名重号、准确核实；加密保存，平时只显示一部分。"

    id_number = IdentityField(
        label="身份号码（18 位）", check=identity.check_id, max_length=40,
        error_messages={"required": "请填写身份号码；不想填写，请回到第一步去掉对应的勾选。"},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
    )  # fmt: skip


class StandingStep(Step):
    key, heading, why = "standing", "您是正式党员还是预备党员？", "两者享有的权利不同，统计时分开计算。"

    standing = forms.ChoiceField(
        label="党员类别", choices=Member.Standing.choices, widget=forms.RadioSelect,
        help_text="选择即声明：本人已满十八周岁（党章规定的入党年龄）。未满十八周岁的，请不要填写。",
        error_messages={"required": "请选择党员类别。"},
    )  # fmt: skip


class WorkStep(Step):
    key, heading, why = (
        "work",
        "您做什么工作，在哪里？",
        "用来联系离您最近的党组织。摊位可以写成“二楼 2086 号”。",
    )

    occupation = forms.ChoiceField(
        label="职业", choices=[("", "请选择"), *Member.Occupation.choices],
        error_messages={"required": "请选择职业，没有合适的请选“其他”。"},
    )  # fmt: skip
    workplace = forms.CharField(label="工作单位或摊位", max_length=200, required=False)


class HomeStep(Step):
    key, heading, why = "home", "您的组织关系在哪里？", "只用来核实。报到不转移组织关系，您的组织关系还在原来的党组织。"

    home_unknown = forms.BooleanField(label="我不清楚组织关系在哪里", required=False)
    home_place = forms.CharField(
        label="所在省市县", max_length=60, required=False, help_text="例如：湖南省邵阳市隆回县"
    )
    home_branch = forms.CharField(
        label="党组织名称", max_length=100, required=False, help_text="例如：某某镇某某村党支部；记不全可以只写镇、村"
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        is_unknown = self.is_bound and bool(self.data.get("home_unknown"))
        for name, words in (("home_place", "请填写所在省市县"), ("home_branch", "请填写党组织名称")):
            self.fields[name].required = not is_unknown
            self.fields[name].error_messages["required"] = f"{words}；实在不清楚，请勾选“我不清楚组织关系在哪里”。"


STEPS: tuple[type[Step], ...] = (
    ConsentStep, PersonStep, PhoneStep, NumberStep, StandingStep, WorkStep, HomeStep,
)  # fmt: skip


class LaterConsentForm(forms.Form):
    use_required_attribute = False
    check_in = forms.BooleanField(
        label="我同意用党员码在服务点签到并留下签到记录。",
        error_messages={"required": "请先勾选同意；不同意也没有任何影响。"},
    )


class RightsForm(forms.Form):
    use_required_attribute = False
    kind = forms.ChoiceField(
        label="您要办什么？",
        choices=[
            ("copy", "查阅、复制我的信息"),
            ("correct", "更正、补充我的信息"),
            ("erase", "删除我的信息（同时撤回报到）"),
            ("object", "对处理提出异议"),
            ("explain", "请说明怎样处理我的信息"),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": "请选择一项。"},
    )
    details = forms.CharField(
        label="具体说明", max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 4}),
        help_text="更正的请写明哪一项、应是什么；异议的请写明不同意什么。其他的可以不填。",
    )  # fmt: skip

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.error_messages = field.error_messages | PLAIN_WORDS

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        if data.get("kind") in ("correct", "object") and not data.get("details", "-").strip():
            self.add_error("details", "请写明要更正什么，或不同意什么。")
        return data
