"""运行状况, for the system administrator."""

from django.shortcuts import render
from django.utils import timezone
from django.views.generic import View

from orgs.scoped import DoorMixin
from reports.health import BAD, OFF, OK, Check, checks

COLUMNS = ("项目", "状态", "情况", "怎么办")
WORDS = {"ok": "正常", "info": "未启用", "warn": "注意", "bad": "异常"}


class Health(DoorMixin, View):
    permission = "accounts.view_health"

    def get(self, request):
        found = checks()
        context = {
            "heading": "运行状况",
            "subtitle": "只看系统自己，没有业务数据；机器和网络由运维另行检查",
            "table": {
                "caption": "运行状况",
                "columns": [{"key": name, "label": name, "whole": name == "项目"} for name in COLUMNS],
                "rows": [_row(check) for check in found],
            },
            "bad": [check for check in found if check.state == BAD],
            "total_text": f"{sum(check.state not in (OK, OFF) for check in found)} 项要处理，共 {len(found)} 项",
            "as_of_text": f"{timezone.localtime():%m-%d %H:%M:%S} 现查",
        }
        return render(request, "reports/health.html", context)


def _row(check: Check) -> dict:
    state = {"text": WORDS[check.state], "badge": check.state}
    return {"cells": [{"text": check.name}, state, {"text": check.told}, {"text": check.todo or "—"}]}
