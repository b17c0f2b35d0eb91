"""What people may ask of the pages of this room."""

from django import forms

from reports.search import normal


class SearchForm(forms.Form):
    """The box in the top bar."""

    q = forms.CharField(
        label="名称、拼音首字母、编号或统一社会信用代码",
        max_length=100,
        min_length=2,
        error_messages={
            "min_length": "请至少输入两个字。",
            "max_length": "最多 100 个字，请只输入名称的一部分。",
            "required": "请输入要查找的名称、编号或统一社会信用代码。",
        },
    )

    def clean_q(self) -> str:
        text = normal(self.cleaned_data["q"])
        if len(text) < 2:
            raise forms.ValidationError("请至少输入两个字。")
        return text


class MemberSearchForm(forms.Form):
    """Looks for one person: sent by POST, so that no name stands in an address or a log."""

    name = forms.CharField(label="姓名（完整）", max_length=60, required=False)
    phone_tail = forms.RegexField(
        r"^\d{4}$", label="手机尾号后 4 位", required=False, error_messages={"invalid": "请输入手机号的最后 4 位数字。"}
    )

    def clean(self):
        data = super().clean()
        data["name"] = normal(data.get("name") or "")
        if not self.errors and not data["name"] and not data.get("phone_tail"):
            raise forms.ValidationError("请填写完整姓名，或手机尾号后 4 位。")
        return data
