"""个人信息字段清单, as a page and as a file."""

from django.http import HttpResponseBase
from django.shortcuts import render
from django.views.generic import View

from accounts import audit
from orgs.scoped import DoorMixin
from reports.inventory import HEADER, inventory, not_assessed
from tables.exports import Mark, rows_as
from tables.views import file_response


class Inventory(DoorMixin, View):
    permission = "accounts.view_inventory"

    def get(self, request):
        if request.GET.get("format") == "csv":
            return self.file()
        wanted = request.GET.get("grade", "")
        lines = [line for line in inventory() if not wanted or line[3] == wanted]
        columns = [{"key": name, "label": name} for name in HEADER]
        rows = [{"cells": [{"text": text or "—"} for text in line]} for line in lines]
        context = {
            "heading": "个人信息字段清单",
            "subtitle": "由程序生成：每一个存个人信息的字段，为什么、凭什么、存多久、谁能看、从哪里出去",
            "table": {"caption": "字段清单", "columns": columns, "rows": rows},
            "tabs": [
                {"label": label, "url": f"?grade={grade}" if grade else "?", "current": grade == wanted}
                for grade, label in (("", "全部"), ("高敏", "高敏"), ("敏感", "敏感"), ("内部", "内部"))
            ],
            "total_text": f"共 {len(rows)} 个字段",
            "exports": [{"label": "导出 CSV", "url": "?format=csv"}],
            "empty_reason": "没有这一级的字段。",
            "not_assessed": not_assessed(),
        }
        return render(request, "reports/inventory.html", context)

    def file(self) -> HttpResponseBase:
        mark = Mark.by(self.request.user)
        audit.record("reports.inventory.export", by=self.request.user, request=self.request)
        pieces = rows_as("csv", "个人信息字段清单", HEADER, inventory(), mark)
        return file_response(pieces, mark.name("个人信息字段清单"), "csv")
