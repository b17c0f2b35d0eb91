"""What `manage.py check --deploy` says of this room."""

from django.conf import settings
from django.core.checks import Tags, Warning
from django.core.checks import register as checked


def admin_networks(app_configs, **more) -> list[Warning]:
    """8.1.4.4 c; nobody signs in on the public face."""
    if settings.ADMIN_NETWORKS or settings.IS_PUBLIC_FACE:
        return []
    return [
        Warning(
            "没有设置 ADMIN_NETWORKS：三员在任何网络都能登录。",
            hint="把管理终端的网段写进去，如 10.12.0.0/24（GB/T 22239-2019 8.1.4.4 c）。",
            id="accounts.W001",
        )
    ]


def register() -> None:
    checked(admin_networks, Tags.security, deploy=True)
