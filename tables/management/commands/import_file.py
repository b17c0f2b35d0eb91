"""manage.py import_file --target business FILE --user USERNAME [--source S] [--file-date D] [--full] [--dry-run] [--json]"""

import json
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import User
from tables import services
from tables.fixes import open_batch
from tables.models import Batch, RowFix
from tables.readers import Refused
from tables.register import COUNTS, PARTS, Cannot, Outcome, Target, target, tell_applied

SHOWN = 50  # errors printed for people; --json prints all
WORDS = {
    "rows": "共 {} 行", "new": "新增 {} 行", "changed": "变更 {} 行", "unchanged": "未变 {} 行", "wrong": "有误 {} 行",
    "duplicate": "重复 {} 行", "out_of_scope": "不在权限范围 {} 行", "dropped": "未保存党员人数 {} 行",
    "hand_over": "可申请划转 {} 行", "older": "早于已有数据 {} 行", "duplicate_registry": "号码分属两个主体 {} 行",
    "absent": "本次未出现 {} 户", "namesakes": "其中同名行的代码读不出 {} 户",
    "expected": "应出现 {} 户", "unread": "号码无法辨认、对不上在册主体 {} 行",
    "joined": "已报到、记下同意凭证 {} 人",
    "carried": "随个转企转移 {} 条", "differences": "系统间差异 {} 处", "settled": "差异消除 {} 处",
    "confirmed": "由登记系统确认 {} 户", "appeared": "再次出现 {} 户", "newer": "数据日期更新 {} 户",
    "repaired": "自动修复 {} 格", "skipped": "跳过（合计、重复表头、表尾、示例）{} 行", "left_out": "不导入 {} 行",
}  # fmt: skip


class Command(BaseCommand):
    help = "把一个文件导入系统（与网页导入同一套规则）。--dry-run 只检查不写入。"

    def add_arguments(self, parser):
        parser.add_argument("file")
        parser.add_argument("--target", required=True, help="目标表，如 business")
        parser.add_argument("--user", required=True, help="以谁的权限导入（账号）")
        parser.add_argument("--source", default="", help="数据来源，如 registration、annual_report、survey")
        parser.add_argument(
            "--file-date", type=date.fromisoformat, help="来源系统导出文件的日期，如 2026-11-01；默认今天"
        )
        parser.add_argument(
            "--full", action="store_true", help="全量文件（经营主体）：没有出现的记录列为「本次未出现」"
        )
        parser.add_argument("--all-or-nothing", action="store_true", help="有一行不能写入就整批不写")
        parser.add_argument("--accept-repairs", action="store_true", help="有误的格子有建议值的，按建议值导入")
        parser.add_argument("--dry-run", action="store_true", help="只检查，不写入")
        parser.add_argument("--json", action="store_true", help="输出 JSON")

    def handle(self, *, file, json, **options):
        try:
            self._import(Path(file), json, options)
        except (Refused, Cannot) as refused:
            self._refuse(str(refused), json)

    def _refuse(self, reason: str, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"error": reason}, ensure_ascii=False))
        raise CommandError(reason)

    def _import(self, path: Path, as_json: bool, options: dict) -> None:
        started = time.monotonic()
        kind = target(options["target"])
        by = self._person(options["user"], kind)
        if not path.is_file():
            raise Cannot(f"找不到文件 {path.name}。")
        terms = {"source": options["source"], "file_date": options["file_date"], "is_full": options["full"]}
        batch = services.batch_terms(kind=kind, by=by, **terms)
        batch.file_name, batch.all_or_nothing = path.name[:200], options["all_or_nothing"]
        with transaction.atomic():
            if options["accept_repairs"]:
                self._accept(path, batch)
            if options["dry_run"]:
                outcome = services.judge(source=open_batch(path, batch), batch=batch, write=False)
            else:
                batch.save()
                outcome = services.batch_apply(batch=batch, path=path)
            self._print(outcome, time.monotonic() - started, as_json)
            transaction.set_rollback(options["dry_run"])
        if not options["dry_run"]:
            self.stderr.write(f"批次编号 {batch.pk}")  # beside the answer: a trial and the real thing print the same
            tell_applied(kind.table.name, outcome.units)

    def _accept(self, path: Path, batch: Batch) -> None:
        """Take what is proposed for wrong cells, as a person would in the preview."""
        batch.save()
        judged = services.judge(source=open_batch(path, batch), batch=batch, write=False)
        fixes = [
            RowFix(batch=batch, row=row, column=column, value=value) for row, column, value in judged.errors.suggested()
        ]
        RowFix.objects.bulk_create(fixes, batch_size=2_000, ignore_conflicts=True)

    def _person(self, username: str, kind: Target) -> User:
        by = User.objects.filter(username=username, is_active=True).first()
        if by is None:
            raise Cannot(f"没有账号「{username}」，或已停用。")
        if not by.has_perm(kind.permission):
            raise Cannot(f"账号「{username}」没有导入{kind.table.title}的权限。")
        return by

    def _print(self, outcome: Outcome, seconds: float, as_json: bool) -> None:
        if not as_json:
            if outcome.unused:
                self.stdout.write(f"没有用到的列：{'、'.join(outcome.unused)}")
            said = [name for name in COUNTS if name in ("rows", *PARTS, "dropped") or outcome.counts[name]]
            self.stdout.write("，".join(WORDS[name].format(outcome.counts[name]) for name in said))
            for name, reason in outcome.passed_over:
                self.stdout.write(f"没有读取「{name}」：{reason}")
            if outcome.by_content:
                self.stdout.write(f"按内容识别的列：{'、'.join(outcome.by_content)}")
            for rule, count in sorted(outcome.errors.repairs.rules.items()):
                self.stdout.write(f"{rule}：{count}")
            for number, error in enumerate(outcome.errors.each(outcome.parts)):
                if number == SHOWN:
                    self.stdout.write("……更多请用 --json 查看")
                    break
                part = f"「{error['part']}」" if "part" in error else ""
                meant = f"建议值：{error['suggestion']}" if "suggestion" in error else ""
                self.stdout.write(
                    f"{part}第 {error['row']} 行 {error['column']}「{error['value']}」：{error['reason']}{meant}"
                )
            return
        # Written piece by piece: there may be more errors than memory.
        head: dict[str, Any] = {name: outcome.counts[name] for name in COUNTS} | {"seconds": round(seconds, 3)}
        besides = {
            "rules": dict(outcome.errors.repairs.rules),
            "passed_over": outcome.passed_over,
            "by_content": outcome.by_content,
        }
        head |= {name: told for name, told in besides.items() if told}
        self.stdout.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "errors": [', ending="")
        for number, error in enumerate(outcome.errors.each(outcome.parts)):
            self.stdout.write((", " if number else "") + json.dumps(error, ensure_ascii=False), ending="")
        self.stdout.write("]}")
        sys.stdout.flush()
