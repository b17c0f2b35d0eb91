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


PASSWORD_DAYS, IDLE_MINUTES, HOURS = 90, 30, 12  # at most, of level three


def weaker() -> list[str]:
    """What the settings ask less of whoever signs in than level three does (GB/T 22239-2019 8.1.4.1), each in words."""
    days, idle, hours = settings.CREDENTIAL_DAYS, settings.SESSION_IDLE_MINUTES, settings.SESSION_HOURS
    asked = {
        "第二因素不是人人必须（SECOND_FACTOR_REQUIRED 应为 1）": not settings.SECOND_FACTOR_REQUIRED,
        f"密码超过 {PASSWORD_DAYS} 天才换或不过期（CREDENTIAL_DAYS）": not 0 < days <= PASSWORD_DAYS,
        f"闲置 {idle} 分钟才锁定（SESSION_IDLE_MINUTES 至多 {IDLE_MINUTES}）": idle > IDLE_MINUTES,
        f"一次登录可以用 {hours} 小时（SESSION_HOURS 至多 {HOURS}）": hours > HOURS,
    }
    return [words for words, is_weaker in asked.items() if is_weaker]


def signing_in(app_configs, **more) -> list[Warning]:
    """8.1.4.1; nobody signs in on the public face."""
    if settings.IS_PUBLIC_FACE:
        return []
    hint = "低于等保三级的要求（GB/T 22239-2019 8.1.4.1）：改回默认值，重启全部进程。"
    return [Warning(f"{words}。", hint=hint, id="accounts.W002") for words in weaker()]


def register() -> None:
    checked(admin_networks, Tags.security, deploy=True)
    checked(signing_in, Tags.security, deploy=True)
