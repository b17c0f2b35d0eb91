"""A pair of keys for the files that this side makes (members/ferry)."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from members.ferry.keys import BadKey, make_pair


class Command(BaseCommand):
    help = "生成摆渡文件的签名密钥：私钥只留在生成文件的这一侧，公钥交给另一侧"

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, help="放密钥的文件夹；里面已有私钥时不覆盖")

    def handle(self, *args, folder, **options):
        try:
            path, public = make_pair(folder)
        except (BadKey, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"私钥在 {path}（只有属主能读，不要拷到另一侧），把 FERRY_KEY_FILE 指向它。")
        self.stdout.write(f"公钥，填进另一侧的 FERRY_TRUSTED：{public}")
