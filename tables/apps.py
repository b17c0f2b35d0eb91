from django.apps import AppConfig


class TablesConfig(AppConfig):
    name = "tables"
    verbose_name = "表格与批次"

    def ready(self) -> None:
        from tables import bulk, held, rotating, taking, work  # noqa: F401  three register their kinds of job

        held.register()
        rotating.register()
