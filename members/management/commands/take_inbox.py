"""What the worker does every second, by hand: after the worker stood still, or after a key was put right."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from members.inbox import take_all
from members.models import Submission


class Command(BaseCommand):
    help = "取公众侧送来的收件（平时由后台进程每秒自动取）"

    def add_arguments(self, parser):
        parser.add_argument(
            "--again", action="store_true", help="把以前打不开的也再取一次，例如更正了 INBOX_PRIVATE_KEY 之后"
        )

    def handle(self, *args, again, **options):
        if settings.FACE != "staff":
            raise CommandError("只有工作侧（FACE=staff）取收件；没有分开公众侧时不需要。")
        taken = take_all(again=again)
        broken = Submission.objects.filter(outcome=Submission.Outcome.BROKEN).count()
        waiting = Submission.objects.filter(taken_at__isnull=True).count()
        self.stdout.write(f"取了 {taken} 件；打不开的 {broken} 件，还在等的 {waiting} 件。")
