from django.apps import AppConfig
from django.conf import settings


class ReportsConfig(AppConfig):
    name = "reports"
    verbose_name = "统计"

    def ready(self) -> None:
        from accounts import audit, rotation
        from members import answers, copies
        from orgs import life
        from reports import (
            audit_list,
            behind,
            explain_export,
            figures,
            form_books,
            form_due,  # noqa: F401  registers its kind of job
            goal_progress,
            held,
            monthly_making,  # noqa: F401  registers its kind of job
            tasks,
            verifying,
            weekly_making,  # noqa: F401  the same
        )
        from reports.models import Snapshot
        from reports.self_check import making  # noqa: F401  the same
        from tables import listing, register

        audit.on_sealed(tasks.hear_sealed)
        answers.also(verifying.write_papers)
        copies.tell_looks({
            "reports.members.search": "被查找到（遮盖）", "reports.rows.view": "在指标明细中显示（遮盖）",
        })  # fmt: skip
        if settings.FACE == "staff":
            audit.on_sealed(verifying.hear_sealed)
        register.on_applied(tasks.hear_applied)
        behind.register()
        listing.register_listing(figures.LISTING)
        listing.register_listing(audit_list.LISTING)
        register.register_target(figures.TARGET)
        explain_export.register()
        rotation.register_store(rotation.SealedFolder("报表模板和填好的报表", form_books.FOLDER))
        held.register()
        life.computed_about(Snapshot)
        life.describe_move(goal_progress.running_lines)
