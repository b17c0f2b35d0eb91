from django.apps import AppConfig
from django.conf import settings


class MembersConfig(AppConfig):
    name = "members"
    verbose_name = "党员"

    def ready(self) -> None:
        from accounts import audit
        from markets.conversion import follows
        from members import answers, erasure, forgetting, held, indexes, life, member_list, own, posters, taking
        from members.ferry import shown
        from members.imports import leads, rolls
        from members.models import InstructorAssignment, Poster
        from members.views.report import report
        from tables.register import register_target

        life.register()
        held.register()
        indexes.register()
        own.register()
        taking.register()
        shown.register()
        member_list.register()
        if settings.FACE == "staff":
            audit.on_sealed(answers.hear_sealed)
        follows(InstructorAssignment, "instructor_id")
        posters.register_kind(Poster.Kind.MARKET, report)
        posters.register_kind(Poster.Kind.GUIDANCE_STATION, report)
        register_target(rolls.TARGET)
        register_target(leads.TARGET)
        erasure.on_erase(rolls.forget_before_images)
        erasure.on_erase(forgetting.forget_rows)
        erasure.on_erase(forgetting.forget_files)
        erasure.on_erase(forgetting.forget_exports)
