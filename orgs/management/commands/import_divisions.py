import json

from django.core.management.base import BaseCommand

from orgs.divisions import divisions_import, divisions_read


class Command(BaseCommand):
    help = "载入或更新区划（市、区、街道、社区），可重复执行。"

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="以 JSON 输出数量")

    def handle(self, *args, **options):
        counts = divisions_import()
        if options["json"]:
            self.stdout.write(json.dumps(counts | {"source": divisions_read()["meta"]["source"]}, ensure_ascii=False))
            return
        self.stdout.write(
            "区划：市 {city}，区 {districts}，街道 {streets}，镇 {towns}，统计功能区 {statistical}，"
            "社区 {communities}；新增 {created}，更新 {updated}，未变 {unchanged}。".format(**counts)
        )
