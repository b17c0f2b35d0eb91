import json
from datetime import date
from decimal import Decimal

from django.core.management.base import BaseCommand, CommandError

from orgs.models import Division, Organization
from reports import metrics, selectors


def day(text: str) -> date:
    return date.fromisoformat(text)


def plain(numbers: selectors.Numbers) -> dict:
    """Every metric in every 口径, rates to 4 places; null is —."""
    found = {}
    for key in metrics.all_keys():
        value = numbers.value(*metrics.parse_key(key))
        found[key] = float(value) if isinstance(value, Decimal) else value
    return found


class Command(BaseCommand):
    help = "打印一个单位的统计数字（不隐藏小数值，供核对；不要对外提供）。"

    def add_arguments(self, parser):
        unit = parser.add_mutually_exclusive_group(required=True)
        unit.add_argument("--organization", metavar="CODE", help="党组织代码")
        unit.add_argument("--division", metavar="CODE", help="区划代码")
        parser.add_argument("--as-of", type=day, metavar="YYYY-MM-DD", help="取这一天或之前最近一次的统计")
        parser.add_argument("--json", action="store_true", help="以 JSON 输出")

    def handle(self, *args, **options):
        unit = self._unit(options)
        own = selectors.latest(unit, options["as_of"])
        if own is None:
            until = f"{options['as_of']} 及以前" if options["as_of"] else "目前"
            raise CommandError(f"{unit}：{until}还没有统计，请先运行 refresh_coverage。", returncode=1)
        answer = self._answer(unit, own)
        if options["json"]:
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
            return
        self.stdout.write(f"{unit}　截至 {own.as_of}，计算于 {selectors.counted_at(own):%Y-%m-%d %H:%M:%S%z}")
        for key in metrics.all_keys():
            if answer[key] is not None:
                self.stdout.write(f"{metrics.METRICS[metrics.parse_key(key)[0]].name}\t{key}\t{answer[key]}")

    def _unit(self, options) -> Organization | Division:
        model, code = (
            (Organization, options["organization"]) if options["organization"] else (Division, options["division"])
        )
        unit = model.objects.filter(code=code).first()
        if unit is None:
            raise CommandError(f"没有代码为「{code}」的{model._meta.verbose_name}。", returncode=1)
        return unit

    def _answer(self, unit, own: selectors.Numbers) -> dict:
        rest = selectors.unassigned(unit, own.as_of)
        return {
            "unit": unit.code,
            "as_of": own.as_of.isoformat(),
            "computed_at": selectors.counted_at(own).isoformat(),
            **plain(own),
            "suggested": selectors.suggested(unit, own.as_of),
            "entered_late": selectors.entered_late(unit, own.as_of),
            "children": {child.unit.code: plain(child) for child in selectors.children(unit, own.as_of)},
            "unassigned": plain(rest) if rest is not None else {},
        }
