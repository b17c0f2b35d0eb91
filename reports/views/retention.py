"""到期抹除记录: what the jobs took away, and whether they ran. Counts only."""

from django.shortcuts import render
from django.utils import timezone
from django.views.generic import View

from accounts.retention import JOBS, late, runs
from orgs.scoped import DoorMixin

SHOWN = 200


class Retention(DoorMixin, View):
    permission = "accounts.view_retention"

    def get(self, request):
        wanted = request.GET.get("job", "")
        job = wanted if wanted in JOBS else None
        columns = [{"key": name, "label": name} for name in ("时间", "清理什么", "结果")]
        context = {
            "heading": "到期抹除记录",
            "subtitle": "每晚清理，没提交的报到表每小时清理；只记件数，不记是谁",
            "table": {"caption": "清理记录", "columns": columns, "rows": [_row(event) for event in runs(job)[:SHOWN]]},
            "tabs": [
                {"label": "全部", "url": "?", "current": job is None},
                *({"label": label, "url": f"?job={key}", "current": key == job} for key, (label, _) in JOBS.items()),
            ],
            "late": late(),
            "total_text": f"最近 {SHOWN} 次",
            "empty_reason": "还没有清理过。系统装好后的第一个凌晨会有第一条记录。",
        }
        return render(request, "reports/retention.html", context)


def _row(event) -> dict:
    label, words = JOBS.get(event.detail["job"], (event.detail["job"], {}))
    told = "，".join(f"{word} {event.detail.get(key, 0)}" for key, word in words.items())
    return {"cells": [{"text": f"{timezone.localtime(event.at):%Y-%m-%d %H:%M}"}, {"text": label}, {"text": told}]}
