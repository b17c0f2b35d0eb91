"""Closed months, and what each number means."""

from django.conf import settings
from django.utils import timezone
from django.views.generic import TemplateView

from orgs.scoped import DoorMixin
from reports import metrics, words
from reports.models import MonthClosing


class Closings(DoorMixin, TemplateView):
    """月度关账: each closed month with its digest; a revision stands beside what it revises."""

    permission = "reports.view_monthclosing"
    template_name = "generic/list.html"

    def get_context_data(self, **kwargs):
        rows = MonthClosing.objects.select_related("closed_by").defer("numbers")
        table = {
            "caption": "月度关账",
            "columns": [
                {"label": label}
                for label in ("月份", "版次", "数据截至", "关账时间", "关账人", "修订理由", "摘要（SHA-256）")
            ],
            "rows": [{"cells": [{"text": text} for text in self._cells(row)]} for row in rows],
        }
        return super().get_context_data(
            heading="月度关账",
            subtitle="关账后的数字不再改变；要更正只能另出一版并写明理由。摘要用来核对数字没有被动过。",
            table=table,
            total_text=f"共 {len(table['rows'])} 版",
            empty_reason="还没有关过账。每月初由系统关上一个月的账；也可由运维执行 manage.py close_month 年-月。",
            **kwargs,
        )

    @staticmethod
    def _cells(row: MonthClosing) -> list[str]:
        return [
            f"{row.month:%Y 年 %m 月}",
            f"第 {row.revision} 版",
            f"{row.as_of:%Y-%m-%d}",
            f"{timezone.localtime(row.closed_at):%Y-%m-%d %H:%M}",
            str(row.closed_by) if row.closed_by else "系统",
            row.reason or "—",
            row.digest,
        ]


class Metrics(DoorMixin, TemplateView):
    """统计口径: what each number means, from the one registry."""

    permission = "reports.view_snapshot"
    template_name = "reports/metrics.html"

    def get_context_data(self, **kwargs):
        groups = [
            {
                "title": title,
                "metrics": [
                    {
                        "code": metric.code,
                        "name": metric.name,
                        "unit": metric.unit,
                        "definition": metric.definition,
                        "tags": self._tags(metric),
                    }
                    for metric in metrics.METRICS.values()
                    if metric.group == group
                ],
            }
            for group, title in metrics.GROUPS.items()
        ]
        denominators = [
            {
                "code": code,
                "name": name,
                "number": words.D_NUMBERS[code],
                "definition": metrics.METRICS[code].definition,
            }
            for code, name in metrics.DENOMINATORS.items()
        ]
        return super().get_context_data(
            heading="统计口径",
            subtitle=f"共 {len(metrics.METRICS)} 项指标，看板、名单、导出和接口读的都是这一份",
            denominators=denominators,
            ranges=list(metrics.RANGES.items()),
            small_cell=settings.SMALL_CELL,
            groups=groups,
            **kwargs,
        )

    @staticmethod
    def _tags(metric: metrics.Metric) -> list[str]:
        tags = ["可加" if metric.additive else "率" if metric.kind == metrics.RATE else "去重"]
        if metric.denominators:
            tags.append("可选分母 D1–D6")
        if len(metric.ranges) > 1:
            tags.append("可分个体、企业")
        if metric.person:
            tags.append("少数不显示")
        if metric.good:
            tags.append("越高越好" if metric.good == "up" and not metric.person else "越低越好")
        return [tag for tag in tags if not (tag == "越低越好" and metric.good == "up")]
