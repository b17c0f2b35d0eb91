from django import forms

from accounts.own_words import KeptWordsField


class HandleForm(forms.Form):
    """What was found and done; kept with the alarm."""

    use_required_attribute = False
    note = KeptWordsField(
        label="处理说明",
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="查到了什么、怎样处理的。长期保存；不要写姓名、证件号码、手机号。",
        error_messages={"required": "请写明查到了什么、怎样处理的。", "max_length": "最多 200 个字，请写短一些。"},
    )
