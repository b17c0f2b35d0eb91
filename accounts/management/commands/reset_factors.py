"""The way back for the only security administrator who lost phone and recovery codes."""

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from accounts.services import factors_reset


class Command(BaseCommand):
    help = "清除一个账号的第二因素（手机和恢复码都丢失、又没有别的安全管理员时用）；本人下次登录时重新登记。"

    def add_arguments(self, parser):
        parser.add_argument("username", help="账号")
        parser.add_argument("--reason", required=True, help="原因；本人下次登录会看到，审计里也有")

    def handle(self, *args, **options):
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError("没有这个账号。")
        factors_reset(user=user, reason=options["reason"], by=None)
        self.stdout.write("已清除。请本人尽快登录并重新登记。")
