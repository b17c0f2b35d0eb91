from django.apps import AppConfig


class TablesConfig(AppConfig):
    name = "tables"
    verbose_name = "表格与批次"

    def ready(self) -> None:
        from tables import work  # noqa: F401  registers the kinds of job
