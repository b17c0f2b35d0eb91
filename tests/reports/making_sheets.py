"""Evaluation sheets for the tests of evaluations."""

from decimal import Decimal as D

from django.utils import timezone

from reports import evaluation_services as services
from reports import evaluation_sheets as sheets
from reports.digests import digest_of
from reports.models import Evaluation, EvaluationLine, EvaluationRelease, Snapshot

TODAY = timezone.localdate()
LINES = (("work_coverage", "60", "0.2", "0.8"), ("due_not_built", "30", "20", "0"), ("market_coverage", "10", "0", "1"))


def line(metric="work_coverage", weight="100", floor="0.2", full="0.8") -> EvaluationLine:
    return EvaluationLine(metric=metric, weight=D(weight), floor=D(floor), full=D(full))


def draft(town, people, lines=LINES, **more) -> Evaluation:
    columns = {"title": "2026年工作评价", "as_of": TODAY, **more}
    if columns.get("month"):
        columns["as_of"] = None
    evaluation = Evaluation(organization=town.city.city, **columns)
    return services.evaluation_save(evaluation=evaluation, lines=[line(*each) for each in lines], by=people["composer"])


def release(evaluation, people) -> EvaluationRelease:
    seen = digest_of(sheets.sheet_of(evaluation))
    return services.evaluation_release(evaluation=evaluation, by=people["releaser"], seen=seen)


def numbers(unit, day=TODAY, **counts):
    Snapshot.objects.update_or_create(organization=unit, as_of=day, breakdown="", key="", defaults={"counts": counts})


def by_name(sheet) -> dict:
    return {unit["name"]: unit for unit in sheet["units"]}
