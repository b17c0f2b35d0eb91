"""Writes down how far and how the audit chain stands, as a signed file to be kept elsewhere."""

from django.core.management.base import BaseCommand, CommandError

from accounts.heads import BadHead, head_export, public_key


class Command(BaseCommand):
    help = "把审计链的链头写成签名文件（每日自动一次），请拷到本系统之外保存；以后用 verify_audit --heads 比对。"

    def handle(self, *args, **options):
        try:
            path = head_export()
        except BadHead as error:
            raise CommandError(f"{error}没有写出新的链头，请先查明原因。") from None
        if path is None:
            self.stdout.write("上次写出链头以来没有新的封存。")
            return
        self.stdout.write(f"链头已写入 {path}\n验签公钥（Ed25519）：{public_key()}")
