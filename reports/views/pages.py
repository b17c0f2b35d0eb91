"""Closed months, and what each number means."""

from django.conf import settings
from django.views.generic import TemplateView

from orgs.scoped import DoorMixin
from reports import metrics


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
                "number": metrics.D_NUMBERS[code],
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
