"""Takes signed files of the other side, in the order of their numbers, each whole or not at all (members/ferry)."""

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from members import ferry


class Command(BaseCommand):
    help = "取另一侧的摆渡文件：逐份核对签名、编号，每份要么全部写入，要么什么都不写"

    def add_arguments(self, parser):
        parser.add_argument("files", nargs="+", type=Path, help="一份或多份，按编号先后取")
        parser.add_argument("--lost", type=int, action="append", default=[], help="确认遗失的编号；缺几份写几次")

    def handle(self, *args, files, lost, **options):
        if not settings.IS_FERRIED:
            raise CommandError("没有设置 FACE 和 FERRY_TRUSTED（对方的公钥），不能取文件。")
        for path in sorted(files, key=lambda path: path.name):
            try:
                taken = ferry.ferry_in(path, lost=lost)
            except ferry.FerryRefused as refusal:
                raise CommandError(f"{path.name}：{refusal}") from refusal
            except OSError as error:
                raise CommandError(f"打不开 {path}：{error.strerror}。没有写入，请核对路径和权限后再运行。") from error
            lost = []
            number, rows = taken.header.number, sum(taken.header.counts.values())
            if taken.is_repeated:
                self.stdout.write(f"{path.name}：第 {number} 号已经取过，没有再写入。")
            else:
                self.stdout.write(f"{path.name}：第 {number} 号已取，{rows} 行。")
