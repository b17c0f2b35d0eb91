"""What a password must be (GB/T 22239-2019 8.1.4.1 a): kinds of signs, none used lately, not too old, taken up soon."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import password_validation
from django.contrib.auth.hashers import check_password
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User

KINDS = 3
REMEMBERED = 5  # the present one and four before it
NOTICE = timedelta(days=7)
OVER = "临时密码已过期，请重置"


def kinds(password: str) -> int:
    """How many of: capital letters, small letters, digits, other signs."""
    tests = (str.isupper, str.islower, str.isdigit)
    return sum(any(test(sign) for sign in password) for test in tests) + any(
        not any(test(sign) for test in tests) for sign in password
    )


class LengthValidator(password_validation.MinimumLengthValidator):
    """Django's, which says 你 where every page of ours says 您; so do the next two."""

    def get_help_text(self):
        return f"密码至少要有 {self.min_length} 个字符。"


class CommonValidator(password_validation.CommonPasswordValidator):
    def get_help_text(self):
        return "密码不能是很多人都在用的。"


class SimilarityValidator(password_validation.UserAttributeSimilarityValidator):
    def get_help_text(self):
        return "密码不能与您的账号、姓名太相似。"


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


def given_until(user) -> datetime | None:
    """Until when a password that somebody else chose opens the way in; None for one's own."""
    return (
        user.password_set_at + timedelta(days=settings.TEMPORARY_CREDENTIAL_DAYS)
        if user.password_is_temporary
        else None
    )


def given_is_over(user, at: datetime | None = None) -> bool:
    """Nobody took up the password that was given. Whoever has another way in (a passkey) may come and choose one."""
    end = given_until(user)
    return end is not None and end <= (at or timezone.now())


def untaken() -> QuerySet[User]:
    """Active accounts whose given password is over."""
    end = timezone.now() - timedelta(days=settings.TEMPORARY_CREDENTIAL_DAYS)
    waiting = User.objects.filter(is_active=True, password_is_temporary=True, password_set_at__lte=end)
    return waiting.order_by("password_set_at", "pk")


def state_told(user) -> str:
    """For the security administrator, beside the account; empty where the person has chosen a password of their own."""
    end = given_until(user)
    if end is None:
        return ""
    return OVER if given_is_over(user) else f"临时密码，{timezone.localtime(end):%m-%d %H:%M} 前有效"


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
