"""Brings the blind index to another key or hash (accounts/rekeying.py)."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from accounts.index_key import fingerprint, index_key_check
from accounts.models import IndexKey
from accounts.rekeying import BATCH, PATIENCE, AlreadyRunning, Busy, move_all


class Command(BaseCommand):
    help = (
        "换盲索引密钥或算法：按身份号码、手机号、党员码查找用的索引改用新的 BLIND_INDEX_KEY 或 BLIND_INDEX_HASH。"
        "系统不必停机，可随时中断，再运行一次即接着做。步骤：BLIND_INDEX_OLD_KEY 填旧值、BLIND_INDEX_KEY 填新值"
        "（换算法：密钥可以不变，BLIND_INDEX_OLD_HASH 填旧算法，DIGEST_HASH 没有单独设置过的填旧算法），"
        "DIGEST_KEY 和 RECEIPT_KEY 没有单独设置过的填旧值，重启全部进程 → 运行本命令（用数据库 owner 的登录）→ "
        "删去 BLIND_INDEX_OLD_KEY、BLIND_INDEX_OLD_HASH 并重启。DIGEST_KEY、DIGEST_HASH 此后一直"
        "保留：恢复码、同意的摘要、收件的摘要只存摘要，换不了密钥和算法。"
    )

    def add_arguments(self, parser):
        parser.add_argument("--batch", type=int, default=BATCH, help=f"每批多少行（默认 {BATCH}）")

    def handle(self, *args, **options):
        if not settings.BLIND_INDEX_OLD_KEY:
            raise CommandError("没有设置 BLIND_INDEX_OLD_KEY（旧密钥），没有做任何事。步骤见 --help。")
        try:
            index_key_check()
        except ImproperlyConfigured as error:  # another key before than the true one: nothing would be moved
            raise CommandError(f"没有做任何事：{error}") from None
        try:
            moved, left = move_all(self._heard, batch=max(options["batch"], 1))
        except AlreadyRunning:
            raise CommandError("另一个换索引密钥的命令正在运行，没有做任何事。") from None
        except Busy:
            raise CommandError(
                f"有人正在写入人员，等了 {PATIENCE} 秒还没有完，多半是大批导入。已改的不用重来：等它做完再运行一次，接着做。"
            ) from None
        audit.record("accounts.keys.rekey", by=None, detail={"moved": moved, "left": left}, succeeded=not left)
        if left:
            raise CommandError(
                f"已改 {moved:,} 处，还有 {left:,} 处没有改：密文打不开，或同一身份号码已另有一条记录。请先处理，再运行一次；"
                "在此之前不要删去 BLIND_INDEX_OLD_KEY。"
            )
        IndexKey.objects.update_or_create(pk=1, defaults={"fingerprint": fingerprint()})
        self.stdout.write(
            f"已改 {moved:,} 处，没有剩余。请删去 BLIND_INDEX_OLD_KEY、BLIND_INDEX_OLD_HASH 并重启全部进程；"
            "DIGEST_KEY、DIGEST_HASH、RECEIPT_KEY 保留。"
        )

    def _heard(self, label: str, looked: int, total: int) -> None:
        self.stdout.write(f"{label}：{looked:,} / {total:,}")
        self.stdout.flush()
