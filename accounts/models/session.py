import uuid

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models


class Session(AbstractBaseSession):
    """A browser that is signed in, or on the way in. Its key is the browser's secret; pages name it by `number`."""

    number = models.UUIDField("编号", default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="sessions", verbose_name="用户"
    )
    opened_at = models.DateTimeField("登录时间", null=True, editable=False)
    seen_at = models.DateTimeField(
        "最近操作", null=True, editable=False
    )  # of the person, not of what a page asks by itself
    address = models.GenericIPAddressField("来源地址", null=True, editable=False)
    device = models.CharField("浏览器", max_length=200, blank=True, editable=False)

    class Meta(AbstractBaseSession.Meta):
        verbose_name = verbose_name_plural = "登录会话"
        constraints = [
            models.CheckConstraint(
                name="session_of_somebody_has_times",
                condition=models.Q(user__isnull=True) | models.Q(opened_at__isnull=False, seen_at__isnull=False),
                violation_error_message="已登录的会话要有登录时间和最近操作时间。",
            ),
        ]

    def __str__(self) -> str:
        return f"登录会话 {self.number}"

    def save(self, *args, force_update=False, **more):
        """The store saves what it made anew of the data; what it does not know stays."""
        if force_update:
            more["update_fields"] = ("session_data", "expire_date")
        super().save(*args, force_update=force_update, **more)

    @classmethod
    def get_session_store_class(cls):
        from accounts.session_store import SessionStore

        return SessionStore
