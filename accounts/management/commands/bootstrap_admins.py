"""The three administrators of a new installation."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.services import AccountError, administrators_create


class Command(BaseCommand):
    help = "开通系统、安全、审计三个管理员账号，密码随机，只显示这一次；已有管理员时拒绝。"

    def handle(self, *args, **options):
        try:
            made = administrators_create()
        except AccountError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(
            "已开通三个管理员账号。密码只显示这一次，请分别交给三个人；"
            f"本人要在 {settings.TEMPORARY_CREDENTIAL_DAYS} 天内登录并换成自己的，过期须重置（manage.py reset_password）："
        )
        for user, password in made:
            self.stdout.write(f"{user.get_duty_display()}\t{user.username}\t{password}")
