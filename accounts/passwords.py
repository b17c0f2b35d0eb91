"""What a password must be (GB/T 22239-2019 8.1.4.1 a): kinds of signs, none used lately, not too old."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.core.exceptions import ValidationError
from django.utils import timezone

KINDS = 3
REMEMBERED = 5  # the present one and four before it
NOTICE = timedelta(days=7)


def kinds(password: str) -> int:
    """How many of: capital letters, small letters, digits, other signs."""
    tests = (str.isupper, str.islower, str.isdigit)
    return sum(any(test(sign) for sign in password) for test in tests) + any(
        not any(test(sign) for test in tests) for sign in password
    )


class KindsValidator:
    """At least three kinds of signs."""

    def validate(self, password, user=None):
        if kinds(password) < KINDS:
            raise ValidationError("密码里要有大写字母、小写字母、数字、其他符号中的至少三种。", code="password_kinds")

    def get_help_text(self):
        return "密码里要有大写字母、小写字母、数字、其他符号中的至少三种。"


class HistoryValidator:
    """None of the last five."""

    def validate(self, password, user=None):
        if user is None or not user.pk:
            return
        before = user.old_passwords.order_by("-pk").values_list("password", flat=True)[: REMEMBERED - 1]
        if any(check_password(password, kept) for kept in [user.password, *before]):
            raise ValidationError(f"不能和最近 {REMEMBERED} 次用过的密码相同，请另设一个。", code="password_used")

    def get_help_text(self):
        return f"不能和最近 {REMEMBERED} 次用过的密码相同。"


def ends_at(user) -> datetime | None:
    """When the password is too old; None where passwords do not age."""
    return user.password_set_at + timedelta(days=settings.CREDENTIAL_DAYS) if settings.CREDENTIAL_DAYS else None


def must_change(user) -> bool:
    """Chosen by somebody else, or too old."""
    end = ends_at(user)
    return user.password_is_temporary or (end is not None and end <= timezone.now())


def notice(user) -> str:
    """A sentence in the last week; else empty."""
    end = ends_at(user)
    if end is None or end - NOTICE > timezone.now():
        return ""
    return f"您的密码 {timezone.localtime(end):%-m月%-d日 %H:%M} 到期，请在账号菜单“修改密码”里换一个；到期后登录时必须先换。"
