from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "登录与审计"

    def ready(self) -> None:
        from django.db.backends.signals import connection_created

        from accounts import held, wall

        held.register()
        connection_created.connect(wall.told_when_opened)
