"""Turns the key ring, and says which keys are still needed."""

from collections import Counter

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from accounts.index_key import index_key_check
from accounts.rotation import BATCH, AlreadyRunning, is_present, keys_in_use, turn_all


class Command(BaseCommand):
    help = (
        "换钥：把全部密文改用 FIELD_KEYS 的第一把密钥和 FIELD_CIPHER 的算法。可随时中断，再运行一次即接着做；"
        "系统不必停机。步骤：新密钥加在最前面并重启全部进程 → 运行本命令 → --retire 旧编号 → 删去旧密钥并重启。"
    )

    def add_arguments(self, parser):
        parser.add_argument("--batch", type=int, default=BATCH, help=f"每批多少处（默认 {BATCH}）")
        only = parser.add_mutually_exclusive_group()
        only.add_argument(
            "--check",
            action="store_true",
            help="只核对：用到的密钥都在密钥环里、盲索引密钥与数据库一致；不符即退出码 1",
        )
        only.add_argument("--retire", metavar="编号", help="这把旧密钥能否删去；还有密文用它即退出码 1")

    def handle(self, *args, **options):
        if options["check"]:
            return self._check()
        if options["retire"]:
            return self._retire(options["retire"])
        try:
            turned = turn_all(self._heard, batch=max(options["batch"], 1))
        except AlreadyRunning:
            raise CommandError("另一个换钥命令正在运行，没有做任何事。") from None
        left = {label: self._left(keys) for label, keys in keys_in_use().items()}
        remaining = sum(sum(keys.values()) for keys in left.values())
        audit.record("accounts.keys.rotate", by=None, detail={"turned": turned, "left": remaining})
        self.stdout.write(f"已换 {turned:,} 处密文，剩余 {remaining:,} 处。")
        if remaining:
            lines = [f"- {label}：{name} {count:,} 处" for label, keys in left.items() for name, count in keys.items()]
            raise CommandError(
                "以下密文打不开或正在被改写，请再运行一次；仍然剩余的，请找回其密钥：\n" + "\n".join(lines)
            )
        return None

    def _heard(self, label: str, done: int, waiting: int, whole: tuple[int, int]) -> None:
        """`whole`: (done, waiting) of all places together."""
        share = f"{100 * whole[0] // whole[1]}%" if whole[1] else "100%"
        self.stdout.write(f"{label}：{done:,} / {waiting:,}；全部 {whole[0]:,} / {whole[1]:,}（{share}）")
        self.stdout.flush()

    def _left(self, keys: Counter[str]) -> Counter[str]:
        return Counter({name: count for name, count in keys.items() if not is_present(name)})

    def _used(self) -> Counter[str]:
        """Ciphertexts by key id, whatever their cipher."""
        used: Counter[str] = Counter()
        for keys in keys_in_use().values():
            for name, count in keys.items():
                used[name.rsplit(" ", 1)[0]] += count
        return used

    def _check(self) -> None:
        missing = {key_id: count for key_id, count in self._used().items() if key_id not in settings.FIELD_KEYS}
        if missing:
            told = "、".join(f"{key_id}（{count:,} 处）" for key_id, count in sorted(missing.items()))
            raise CommandError(f"密钥环缺少仍在使用的密钥：{told}。请在 FIELD_KEYS 里补回，再运行 rotate_keys。")
        try:
            index_key_check()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        self.stdout.write("用到的密钥都在密钥环里，查找索引的密钥与数据库一致。")

    def _retire(self, key_id: str) -> None:
        if key_id == next(iter(settings.FIELD_KEYS)):
            raise CommandError(f"{key_id} 是正在用于加密的密钥，不能删去。请先在它前面加一把新密钥并重启全部进程。")
        if count := self._used()[key_id]:
            raise CommandError(f"还有 {count:,} 处密文用密钥 {key_id}，不能删去。请先运行 manage.py rotate_keys。")
        self.stdout.write(
            f"没有密文用密钥 {key_id}：可以从 FIELD_KEYS 里删去并重启全部进程。备份恢复时仍需要它，请另行妥善保存。"
        )
