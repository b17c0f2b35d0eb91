"""Which accounts are asked in the name of, and why."""

import random

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import User
from accounts.own_words import KeptWordsField
from orgs.models import Division, Organization, Posting, Role
from reports.self_check.making import MOST_ACCOUNTS


class SelfCheckForm(forms.Form):
    """Typed accounts, or those of roles and units; units by name or code, as the security administrator sees the tree."""

    use_required_attribute = False
    usernames = forms.CharField(
        label="账号", required=False, max_length=2_000, help_text="一行一个，或用逗号、空格分开。不填时按下面的角色和单位选。",
        widget=forms.Textarea(attrs={"rows": 4, "autocapitalize": "none", "spellcheck": "false"}),
    )  # fmt: skip
    roles = forms.MultipleChoiceField(
        label="角色", required=False, choices=Role.choices, widget=forms.CheckboxSelectMultiple,
        help_text="不选就是全部角色。",
    )  # fmt: skip
    unit = forms.CharField(
        label="单位", required=False, max_length=100, help_text="党组织或区划的全称、简称或代码，含下级。不填就是全市。"
    )
    sample = forms.BooleanField(
        label="多了就抽查", required=False, help_text=f"一次最多检查 {MOST_ACCOUNTS} 个账号；超过时随机抽取。"
    )
    reason = KeptWordsField(
        label="事由", max_length=200, help_text="如：季度例行自检、等保测评。会印在报告上，也记入审计。",
        error_messages={"required": "请写明自检的事由。", "max_length": "最多 200 个字，请写短一些。"},
    )  # fmt: skip
    users: list[User]

    def clean_usernames(self) -> list[User]:
        names = list(dict.fromkeys(self.cleaned_data["usernames"].replace("，", " ").replace(",", " ").split()))
        found = {user.username: user for user in User.objects.filter(username__in=names)}
        if unknown := [name for name in names if name not in found]:
            raise ValidationError(f"没有这些账号：{'、'.join(unknown[:10])}。请核对后再试。")
        return [found[name] for name in names]

    def clean_unit(self) -> Organization | Division | None:
        said = self.cleaned_data["unit"].strip()
        if not said:
            return None
        named = Q(code=said) | Q(name=said)
        found: list[Organization | Division] = [
            *Organization.objects.open().filter(named | Q(short_name=said))[:2], *Division.objects.filter(named)[:2]
        ]  # fmt: skip
        if not found:
            raise ValidationError("没有这个单位。请填党组织或区划的全称、简称或代码。")
        if len(found) > 1:
            raise ValidationError("有几个单位叫这个名称，请改填代码。")
        return found[0]

    def clean(self) -> dict:
        data = super().clean() or {}
        if self.errors:
            return data
        if data["usernames"] and (data["roles"] or data["unit"]):
            raise ValidationError("账号和角色、单位只用一种：填了账号，就请清空角色和单位。")
        users = data["usernames"] or list(self._posted(data["roles"], data["unit"]))
        if not users:
            raise ValidationError("这个范围里没有在任的账号，没有可检查的。请换一个单位或角色。")
        if len(users) > MOST_ACCOUNTS and not data["sample"]:
            raise ValidationError(
                f"符合条件的有 {len(users):,} 个账号，一次最多 {MOST_ACCOUNTS} 个。请缩小范围，或勾选“多了就抽查”。"
            )
        if len(users) > MOST_ACCOUNTS:
            users = random.SystemRandom().sample(users, MOST_ACCOUNTS)
        self.users = sorted(users, key=lambda user: user.username)
        return data

    @staticmethod
    def _posted(roles: list[str], unit: Organization | Division | None) -> QuerySet[User]:
        postings = Posting.objects.live().filter(starts_on__lte=timezone.localdate())
        if roles:
            postings = postings.filter(role__in=roles)
        if isinstance(unit, Organization):
            postings = postings.filter(organization__path__startswith=unit.path)
        elif unit is not None:
            postings = postings.filter(Q(division=unit) | Q(division__parent=unit) | Q(division__parent__parent=unit))
        return User.objects.filter(is_active=True, postings__in=postings).distinct().order_by("username")
