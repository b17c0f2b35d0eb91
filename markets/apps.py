from django.apps import AppConfig


class MarketsConfig(AppConfig):
    name = "markets"
    verbose_name = "经营主体与市场"

    def ready(self) -> None:
        from markets import bulk, held, life, listings
        from markets.imports.importer import BusinessImporter
        from markets.imports.others import TARGETS
        from markets.imports.told_undo import forget
        from tables.register import on_undo_over, register_target

        for target in (BusinessImporter(), *TARGETS):
            register_target(target)
        on_undo_over(forget)
        listings.register()
        bulk.register()
        life.register()
        held.register()
