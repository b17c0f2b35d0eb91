"""The way back where no security administrator can give a password: all of theirs are lost or over."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from accounts.services import AccountError, password_give


class Command(BaseCommand):
    help = "给一个账号新的临时密码，只显示这一次（没有安全管理员能登录时用；平时由安全管理员在账号页重置）。"

    def add_arguments(self, parser):
        parser.add_argument("username", help="账号")
        parser.add_argument("--reason", required=True, help="原因，记入审计")

    def handle(self, *args, **options):
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise CommandError("没有这个账号，或账号已停用。")
        try:
            password = password_give(user=user, reason=options["reason"])
        except AccountError as error:
            raise CommandError(str(error)) from None
        days = settings.TEMPORARY_CREDENTIAL_DAYS
        self.stdout.write(f"新的临时密码（只显示这一次，{days} 天内有效，本人登录后必须换成自己的）：{password}")
