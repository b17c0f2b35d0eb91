"""manage.py seed_demo: the invented city, the same for the same seed."""

import datetime as dt
import json
import os
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from demo.city import DemoExists, build_city


class Command(BaseCommand):
    help = "建立示范城市（全部为虚构数据）。相同的种子得到相同的城市；已有组织时拒绝。"

    def add_arguments(self, parser):
        parser.add_argument("--businesses", type=int, default=20_000, help="经营主体数")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--today", type=dt.date.fromisoformat, help="以哪一天为今天（默认：今天）")
        parser.add_argument("--accounts-file", type=Path, help="把示范账号和公开页面地址写到这个文件（仅本人可读）")

    def handle(self, *, businesses, seed, today, accounts_file, **options):
        try:
            with transaction.atomic():
                summary = build_city(businesses=businesses, seed=seed, today=today, say=self.stderr.write)
                if accounts_file:
                    write_private(accounts_file, summary)  # before the commit: a city without its passwords is lost
        except DemoExists as error:
            if accounts_file and accounts_file.exists():
                self.stderr.write("示范城市已经建好，沿用。")  # killed after the commit, before the launcher took note
                return
            raise CommandError(str(error)) from error
        if not accounts_file:
            self.stdout.write(json.dumps(summary, ensure_ascii=False, indent=1))


def write_private(path: Path, content: dict) -> None:
    """Passwords are in it: readable by its owner only, from the first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, ensure_ascii=False, indent=1)
