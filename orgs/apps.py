from django.apps import AppConfig


class OrgsConfig(AppConfig):
    name = "orgs"
    verbose_name = "组织"

    def ready(self) -> None:
        from orgs.doors import posted_units
        from orgs.tree_imports import TARGET
        from tables.listing import tell_units
        from tables.register import register_target

        register_target(TARGET)
        tell_units(posted_units)
