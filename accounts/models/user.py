"""Who signs in."""

from django.contrib.auth.models import (  # type: ignore[attr-defined]  # the two helpers are not in the stubs
    AbstractBaseUser,
    BaseUserManager,
    _user_has_module_perms,
    _user_has_perm,
)
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.labels import Clearance, label_of
from accounts.row_codes import CodedQuerySet, CodedRow, RowCodeField


class UserManager(BaseUserManager.from_queryset(CodedQuerySet)):  # type: ignore[misc]  # made by a call
    def create_user(self, username: str, password: str | None = None, **more) -> "User":
        user = self.model(username=username, **more)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(CodedRow, AbstractBaseUser):
    """A person with an account. There is no superuser: rights come from postings (orgs) or from the duty.

    The three administrators (三员, GB/T 22239-2019 8.1.4) are duties, exclude each other and see no business data.
    """

    class Duty(models.TextChoices):
        STAFF = "staff", "业务人员"
        SYSTEM = "system", "系统管理员"
        SECURITY = "security", "安全管理员"
        AUDIT = "audit", "审计管理员"

    username = models.CharField("账号", max_length=60, unique=True)
    name = models.CharField("姓名", max_length=60, blank=True)
    duty = models.CharField("职责", max_length=12, choices=Duty, default=Duty.STAFF)
    clearance = models.PositiveSmallIntegerField(
        "安全标记", choices=Clearance, default=Clearance.HIGH,
        help_text="业务人员的权限只在标记够到的内容上起作用：党员的遮盖信息是敏感，登记、核实和显示完整信息是高敏，其余是内部。",
    )  # fmt: skip
    is_active = models.BooleanField("启用", default=True)
    created_at = models.DateTimeField("开通时间", default=timezone.now, editable=False)
    password_set_at = models.DateTimeField("密码设置时间", default=timezone.now, editable=False)
    # Given by somebody else: the first thing after signing in with it is to choose another.
    password_is_temporary = models.BooleanField("须改密码", default=False, editable=False)
    factor_failures = models.PositiveSmallIntegerField("验证码连续错误", default=0, editable=False)
    factor_locked_until = models.DateTimeField("验证码锁定至", null=True, editable=False)
    row_code = RowCodeField(
        "校验码",
        over=("username", "duty", "is_active", "password", "password_is_temporary", "password_set_at", "clearance"),
    )

    # The rights that a token carries, where it is a token that asks; None: the person is here, with all they have.
    token_permissions: frozenset[str] | None = None

    objects = UserManager()  # type: ignore[misc]
    USERNAME_FIELD = "username"

    class Meta:
        verbose_name = verbose_name_plural = "用户"
        constraints = [
            models.CheckConstraint(
                name="user_duty_is_known", condition=Q(duty__in=["staff", "system", "security", "audit"])
            ),
            models.CheckConstraint(name="user_clearance_is_known", condition=Q(clearance__in=Clearance.values)),
        ]

    def __str__(self) -> str:
        return self.name or self.username

    @property
    def may_enter(self) -> bool:
        """Whether the account opens anything at all: switched on, and as the product wrote it."""
        return self.is_active and self.is_whole

    @property
    def is_staff(self) -> bool:
        """May open the admin site; what it shows there is decided by the doors."""
        return self.is_active

    @property
    def has_factor(self) -> bool:
        """Anything that can be asked for after the password."""
        return self.passkeys.exists() or hasattr(self, "authenticator")

    def is_cleared_for(self, perm: str) -> bool:
        """Whether the account's label reaches what the right opens. The three administrators see no business data at all."""
        return self.duty != User.Duty.STAFF or label_of(perm) <= self.clearance

    def may_use(self, perm: str) -> bool:
        """Whether the door looks for this right at all: for a token only for those that it was made for."""
        return self.is_cleared_for(perm) and (self.token_permissions is None or perm in self.token_permissions)

    def has_perm(self, perm: str, obj=None) -> bool:
        return _user_has_perm(self, perm, obj)

    def has_perms(self, perms, obj=None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perms)

    def has_module_perms(self, label: str) -> bool:
        return _user_has_module_perms(self, label)


class OldPassword(models.Model):
    """The salted hash of a password that was replaced: it may not come back soon."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="old_passwords", verbose_name="用户")
    password = models.CharField("摘要", max_length=128, editable=False)
    replaced_at = models.DateTimeField("更换时间", default=timezone.now, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "用过的密码"

    def __str__(self) -> str:
        return f"用过的密码 {self.pk}"
