import json
from argparse import ArgumentTypeError
from datetime import date

from django.core.management.base import BaseCommand, CommandError

from reports.services import CloseRefused, month_close


def month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise ArgumentTypeError(f"「{text}」不是月份，请写成 2026-10 这样。") from None


class Command(BaseCommand):
    help = "月度关账：把这个月最后一次统计固定下来；已关账的月份只能写明理由再出一版。"

    def add_arguments(self, parser):
        parser.add_argument("month", type=month, metavar="YYYY-MM")
        parser.add_argument("--reason", default="", help="修订理由（第二版起必填）")
        parser.add_argument("--json", action="store_true", help="以 JSON 输出，含全部数字")

    def handle(self, *args, **options):
        try:
            closing = month_close(month=options["month"], by=None, reason=options["reason"])
        except CloseRefused as refused:
            raise CommandError(str(refused), returncode=1) from refused
        if options["json"]:
            answer = {
                "month": f"{closing.month:%Y-%m}",
                "revision": closing.revision,
                "reason": closing.reason,
                "as_of": closing.as_of.isoformat(),
                "digest": closing.digest,
                "numbers": closing.numbers,
            }
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
        else:
            self.stdout.write(f"{closing}：截至 {closing.as_of}，摘要 {closing.digest}")
