"""What the security administrator sees; nobody else sees any of it. The audit is read on pages of its own (reports)."""

import axes.admin  # noqa: F401  (registers its three pages, two of which are taken away and one replaced below)
import django.contrib.auth.admin  # noqa: F401  (registers groups, which this product does not have)
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.shortcuts import redirect

from accounts import passwords
from accounts.admin_door import DoorAdmin
from accounts.forms import UserForm
from accounts.locks import locks
from accounts.models import User
from accounts.services import AccountError, user_change, user_create

# Axes speaks no Chinese.
AccessAttempt._meta.verbose_name = AccessAttempt._meta.verbose_name_plural = "登录失败记录"
apps.get_app_config("axes").verbose_name = "登录防护"

for model in (Group, AccessAttempt, AccessLog, AccessFailureLog):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(User)
class UserAdmin(DoorAdmin):
    form = UserForm
    list_display = (
        "username", "name", "duty", "clearance", "is_active", "second_factor", "given_password", "last_sign_in", "created_at",
    )  # fmt: skip
    list_filter = ("duty", "clearance", "is_active")
    search_fields = ("username", "name")
    ordering = ("username",)

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("authenticator").prefetch_related("passkeys")

    @admin.display(description="第二因素", boolean=True)
    def second_factor(self, user):
        return hasattr(user, "authenticator") or bool(user.passkeys.all())

    @admin.display(description="临时密码")
    def given_password(self, user):
        return passwords.state_told(user) or "—"  # the form would write None

    @admin.display(description="最近登录", ordering="last_login")
    def last_sign_in(self, user):
        return user.last_login

    def has_add_permission(self, request) -> bool:
        return self._may(request, "add")

    def has_change_permission(self, request, obj=None) -> bool:
        return self._may(request, "change")

    def get_fieldsets(self, request, obj=None):
        facts = ("username", "name", "duty", "clearance", *(["is_active"] if obj else []))
        choosing = {"fields": (*(["given_password"] if obj else []), "password1", "password2")}
        if not self.has_change_permission(request, obj) or self._is_own(request, obj):
            return [(None, {"fields": facts})]
        return [(None, {"fields": facts}), ("重置密码" if obj else "初始密码", choosing)]

    def get_readonly_fields(self, request, obj=None):
        """Nobody gives oneself rights: another security administrator does it. Switching an account off takes a reason,
        on a page of its own (views/measures.py)."""
        always = ("is_active", "given_password")
        return ("duty", "clearance", *always) if self._is_own(request, obj) else always

    @staticmethod
    def _is_own(request, obj) -> bool:
        return obj is not None and obj.pk == request.user.pk

    def render_change_form(self, request, context, obj=None, **more):
        return super().render_change_form(
            request, context | {"is_locked": obj is not None and bool(locks([obj]))}, obj=obj, **more
        )

    def changeform_view(self, request, *args, **kwargs):
        """What the form allowed may be over by the time that it is saved: somebody else was faster."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except AccountError as error:
            messages.error(request, str(error))
            return redirect(request.path)

    def save_model(self, request, obj, form, change):
        password = form.cleaned_data.get("password2", "")
        if change:
            columns = [name for name in form.changed_data if name in UserForm.Meta.fields]
            user_change(user=obj, changed=columns, password=password, by=request.user)
        else:
            user_create(user=obj, password=password, by=request.user)

    def _log(self, request, obj, flag: int, message):
        """As Django's own, without the person's name."""
        return LogEntry.objects.create(
            user_id=request.user.pk,
            content_type=ContentType.objects.get_for_model(obj),
            object_id=obj.pk,
            object_repr=f"{self.opts.verbose_name} {obj.pk}",
            action_flag=flag,
            change_message=message if isinstance(message, str) else "",
        )

    def log_addition(self, request, obj, message):
        return self._log(request, obj, ADDITION, message)

    def log_change(self, request, obj, message):
        return self._log(request, obj, CHANGE, message)


@admin.register(AccessAttempt)
class AccessAttemptAdmin(DoorAdmin):
    """Failed sign-ins that count towards a lock, as axes keeps them."""

    fields = readonly_fields = list_display = ("account", "from_address", "failures", "last_at", "agent", "place")
    list_display_links = ("account",)
    search_fields = ("username", "ip_address")
    ordering = ("-attempt_time",)

    @admin.display(description="填写的账号", ordering="username")
    def account(self, attempt):
        return attempt.username

    @admin.display(description="来源地址", ordering="ip_address")
    def from_address(self, attempt):
        return attempt.ip_address

    @admin.display(description="连续失败次数", ordering="failures_since_start")
    def failures(self, attempt):
        return attempt.failures_since_start

    @admin.display(description="最近时间", ordering="attempt_time")
    def last_at(self, attempt):
        return attempt.attempt_time

    @admin.display(description="浏览器")
    def agent(self, attempt):
        return attempt.user_agent

    @admin.display(description="入口")
    def place(self, attempt):
        return attempt.path_info
