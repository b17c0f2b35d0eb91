"""Makes, or brings up to date, the database of a public side that no line joins to the staff side."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, transaction

from members.ferry.database import make_database


class Command(BaseCommand):
    help = "在公众侧自己的数据库里建表、授权（用库的所有者登录；升级后再运行一次）"

    def handle(self, *args, **options):
        if not settings.IS_PUBLIC_FACE:
            raise CommandError("只在公众侧（FACE=public）运行：工作侧的数据库由 migrate 建立。")
        try:
            with transaction.atomic():
                tables = make_database()
        except DatabaseError as error:
            raise CommandError(
                f"没有建成，什么都没有改：{str(error).strip()}。请用库的所有者登录，"
                f"并先建好角色 {settings.DATABASE_PUBLIC_ROLE} 和 {settings.DATABASE_FERRY_ROLE}。"
            ) from error
        self.stdout.write(f"公众侧的数据库已就绪：{tables} 张表，没有一张存放个人信息的明文。")
