from django.apps import AppConfig


class OrgsConfig(AppConfig):
    name = "orgs"
    verbose_name = "组织"

    def ready(self) -> None:
        from accounts.duties import tell_reason
        from accounts.opening import tell_beside
        from jobs.rights import tell_extent, tell_loss
        from orgs import held
        from orgs.doors import posted_units, reaches
        from orgs.listings import ORGANIZATION_LIST
        from orgs.opening import POSTINGS
        from orgs.selectors import has_left, live_postings_told, reach_marks
        from orgs.tree_imports import TARGET
        from tables.approving import tell_reach
        from tables.listing import register_listing, tell_units
        from tables.register import register_target

        tell_beside(POSTINGS)
        tell_reason(live_postings_told)
        tell_extent(reach_marks)
        tell_loss(has_left)
        register_target(TARGET)
        register_listing(ORGANIZATION_LIST)
        tell_units(posted_units)
        held.register()
        tell_reach(reaches)
