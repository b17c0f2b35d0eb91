"""Changing the pair that seals what the public face sends: what each private key is still needed for."""

import base64
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.crypto import write_key
from accounts.sealed_box import fingerprint, fingerprint_of, key_pair
from members.inbox import sealed_to

FILE = "inbox.key"


class Command(BaseCommand):
    help = (
        "收件密钥：不带参数列出在用的几把。换钥步骤：--new 生成一对 → 新私钥加在 INBOX_PRIVATE_KEY 最前面（逗号隔开）并重启工作侧"
        " → 公众侧换上新的 INBOX_PUBLIC_KEY 并重启 → --retire 旧指纹 → 删去旧私钥并重启。"
    )

    def add_arguments(self, parser):
        only = parser.add_mutually_exclusive_group()
        only.add_argument("--new", type=Path, metavar="文件夹", help="生成一对，私钥写入这个文件夹，只有属主能读")
        only.add_argument("--retire", metavar="指纹", help="这把旧私钥能否删去；还有收件用它即退出码 1")

    def handle(self, *args, new, retire, **options):
        if settings.FACE != "staff":
            raise CommandError("只在工作侧（FACE=staff）运行：私钥只在那里。")
        if new:
            self._make(new)
        elif retire:
            self._retire(retire)
        else:
            self._list()

    def _make(self, folder: Path) -> None:
        public, private = key_pair()
        try:
            write_key(folder / FILE, private)
        except FileExistsError as error:
            raise CommandError(f"{folder / FILE} 已经有一把私钥，没有覆盖。请指定另一个文件夹。") from error
        except OSError as error:
            raise CommandError(f"写不进 {folder}：{error.strerror}。没有生成。") from error
        self.stdout.write(
            f"私钥在 {folder / FILE}，指纹 {fingerprint(public).hex()}：加在 INBOX_PRIVATE_KEY 最前面，然后删去这个文件。"
        )
        self.stdout.write(f"公众侧的 INBOX_PUBLIC_KEY：{base64.b64encode(public).decode()}")

    def _list(self) -> None:
        waiting, ours = sealed_to(), [fingerprint_of(one).hex() for one in settings.INBOX_PRIVATE_KEYS]
        for place, name in enumerate(ours):
            self.stdout.write(
                f"{name}{'（现用）' if place == 0 else ''}：还有 {waiting.pop(name, 0)} 件收件要用它打开。"
            )
        for name, count in waiting.items():
            self.stdout.write(f"{name}：不在 INBOX_PRIVATE_KEY 里，有 {count} 件收件打不开，请找回这把私钥。")

    def _retire(self, name: str) -> None:
        ours = [fingerprint_of(one).hex() for one in settings.INBOX_PRIVATE_KEYS]
        if name not in ours:
            raise CommandError(f"INBOX_PRIVATE_KEY 里没有指纹为 {name} 的私钥。")
        if name == ours[0]:
            raise CommandError(f"{name} 是最前面的、正在用的一把：请先把新私钥加在它前面。")
        if count := sealed_to()[name]:
            raise CommandError(
                f"还有 {count} 件收件要用 {name} 打开：等后台取完，或运行 take_inbox --again，再问一次。"
            )
        self.stdout.write(
            f"没有收件再用 {name}，可以从 INBOX_PRIVATE_KEY 删去并重启。请先确认公众侧已经换上新公钥并重启"
            "（用摆渡的，换后再走完一轮）；打开的旧页面没有影响。"
        )
