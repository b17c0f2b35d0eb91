"""What is asked of whoever closes a month or revises one."""

from django import forms

from accounts.own_words import KeptWordsField
from reports import closing


class CloseForm(forms.Form):
    """A month that was not closed."""

    month = forms.DateField(label="月份", error_messages={"required": "请选择月份。", "invalid": "请选择月份。"})

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        months = [("", "请选择"), *((f"{month:%Y-%m-%d}", f"{month:%Y 年 %m 月}") for month in closing.months_open())]
        self.fields["month"].widget = forms.Select(choices=months)


class ReviseForm(forms.Form):
    """A further edition of a closed month."""

    reason = KeptWordsField(
        label="修订理由",
        max_length=200,
        help_text="写明更正了什么、依据是什么；会和新一版一起永久保留，不能再改。",
        error_messages={"required": "请写明修订理由。", "max_length": "最多 200 个字，请写得短一些。"},
    )
