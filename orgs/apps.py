from django.apps import AppConfig


class OrgsConfig(AppConfig):
    name = "orgs"
    verbose_name = "组织"

    def ready(self) -> None:
        from orgs.tree_imports import TARGET
        from tables.register import register_target

        register_target(TARGET)
