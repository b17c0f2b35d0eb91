from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "reports"
    verbose_name = "统计"

    def ready(self) -> None:
        from accounts import audit
        from orgs import life
        from reports import (
            behind,
            explain_export,
            figures,
            goal_progress,
            held,
            monthly_making,  # noqa: F401  registers its kind of job
            tasks,
        )
        from reports.models import Snapshot
        from tables import listing, register

        audit.on_sealed(tasks.hear_sealed)
        register.on_applied(tasks.hear_applied)
        behind.register()
        listing.register_listing(figures.LISTING)
        register.register_target(figures.TARGET)
        explain_export.register()
        held.register()
        life.computed_about(Snapshot)
        life.describe_move(goal_progress.running_lines)
