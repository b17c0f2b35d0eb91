"""The registrar's forms about organizations. They ask the services' own checks, so nothing is refused after a save."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.own_words import KeptWordsField
from orgs.forms import LocalityFormMixin
from orgs.kinds import CAPABILITIES, Level
from orgs.models import Organization
from orgs.scoped_admin import Chooser
from orgs.services import TreeError, check_place
from orgs.services.moves import check_merge, check_move
from orgs.services.organizations import check_terms
from orgs.services.tree import check_kind, check_name

PERMISSION = "orgs.change_organization"
NOT_FOUND = "没有找到这个组织，或它不在您的范围内。请重新选择。"


def tell(form: Any, error: TreeError) -> None:
    """Put what the tree refuses beside the field it is about."""
    form.add_error(error.field if error.field in form.fields else None, ValidationError(str(error)))


def date_input() -> forms.DateInput:
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})  # what a date control reads


class OrganizationForm(LocalityFormMixin, forms.ModelForm):
    """Founding and editing. A new name is a renaming, with its own line of history."""

    on = forms.DateField(label="变更生效日期", required=False, widget=date_input(), help_text="不填为今天。")
    document = KeptWordsField(label="批复文号", required=False, max_length=60)

    class Meta:
        model = Organization
        fields = (
            "parent", "kind", "host_kind", "code", "name", "short_name", "superior", "superior_name", "district",
            "street", "approved_on", "term_starts_on", "term_ends_on", "extended_until", "extension_document",
        )  # fmt: skip
        field_classes = {"extension_document": KeptWordsField}

    def clean(self) -> dict:
        if self.instance.pk and not self.instance.is_whole:  # as it was read: what was typed is put in after this
            raise ValidationError(self.instance.told)
        data = super().clean()
        if data.get("on") and data["on"] > timezone.localdate():
            self.add_error("on", "生效日期不能晚于今天。")
        return data

    def _post_clean(self) -> None:
        self.instance.level = self._level()
        super()._post_clean()
        if self.errors:
            return
        try:
            self._check()
        except TreeError as error:
            tell(self, error)

    def _level(self) -> int:
        """Every kind stands on one level; an organization never changes its own."""
        kind = self.cleaned_data.get("kind")
        if self.instance.pk or kind not in CAPABILITIES:
            return self.instance.level
        return CAPABILITIES[kind].levels[0]

    def _check(self) -> None:
        row = self.instance
        check_kind(row.level, row.kind)
        if not row.pk:
            check_place(row.level, row.parent)
        check_name(row.parent_id, row.name, but=row.pk)
        check_terms(row)


class ActForm(forms.Form):
    """An act on one organization, seen twice: filled in, then confirmed with what will move."""

    on = forms.DateField(label="生效日期", initial=timezone.localdate, widget=date_input())
    document = KeptWordsField(label="批复文号", required=False, max_length=60)

    def __init__(self, *args, organization: Organization, user, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.organization = organization
        self.user = user
        if "target" in self.fields:
            self.fields["target"].queryset = self.targets()  # type: ignore[attr-defined]

    def targets(self):
        """Where it may go: what the person may change, which is how both ends are asked for."""
        return Organization.objects.visible_to(self.user, PERMISSION).open().order_by("path")

    def clean_on(self):
        on = self.cleaned_data["on"]
        if on > timezone.localdate():
            raise ValidationError("生效日期不能晚于今天。")
        return on

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.check(data)
            except TreeError as error:
                field = "target" if error.field == "parent" else error.field
                tell(self, TreeError(str(error), field))
        return data

    def check(self, data: dict) -> None:
        """Raises TreeError."""


def chooser(label: str) -> forms.ModelChoiceField:
    """A search box over the organizations that the person sees; a list of 32,000 would be no choice."""
    widget = Chooser(Organization._meta.get_field("parent"), admin.site)
    return forms.ModelChoiceField(
        label=label,
        queryset=Organization.objects.none(),
        widget=widget,
        error_messages={"invalid_choice": NOT_FOUND},
    )


class MoveForm(ActForm):
    target = chooser("新上级")
    field_order = ("target", "on", "document")

    def targets(self):
        wanted = {
            Level.DISTRICT: (Level.CITY,),
            Level.GUIDANCE_STATION: (Level.DISTRICT,),
            Level.GRASSROOTS: tuple(Level),
        }
        return super().targets().filter(level__in=wanted.get(self.organization.level, ()))

    def check(self, data: dict) -> None:
        check_move(self.organization, data["target"])


class MergeForm(ActForm):
    target = chooser("并入")
    field_order = ("target", "on", "document")

    def targets(self):
        return super().targets().filter(level=self.organization.level).exclude(pk=self.organization.pk)

    def check(self, data: dict) -> None:
        check_merge(self.organization, data["target"])


class CloseForm(ActForm):
    pass
