"""Proves the audit: walks the chain of seals and names the first row that does not fit."""

import json
from dataclasses import asdict

from django.core.management.base import BaseCommand

from accounts.verification import verify


class Command(BaseCommand):
    help = "核对审计链：指出第一处被改动、移除、调换、插入或从未封存的记录；有问题时退出码为 1。"

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="输出 JSON")

    def handle(self, *args, **options):
        verdict = verify()
        finding = verdict.finding
        if options["json"]:
            answer = {
                "sound": verdict.sound,
                "links": verdict.links,
                "head": verdict.head.hex(),
                "unsealed": verdict.unsealed,
                "finding": asdict(finding) if finding else None,
            }
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
        elif finding:
            self.stdout.write(
                f"审计链有问题：{finding.text}（此前 {verdict.links} 条完好，未封存 {verdict.unsealed} 条）"
            )
        else:
            self.stdout.write(
                f"审计链完好：{verdict.links} 条，链头 {verdict.head.hex()}。请把链头另行记下，以便日后比对。"
            )
        if finding:
            raise SystemExit(1)
