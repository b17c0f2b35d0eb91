"""公布数据: what others published, in a list of its own, and beside what this system counts."""

from django.urls import reverse

from reports import figures
from reports.behind import own_unit
from tables.list_views import ListPage


class Reported(ListPage):
    """Numbers that somebody published, with source and day. Never added to what this system counts."""

    listing = figures.LISTING
    template_name = "reports/reported.html"

    def more(self) -> dict:
        user = self.request.user
        unit = own_unit(user)
        return {
            "subtitle": "来自公开报道或上级文件，不是本系统统计的数字；口径不同，只作参考，从不相加",
            "unit": unit,
            "side_by_side": figures.side_by_side(user, unit),
            "label": figures.LABEL,
            "add_url": reverse("admin:reports_reportedfigure_add") if figures.may_keep(user, "add") else "",
            "import_url": reverse("tables:upload") if figures.may_keep(user, "import") else "",
        }
