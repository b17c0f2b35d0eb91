from django.apps import AppConfig


class StationsConfig(AppConfig):
    name = "stations"
    verbose_name = "服务点与签到"

    def ready(self) -> None:
        from members import copies, ferry
        from members.erasure import on_erase
        from members.posters import register_kind
        from stations import held, life, taking
        from stations.imports import TARGET
        from stations.listings import SERVICE_POINT_LIST
        from stations.models import ServicePoint
        from stations.own import check_ins_erase
        from stations.views.public import service_point
        from tables.listing import register_listing
        from tables.register import register_target

        register_kind("service_point", service_point)
        copies.tell_looks({
            "stations.desk.list": "在签到登记台显示（遮盖）", "stations.check_in.list": "签到在名单上显示（遮盖）",
            "stations.check_in.read": "打开签到（遮盖）",
        })  # fmt: skip
        told = ("id", "name", "kind", "address", "hours", "facilities", "poster_id", "closed_on")
        ferry.show(ServicePoint, told, lambda: ServicePoint.objects.filter(poster__isnull=False))
        on_erase(check_ins_erase)
        held.register()
        taking.register()
        life.register()
        register_target(TARGET)
        register_listing(SERVICE_POINT_LIST)
