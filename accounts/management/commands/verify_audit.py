"""Proves the audit: walks the chain of seals and names the rows that do not fit."""

import json
from dataclasses import asdict
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from accounts.heads import BadHead, Head, files, folder, read_head
from accounts.verification import MOST, Verdict, verify


def heads_at(place: Path) -> list[Head]:
    """Of one file, or of every file of a folder. Raises CommandError: a head that cannot be read is no sound answer."""
    paths = sorted(place.glob("*.json")) if place.is_dir() else [place]
    if not paths:
        raise CommandError(f"{place} 里没有链头文件。")
    try:
        return [read_head(path) for path in paths]
    except (BadHead, OSError) as error:
        raise CommandError(str(error)) from None


class Command(BaseCommand):
    help = "核对审计链：指出被改动、移除、调换、插入、改写、截去或从未封存的记录；有问题时退出码为 1。"

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="输出 JSON")
        parser.add_argument("--heads", type=Path, help="另行保存的链头文件，或存放它们的文件夹；不写则用本机保存的")

    def handle(self, *args, **options):
        kept_here = folder() if files() else None
        place = options["heads"] or kept_here
        verdict = verify(heads_at(place) if place else ())
        if options["json"]:
            facts = asdict(verdict) | {"sound": verdict.sound, "head": verdict.head.hex()}
            self.stdout.write(json.dumps(facts, ensure_ascii=False))
        elif verdict.sound:
            self.stdout.write(f"审计链完好：{self._compared(verdict)}，链头 {verdict.head.hex()}。")
            if not options["heads"]:
                self.stdout.write(
                    "没有与另行保存的链头比对：掌握本机、数据库和封存密钥的人改写全链，只有 --heads 能发现。"
                )
        else:
            self._tell(verdict)
        if not verdict.sound:
            raise SystemExit(1)

    def _compared(self, verdict: Verdict) -> str:
        removed = f"，此前 {verdict.removed} 条到期清理" if verdict.removed else ""
        return f"{verdict.links} 条{removed}，比对链头 {verdict.heads} 个"

    def _tell(self, verdict: Verdict) -> None:
        more = "（只列前 100 处）" if len(verdict.findings) >= MOST else ""
        self.stdout.write(f"审计链有问题，共 {len(verdict.findings)} 处{more}：")
        for finding in verdict.findings:
            self.stdout.write(f"- {finding.text}")
        self.stdout.write(
            f"第一处之前 {verdict.links} 条完好，未封存 {verdict.unsealed} 条，比对链头 {verdict.heads} 个。"
        )
