"""Pinyin initials of names that were written before there were any, or by an older table of sounds."""

import polars as pl
from django.core.management.base import BaseCommand
from django.db import connection, transaction

from markets.models import Business
from markets.pinyin import initials
from tables.copying import copy_in

STEP = 100_000  # ids looked through in one transaction: an interrupted run is simply started again


class Command(BaseCommand):
    help = "补齐经营主体名称的拼音首字母（分批提交，可随时中断后重来）。"

    def handle(self, *args, **options):
        filled, after = 0, 0
        last = Business.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        while after < last:
            filled += fill(after, after + STEP)
            after += STEP
            if options["verbosity"] > 1:
                self.stdout.write(f"{min(after, last):,} / {last:,}")
        self.stdout.write(f"补齐 {filled:,} 个名称的拼音首字母。")


@transaction.atomic
def fill(after: int, until: int) -> int:
    """Rows with these ids whose initials are not those of their name, put right. How many there were."""
    rows = Business.objects.filter(pk__gt=after, pk__lte=until).values_list("pk", "name", "name_pinyin")
    frame = pl.DataFrame(list(rows), schema={"id": pl.Int64, "name": pl.String, "was": pl.String}, orient="row")
    wrong = frame.with_columns(initials(frame["name"]).alias("now")).filter(pl.col("now") != pl.col("was"))
    if wrong.is_empty():
        return 0
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE pinyin (id bigint, now text) ON COMMIT DROP")
        copy_in("pinyin", wrong.select("id", "now"))
        cursor.execute("UPDATE markets_business b SET name_pinyin = p.now FROM pinyin p WHERE p.id = b.id")
        return cursor.rowcount
