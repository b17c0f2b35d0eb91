"""After a backup was put back: take back and erase again what was since, by the list that lies outside the database."""

from collections import Counter
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from members.erasure_list import ERASE, WITHDRAW, BadList, erased_read, path
from members.services.retention import erasures_replay


class Command(BaseCommand):
    help = "从备份恢复之后，按抹除清单重新办理已经撤回的、重新抹除已经抹除的（可以重复运行）"

    def add_arguments(self, parser):
        parser.add_argument("--list", type=Path, help="抹除清单文件；默认用 ERASURE_LIST")
        parser.add_argument("--check", action="store_true", help="只数要重新办理几条，不动手")

    def handle(self, *args, check, **options):
        file = options["list"] or path()
        try:
            entries = list(erased_read(file))
        except OSError as error:
            raise CommandError(
                f"打不开抹除清单 {file}：{error.strerror}。请用 --list 指出它在哪里；"
                "从来没有抹除和撤回过的系统没有清单，跳过这一步。"
            ) from error
        except BadList as error:
            raise CommandError(str(error)) from error
        if check:
            due = Counter(entry.act for entry in entries if entry.row() is not None)
            told = f"数据库里还有 {due[ERASE]} 条没有抹除、{due[WITHDRAW]} 条没有撤回。"
            self.stdout.write(f"清单共 {len(entries)} 条，{told}")
            return
        taken_back, erased = erasures_replay(entries)
        told = f"重新撤回 {taken_back} 条、重新抹除 {erased} 条，其余已经办过或备份里没有。"
        self.stdout.write(f"清单共 {len(entries)} 条，{told}")
