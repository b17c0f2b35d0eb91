"""定期反馈 as a file, for a department whose network has no link to ours."""

from datetime import datetime, timedelta
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from members.intake import feedback
from members.models import IntakeClient


class Command(BaseCommand):
    help = "定期反馈：某个系统在某月状态有变化的登记事项（已接收、已办结），csv 文件"

    def add_arguments(self, parser):
        parser.add_argument("--client", required=True, help="密钥编号，如 IKABC…")
        parser.add_argument("--month", required=True, help="月份，如 2026-11")
        parser.add_argument("--counts", action="store_true", help="只要当月件数")
        parser.add_argument("--output", help="写入这个文件；不填则输出到屏幕")

    def handle(self, *args, client, month, counts, output, **options):
        sender = IntakeClient.objects.filter(key_id=client).first()
        if sender is None:
            raise CommandError(f"没有编号为 {client} 的采集接口密钥。请在管理后台“采集接口密钥”里核对。")
        try:
            first = datetime.strptime(month, "%Y-%m").date()
        except ValueError as error:
            raise CommandError(f"月份“{month}”不对，请写成 2026-11。") from error
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        since, until = feedback.days_bounds(first, last)
        content = feedback.MONTHS if counts else feedback.EVENTS
        pieces = feedback.take_file(sender, content=content, format="csv", since=since, until=until)
        if output:
            with Path(output).open("wb") as file:
                file.writelines(pieces)
        else:
            self.stdout.write(b"".join(pieces).decode("utf-8-sig"), ending="")
