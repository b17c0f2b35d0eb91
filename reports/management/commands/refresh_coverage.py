import json

from django.core.management.base import BaseCommand, CommandError

from orgs.models import Organization
from reports.services import coverage_refresh


class Command(BaseCommand):
    help = "计算今天的统计：全部单位，或只计算有变动的部分。"

    def add_arguments(self, parser):
        parser.add_argument("--guidance-station", metavar="CODE", help="只计算这个指导站和上次统计后有变动的部分")
        parser.add_argument("--touched", action="store_true", help="只计算上次统计后有变动的部分")
        parser.add_argument("--json", action="store_true", help="以 JSON 输出")

    def handle(self, *args, **options):
        code = options["guidance_station"]
        unit = None
        if code:
            unit = Organization.objects.filter(code=code, level__lte=3).first()
            if unit is None:
                raise CommandError(f"没有代码为「{code}」的指导站。")
        done = coverage_refresh(guidance_station=unit, touched=options["touched"])
        if options["json"]:
            answer = {
                "as_of": done.as_of.isoformat(),
                "computed_at": done.computed_at.isoformat(),
                "units": done.units,
                "seconds": round(done.seconds, 3),
                "skipped": done.skipped,
            }
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
        elif done.skipped:
            self.stdout.write(f"另一个进程刚刚算完 {done.as_of} 的统计。")
        else:
            self.stdout.write(f"已计算 {done.as_of} 的统计：{done.units} 个单位，{done.seconds:.2f} 秒。")
