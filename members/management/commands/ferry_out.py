"""The next signed file of this side, for whoever carries it to the other one (members/ferry)."""

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from members import ferry
from members.ferry.keys import BadKey, read_private


class Command(BaseCommand):
    help = "生成一份摆渡文件：公众侧送收件，工作侧送答复、公开的表和收到的编号"

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, help="写入这个文件夹；每次用同一个，中断过的会接着做完")
        parser.add_argument(
            "--whole", action="store_true", help="工作侧：把全部答复再送一遍，给重新建库或恢复过的公众侧"
        )

    def handle(self, *args, folder, whole, **options):
        if not settings.FACE:
            raise CommandError("没有分开公众侧和工作侧（FACE 为空），不需要摆渡。")
        if whole and settings.IS_PUBLIC_FACE:
            raise CommandError("--whole 只用于工作侧：公众侧的文件本来就带着全部没送到的收件。")
        if not settings.FERRY_KEY_FILE:
            raise CommandError("没有设置 FERRY_KEY_FILE（签名私钥的文件），不能生成：用 ferry_keys 生成一对。")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            made = ferry.ferry_out(folder, read_private(Path(settings.FERRY_KEY_FILE)), whole=whole)
        except BadKey as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(
                f"写不进 {folder}：{error.strerror}。没有生成，腾出空间或换一个文件夹后再运行。"
            ) from error
        for path in made:
            self.stdout.write(str(path))
