from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "登录与审计"

    def ready(self) -> None:
        from accounts import checks, held, removals

        checks.register()
        held.register()
        removals.register()
