import json

from django.core.management.base import BaseCommand, CommandError

from orgs.models import Organization
from orgs.tree_check import tree_problems


class Command(BaseCommand):
    help = "核对组织树：路径、层级、区级党委与指导站、类型、所在区街道；有问题时列出并以 1 退出。"

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="以 JSON 输出")

    def handle(self, *args, **options):
        count, problems = Organization.objects.count(), list(tree_problems())
        if options["json"]:
            found = [problem.as_dict() for problem in problems]
            self.stdout.write(json.dumps({"organizations": count, "problems": found}, ensure_ascii=False))
        else:
            for problem in problems:
                self.stdout.write(f"{problem.code}：{problem.message}")
        if problems:
            raise CommandError(f"组织树有 {len(problems)} 处问题。", returncode=1)
        if not options["json"]:
            self.stdout.write(f"组织树无误：{count} 个组织。")
