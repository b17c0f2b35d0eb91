"""What a unit's manager fills in to grant a posting or to end one."""

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from orgs.doors import ROLE_PERMISSIONS, current_postings, rights_held
from orgs.models import Division, Organization, Posting, Role
from orgs.services.postings import PostingError, check_end, check_posting

DAY = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
UNKNOWN = "没有这个在用的业务账号。请核对账号；还没有账号的，请安全管理员开通。"


def roles_of(user: User) -> list[tuple[str, str]]:
    """Roles of which the person holds every right somewhere; whether at the chosen unit is the service's question."""
    held = rights_held(user)
    return [(role, label) for role, label in Role.choices if ROLE_PERMISSIONS[role] <= held]


MOST_SHOWN = 20


def managed_units(user: User) -> tuple[QuerySet[Organization], QuerySet[Division]]:
    """Open organizations and divisions that the manager's postings reach."""
    managed = [posting for posting in current_postings(user) if posting.may_grant]
    return (
        Organization.objects.within_postings([one for one in managed if one.organization_id]).open(),
        Division.objects.within_postings([one for one in managed if one.division_id]),
    )


def units_like(said: str, user: User) -> list[Organization | Division]:
    """The first of them whose name or code holds what is typed, from above downwards."""
    organizations, divisions = managed_units(user)
    if said:
        code = Q(code__icontains=said)
        organizations = organizations.filter(Q(name__icontains=said) | Q(short_name__icontains=said) | code)
        divisions = divisions.filter(Q(name__icontains=said) | code)
    found: list[Organization | Division] = list(organizations.order_by("path")[:MOST_SHOWN])
    return [*found, *divisions.order_by("level", "code")[: MOST_SHOWN - len(found)]]


class GrantForm(forms.Form):
    """The account is typed as it is: a manager sees no list of everybody's."""

    username = forms.CharField(
        label="账号", max_length=60, help_text="对方登录用的账号，请向本人核对。",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )  # fmt: skip
    role = forms.ChoiceField(label="角色", help_text="只列出不超过您本人权限的角色。")
    unit = forms.CharField(
        label="单位", max_length=200,
        help_text="输入名称或代码的一部分，从提示里选；只提示您单位范围内的党组织和区划。",
        widget=forms.TextInput(
            attrs={
                "list": "unit-choices", "autocomplete": "off", "hx-trigger": "input changed delay:300ms",
                "hx-target": "#unit-choices", "hx-swap": "innerHTML",
            }
        ),
    )  # fmt: skip
    ends_on = forms.DateField(
        label="止（不含）", required=False, widget=DAY, help_text="到这一天起不再有效；长期的不填。"
    )
    may_grant = forms.BooleanField(
        label="可在该单位授权", required=False, help_text="对方也能在该单位及以下授予、收回任职，不超过他本人的权限。"
    )

    def __init__(self, *args, by: User, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.by = by
        self.fields["role"].choices = [("", "请选择"), *roles_of(by)]  # type: ignore[attr-defined]
        self.fields["unit"].widget.attrs["hx-get"] = reverse("orgs:grant_units")

    def clean_username(self) -> User:
        user = User.objects.filter(username=self.cleaned_data["username"], is_active=True, duty=User.Duty.STAFF).first()
        if user is None:
            raise ValidationError(UNKNOWN)
        return user

    def clean_unit(self) -> Organization | Division:
        """As chosen (name · code), or by name or code as typed; both lines."""
        said = self.cleaned_data["unit"].rpartition(" · ")[2]
        organizations, divisions = managed_units(self.by)
        found: list[Organization | Division] = [
            *organizations.filter(code=said)[:1],
            *divisions.filter(code=said)[:1],
        ] or [*organizations.filter(Q(name=said) | Q(short_name=said))[:2], *divisions.filter(name=said)[:2]]
        if not found:
            raise ValidationError("您的单位范围内没有这个单位，请核对名称，或改填代码（见“党组织”列表）。")
        if len(found) > 1:
            raise ValidationError("有几个单位叫这个名称，请改填代码。")
        return found[0]

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        try:
            check_posting(**self.asked(), by=self.by)
        except PostingError as error:
            self.refuse(error)
        return data

    def asked(self) -> dict:
        """As the service takes it."""
        data = self.cleaned_data
        unit = data["unit"]
        line = "organization" if isinstance(unit, Organization) else "division"
        return {
            "user": data["username"], "role": data["role"], "ends_on": data["ends_on"],
            "organization": None, "division": None, line: unit,
        }  # fmt: skip

    def refuse(self, error: PostingError) -> None:
        names = {"user": "username", "organization": "unit"}
        self.add_error(names.get(error.field or "", error.field), str(error))


class EndForm(forms.Form):
    """From when on; today takes effect with the person's next request."""

    ends_on = forms.DateField(
        label="从哪天起不再有效", widget=DAY, help_text="填今天：立即失效，正在运行的任务也停下。"
    )

    def __init__(self, *args, posting: Posting, by: User, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.posting, self.by = posting, by
        self.initial.setdefault("ends_on", max(timezone.localdate(), posting.starts_on))

    def clean_ends_on(self):
        day = self.cleaned_data["ends_on"]
        if day < timezone.localdate():
            raise ValidationError("不能早于今天：已经办过的事不会因此变成没有权限办的。")
        try:
            check_end(posting=self.posting, ends_on=day, by=self.by)
        except PostingError as error:
            raise ValidationError(str(error)) from error
        return day


def why_not_ended(posting: Posting, by: User) -> str:
    """Why this person cannot end a posting of their unit; empty where they can."""
    try:
        check_end(posting=posting, ends_on=max(timezone.localdate(), posting.starts_on), by=by)
    except PostingError as error:
        return str(error)
    return ""
