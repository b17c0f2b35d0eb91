"""定期反馈 as a file, for a department whose network has no link to ours."""

from datetime import datetime
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
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
        feedback.settle(sender)
        text = (feedback.months_as_csv if counts else feedback.as_csv)(sender, first)
        audit.record("members.intake.feedback", by=None, detail={"client": sender.pk, "month": month, "as": "file"})
        if output:
            Path(output).write_text("\ufeff" + text, encoding="utf-8", newline="")
        else:
            self.stdout.write(text, ending="")
