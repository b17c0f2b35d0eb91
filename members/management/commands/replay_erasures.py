"""After a backup was put back: erase again whoever was erased since, by the list that lies outside the database."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from members.erasure_list import BadList, erased_read, path
from members.services.retention import erasures_replay


class Command(BaseCommand):
    help = "从备份恢复之后，按抹除清单重新抹除已经抹除过的人（可以重复运行）"

    def add_arguments(self, parser):
        parser.add_argument("--list", type=Path, help="抹除清单文件；默认用 ERASURE_LIST")
        parser.add_argument("--check", action="store_true", help="只数要抹除几条，不动手")

    def handle(self, *args, check, **options):
        file = options["list"] or path()
        try:
            entries = list(erased_read(file))
        except OSError as error:
            raise CommandError(f"打不开抹除清单 {file}：{error.strerror}。请用 --list 指出它在哪里。") from error
        except BadList as error:
            raise CommandError(str(error)) from error
        if check:
            due = sum(entry.row() is not None for entry in entries)
            self.stdout.write(f"清单共 {len(entries)} 条，数据库里还有 {due} 条没有抹除。")
            return
        done = erasures_replay(entries)
        self.stdout.write(f"清单共 {len(entries)} 条，重新抹除 {done} 条，其余已经抹除或备份里没有。")
