"""The form of an impact assessment."""

from django import forms

from accounts.own_words import KeptWordsField
from accounts.personal import declared
from members.models import ImpactAssessment

PARTS = ("lawful", "impact", "measures", "conclusion", "keeper")


def tables_of_persons() -> list[tuple[str, str]]:
    """Every table about persons by its label, from the inventory."""
    return [(held.model._meta.label, held.title) for held in declared()]


class AssessmentForm(forms.ModelForm):
    covers = forms.MultipleChoiceField(
        label="涉及的表", choices=tables_of_persons, widget=forms.CheckboxSelectMultiple, required=False,
        help_text="来自个人信息字段清单。清单页会列出还没有评估到的敏感信息。",
    )  # fmt: skip
    finish = forms.BooleanField(
        label="现在定稿", required=False, help_text="定稿后不能再改，至少保存三年；复核时另写一份。"
    )

    class Meta:
        model = ImpactAssessment
        fields = ["title", "reason", "covers", *PARTS, "assessed_on", "review_on"]
        field_classes = dict.fromkeys(("title", "reason", *PARTS), KeptWordsField)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for part in PARTS:
            if part in self.fields:
                self.fields[part].required = False

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        if data.get("finish"):
            for part in ("covers", *PARTS):
                if not data.get(part):
                    self.add_error(part, "定稿之前要写好这一项。")
        return data
