import json
from datetime import date
from pathlib import Path

from django.core.management.base import BaseCommand
from django.db import transaction

from accounts import audit
from reports.models import ReportedFigure

FILE = Path(__file__).resolve().parents[2] / "data" / "reported_figures.json"


class Command(BaseCommand):
    help = "载入各地公布的数据（只作对照，不参与计算）；重复运行不会重复。"

    @transaction.atomic
    def handle(self, *args, **options):
        seen = 0
        published = json.loads(FILE.read_text(encoding="utf-8"))
        for figure in published["figures"]:
            for name, value in figure["values"].items():
                ReportedFigure.objects.update_or_create(
                    place=figure["place"],
                    name=published["names"][name],
                    as_of=date.fromisoformat(figure["as_of"]),
                    defaults={
                        "value": value,
                        "is_approximate": name in figure.get("approx", []),
                        "source": figure["source"],
                        "metric": published["metrics"].get(name, ""),
                    },
                )
                seen += 1
        audit.record("reports.reported_figure.load", by=None, detail={"rows": seen})
        self.stdout.write(f"各地公布的数据 {seen} 项。")
