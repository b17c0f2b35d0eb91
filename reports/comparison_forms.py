"""What is asked of whoever decides about 对照."""

from django import forms

from accounts.own_words import KeptWordsField


class ChoiceForm(forms.Form):
    is_open = forms.TypedChoiceField(
        label="对照",
        choices=(("1", "打开：互相看得到汇总数"), ("0", "关闭：互相看不到")),
        coerce=lambda value: value == "1",
        widget=forms.RadioSelect,
        error_messages={"required": "请选择打开或关闭。", "invalid_choice": "请选择打开或关闭。"},
    )
    reason = KeptWordsField(
        label="理由",
        max_length=200,
        help_text="写明由谁决定、为什么；下级在对照页上看得到，会永久保留。",
        error_messages={"required": "请写明理由。", "max_length": "最多 200 个字，请写得短一些。"},
    )
