"""摆渡文件: which files were carried between the two sides, for the system administrator. Numbers and counts, no contents."""

from django.conf import settings
from django.shortcuts import render
from django.utils import timezone
from django.views.generic import View

from members.ferry import book
from members.models import FerryFile
from orgs.scoped import DoorMixin

SHOWN = 200
Direction = FerryFile.Direction
COLUMNS = ("方向", "编号", "状态", "生成时间", "这一侧记录", "内容", "内容摘要", "签名密钥")
WHOLE = ("方向", "生成时间", "这一侧记录")
WORDS = {
    "members_submission": "收件",
    "members_answer": "答复",
    "arrived": "收到的编号",
    "members_notice": "告知书",
    "members_poster": "报到码",
    "markets_market": "市场",
    "orgs_organization": "指导站",
    "stations_servicepoint": "服务点",
}


class FerryList(DoorMixin, View):
    permission = "members.view_ferryfile"

    def get(self, request):
        heard = book.heard()
        rows = [_row(file, heard) for file in FerryFile.objects.order_by("-noted_at", "-pk")[:SHOWN]]
        context = {
            "heading": "摆渡文件",
            "subtitle": "公众侧和工作侧的网络不相通时，用签名文件传递；这里只有编号和件数，没有内容",
            "table": {
                "caption": "摆渡文件",
                "columns": [{"key": name, "label": name, "whole": name in WHOLE} for name in COLUMNS],
                "rows": rows,
            },
            "warnings": book.late(),
            "total_text": f"最近 {SHOWN} 份",
            "empty_reason": "还没有文件。由运维在公众侧运行 manage.py ferry_out，把文件带到工作侧运行 manage.py ferry_in。"
            if settings.IS_FERRIED
            else "公众侧和工作侧直接相连，不用文件传递。",
        }
        return render(request, "members/ferry.html", context)


def _row(file: FerryFile, heard: int) -> dict:
    counts = "，".join(f"{WORDS.get(name, name)} {count}" for name, count in file.counts.items())
    word, kind = _standing(file, heard)
    texts = (
        _when(file.made_at), _when(file.noted_at), counts or "—", file.digest[:16] or "—", file.key or "—",
    )  # fmt: skip
    cells = [{"text": file.get_direction_display()}, {"text": file.number}, {"text": word, "badge": kind}]
    return {"cells": [*cells, *({"text": text} for text in texts)]}


def _when(at) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}" if at else "—"


def _standing(file: FerryFile, heard: int) -> tuple[str, str]:
    if file.is_lost:
        return "登记为遗失", "bad"
    if file.direction == Direction.TO_STAFF:
        return "已取", "ok"
    return ("对方已收到", "ok") if file.number <= heard else ("对方还没有告知收到", "warn")
