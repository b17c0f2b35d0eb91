"""Signing in, passwords, tokens, and the accounts that the security administrator keeps."""

from datetime import timedelta

from django import forms
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone

from accounts import sign_ins
from accounts.duties import why_kept, why_not_administrator
from accounts.models import User
from accounts.own_words import KeptWordsField
from accounts.row_codes import TOLD


class SignInForm(AuthenticationForm):
    """By account and password."""

    error_messages = {
        "invalid_login": "账号或密码不正确。请检查大小写和输入法后重试；连续输错 5 次，账号会暂停登录 30 分钟。",
        "inactive": "账号或密码不正确。请检查大小写和输入法后重试；连续输错 5 次，账号会暂停登录 30 分钟。",
    }

    def clean_username(self):
        """Django tells the browser how long a name may be and does not look itself; axes could not write it down."""
        name = self.cleaned_data["username"]
        if len(name) > User._meta.get_field("username").max_length:
            raise self.get_invalid_login_error()
        return name


class CodeForm(forms.Form):
    """Six digits of the app; judged by the service, which counts the failures."""

    code = forms.CharField(
        label="6 位验证码",
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "autofocus": True}),
        error_messages={"required": "请输入验证码。"},
    )


class RecoveryCodeForm(forms.Form):
    """The same from paper."""

    code = forms.CharField(
        label="恢复码",
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
        help_text="登记时抄下的 10 位字母和数字，不分大小写，每个只能用一次。",
        error_messages={"required": "请输入恢复码。"},
    )


class PasskeyNameForm(forms.Form):
    """Several devices are told apart by their names."""

    name = KeptWordsField(
        label="给它起个名字",
        max_length=40,
        initial="我的手机",
        help_text="便于以后认出是哪台设备，如“工作手机”“办公电脑”。",
    )


class UnlockForm(forms.Form):
    """The same person again; `needs_code` where there is an app to ask."""

    password = forms.CharField(
        label="密码", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    code = forms.CharField(
        label="6 位验证码", widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"})
    )

    def __init__(self, *args, needs_code: bool, **kwargs):
        super().__init__(*args, **kwargs)
        if not needs_code:
            del self.fields["code"]


class FirstPasswordForm(SetPasswordForm):
    """One's own password in place of the one that somebody else chose."""

    error_messages = {"password_mismatch": "两次输入的新密码不一样，请重新输入。"}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].label = "新密码"
        self.fields["new_password1"].help_text = "".join(map(str, password_validators_help_texts()))
        self.fields["new_password2"].label = "再输一次新密码"


class OwnPasswordForm(PasswordChangeForm):
    """Changing one's own password, by the old one. A wrong one counts, locks and is written down as at the door: whoever
    finds a session open could try them all here."""

    error_messages = {
        **PasswordChangeForm.error_messages,
        "password_incorrect": "现在的密码不正确，请重新输入。",
        "password_mismatch": "两次输入的新密码不一样，请重新输入。",
    }

    def __init__(self, *args, request: HttpRequest, **kwargs):
        super().__init__(*args, **kwargs)
        self.request = request
        self.fields["old_password"].label = "现在的密码"
        self.fields["new_password1"].label = "新密码"
        self.fields["new_password1"].help_text = "".join(map(str, password_validators_help_texts()))
        self.fields["new_password2"].label = "再输一次新密码"

    def clean_old_password(self):
        given = self.cleaned_data["old_password"]
        if authenticate(self.request, username=self.user.username, password=given) is None:
            sign_ins.refused(self.request, self.user.username)
            raise ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return given


class TokenForm(forms.Form):
    """A token for another system that reads in one's own name."""

    label = KeptWordsField(
        label="用途", max_length=60, help_text="写明哪个系统用，便于日后核对，如“统计平台每日取数”。"
    )
    scopes = forms.MultipleChoiceField(
        label="可以做什么",
        widget=forms.CheckboxSelectMultiple,
        help_text="只勾那个系统用得着的。除第一项外，每项都包含组织和区划；都只限您本人岗位的范围，岗位变了随之变。",
        error_messages={"required": "请至少勾选一项令牌可以做的事。"},
    )
    expires_on = forms.DateField(
        label="有效至",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": "请按 2026-12-31 的格式填写日期。"},
    )

    def __init__(self, *args, choices: list[tuple[str, str]], **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["scopes"].choices = choices  # type: ignore[attr-defined]
        self.fields["expires_on"].help_text = f"当天仍有效，最长 {settings.TOKEN_DAYS} 天；修改密码后，令牌随之作废。"
        if not self.is_bound:
            self.initial.setdefault("expires_on", timezone.localdate() + timedelta(days=settings.TOKEN_DAYS))

    def clean_expires_on(self):
        day, today = self.cleaned_data["expires_on"], timezone.localdate()
        if day < today:
            raise ValidationError("有效期不能早于今天。")
        last = today + timedelta(days=settings.TOKEN_DAYS)
        if day > last:
            raise ValidationError(f"有效期最长 {settings.TOKEN_DAYS} 天，请填 {last} 或更早的日期。")
        return day


class ReasonForm(forms.Form):
    """Why; read by the audit and by the person whom it concerns."""

    reason = KeptWordsField(
        label="原因",
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="写明谁要求的、怎样核实的。本人下次登录会看到，审计长期保存；不要写证件号码、手机号。",
        error_messages={"required": "请写明原因，本人下次登录会看到。"},
    )


class NewPasswordField(forms.CharField):
    """As it was typed: blanks count, and no browser fills in the administrator's own."""

    def __init__(self, **kwargs):
        super().__init__(
            strip=False,
            widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"}),
            **kwargs,
        )


class UserForm(forms.ModelForm):
    """An account, as the security administrator enters it. The password is typed twice and never shown again."""

    password1 = forms.CharField(
        label="初始密码",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"}),
    )
    password2 = forms.CharField(
        label="再输一次",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"}),
    )

    class Meta:
        model = User
        fields = ("username", "name", "duty", "clearance")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["password1"].help_text = "".join(map(str, password_validators_help_texts()))
        if self.instance.pk:
            for name, label in (("password1", "新密码"), ("password2", "再输一次")):
                self.fields[name].required = False
                self.fields[name].label = label
            self.fields["password1"].help_text = f"不修改请留空。{self.fields['password1'].help_text}"
        choosing = self.fields["password1"]
        choosing.help_text += (
            f"给别人的密码 {settings.TEMPORARY_CREDENTIAL_DAYS} 天内有效：本人要在此之前登录，换成自己的。"
        )

    def clean(self):
        if self.instance.pk and not self.instance.is_whole:  # as it was read: what was typed is put in after this
            raise ValidationError(TOLD)
        return super().clean()

    def clean_duty(self):
        duty = self.cleaned_data["duty"]
        if self.instance.pk and duty != User.Duty.STAFF and (reason := why_not_administrator(self.instance)):
            raise ValidationError(reason)
        if self.instance.pk and duty != self.instance.duty and (kept := why_kept(self.instance)):
            raise ValidationError(kept)
        return duty

    def clean_password2(self):
        first, second = self.cleaned_data.get("password1", ""), self.cleaned_data["password2"]
        if first != second:
            raise ValidationError("两次输入的密码不一样，请重新输入。")
        return second

    def _post_clean(self):
        super()._post_clean()  # fills the instance, whose name the validators compare with
        password = self.cleaned_data.get("password2")
        if password:
            try:
                validate_password(password, self.instance)
            except ValidationError as error:
                self.add_error("password1", error)
