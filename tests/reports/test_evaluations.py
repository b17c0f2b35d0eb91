"""Evaluation sheets: how points, totals and places come about; who composes, releases, reads; what stays."""

from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from accounts.models import AuditEvent
from reports import evaluation_services as services
from reports import evaluation_sheets as sheets
from reports import metrics
from reports.digests import digest_of
from reports.models import Evaluation, MonthClosing, Snapshot
from tests import factories as make
from tests.at_once import at_once
from tests.reports.making_sheets import TODAY, by_name, draft, line, numbers, release

pytestmark = pytest.mark.django_db


# --- points -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "got"), [("0.2", "0"), ("0.1", "0"), ("0.5", "50"), ("0.8", "100"), ("0.95", "100"), ("0.3333", "22.22")]
)
def test_points_run_straight_from_the_floor_to_the_full_mark(value, got):
    assert sheets.points(line(), D(value)) == D(got)


@pytest.mark.parametrize(("value", "got"), [(20, "0"), (35, "0"), (10, "50"), (0, "100"), (5, "75")])
def test_fewer_gaps_give_more_points(value, got):
    assert sheets.points(line("due_not_built", floor="20", full="0"), D(value)) == D(got)


def test_a_sheet_worked_out_by_hand(town, people):
    city = town.city
    numbers(city.nanshan, operating=1000, work_covered=500, due_not_built=5, markets=4, markets_covered=3)
    numbers(city.futian, operating=1000, work_covered=900, due_not_built=25, markets=10, markets_covered=10)
    sheet = sheets.sheet_of(draft(town, people))
    first, second = sheet["units"]
    assert [unit["name"] for unit in sheet["units"]] == [str(city.futian), str(city.nanshan)]
    assert [score["points"] for score in first["scores"]] == ["60.00", "0.00", "10.00"]
    assert [score["points"] for score in second["scores"]] == ["30.00", "22.50", "7.50"]
    assert (first["total"], first["place"], second["total"], second["place"]) == ("70.00", 1, "60.00", 2)
    assert second["scores"][0] == {
        "state": "scored", "value": "0.5000", "numerator": 500, "denominator": 1000, "points": "30.00",
        "formula": "（50.0% − 20.0%）÷（80.0% − 20.0%）× 60 = 30 分",
    }  # fmt: skip
    assert second["scores"][1]["formula"] == "（20 − 5）÷（20 − 0）× 30 = 22.5 分"
    assert "达到满分线" in first["scores"][0]["formula"] and "没有越过零分线" in first["scores"][1]["formula"]


def test_ties_share_a_place(town, people):
    for unit in (town.city.nanshan, town.city.futian):
        numbers(unit, operating=100, work_covered=50)
    sheet = sheets.sheet_of(draft(town, people, [("work_coverage", "100", "0", "1")]))
    assert [(unit["total"], unit["place"]) for unit in sheet["units"]] == [("50.00", 1), ("50.00", 1)]
    placed = sheets._placed([{"total": total, "place": None} for total in ("80.00", None, "90.00", "90.00", "70.00")])
    assert [unit["place"] for unit in placed] == [1, 1, 3, 4, None]


def test_nothing_to_divide_by_is_left_out_and_a_missing_number_gives_no_place(town, people):
    numbers(town.city.nanshan, operating=100, work_covered=50, due_not_built=10, markets=0, markets_covered=0)
    numbers(town.city.futian, operating=100, work_covered=80, markets=2, markets_covered=2)  # due_not_built is missing
    found = by_name(sheets.sheet_of(draft(town, people)))
    nanshan, futian = found[str(town.city.nanshan)], found[str(town.city.futian)]
    assert nanshan["scores"][2]["state"] == "absent" and nanshan["total"] == "50.00"  # 30 + 15 of 90
    assert "÷ 90 ×" in nanshan["why"] and nanshan["place"] == 1
    assert (futian["total"], futian["place"]) == (None, None) and "应建未建没有数字" in futian["why"]


def test_values_are_those_of_the_dashboard(town, people):
    sheet = sheets.sheet_of(draft(town, people))
    for unit in sheet["units"]:
        row = Snapshot.objects.get(organization=unit["id"], as_of=TODAY, breakdown="", key="")
        for described, score in zip(sheet["lines"], unit["scores"], strict=True):
            value = metrics.value(row.counts, *metrics.parse_key(described["metric"]))
            assert score["value"] == (None if value is None else str(value))


def test_a_closed_month_gives_the_numbers_of_its_closing(town, people):
    month = (TODAY.replace(day=1) - timedelta(days=1)).replace(day=1)
    counts = {"operating": 100, "work_covered": 80}
    MonthClosing.objects.create(
        month=month, as_of=month + timedelta(days=20), digest="0" * 64,
        numbers={"organizations": {town.city.nanshan.code: counts}, "divisions": {}},
    )  # fmt: skip
    sheet = sheets.sheet_of(draft(town, people, [("work_coverage", "100", "0", "1")], month=month))
    assert (sheet["month"], sheet["revision"], sheet["as_of"]) == (f"{month:%Y-%m}", 1, f"{month:%Y-%m}-21")
    assert [(unit["name"], unit["total"]) for unit in sheet["units"]] == [(str(town.city.nanshan), "80.00")]
    with pytest.raises(sheets.NoNumbers, match="还没有关账"):
        sheets.sheet_of(draft(town, people, month=TODAY.replace(day=1), title="本月"))


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "至少填一个"),
        ([("work_coverage", "60", "0.2", "0.8")], "合计是 60%"),
        ([("work_coverage", "60", "0.2", "0.8"), ("work_coverage", "40", "0", "1")], "填了两次"),
        ([("members_distinct", "100", "0", "10")], "涉及党员"),
        ([("organization_coverage@with_members", "100", "0", "1")], "有党员"),
        ([("registrations_verified", "100", "0", "10")], "涉及党员"),
        ([("check_ins_30d", "100", "0", "10")], "涉及党员"),
        ([("work_coverage", "100", "0.8", "0.2")], "越高越好"),
        ([("due_not_built", "100", "0", "20")], "越低越好"),
        ([("work_coverage", "100", "0", "1.5")], "100%"),
        ([("work_coverage", "100", "0.5", "0.5")], "越高越好"),
        ([("work_coverage", "150", "0", "1"), ("due_built_rate", "-50", "0", "1")], "合计|权重|大于"),
    ],
)
def test_what_makes_no_sheet_is_told(town, people, lines, said):
    with pytest.raises(ValidationError, match=said):
        draft(town, people, lines)
    assert not Evaluation.objects.exists()


def test_only_city_and_district_compare_and_only_at_home(town, people):
    officer_unit = make.make_user("registrar", town.city.yuehai)
    with pytest.raises(ValidationError, match="市级或区级"):
        services.evaluation_save(
            evaluation=Evaluation(organization=town.city.yuehai, title="x", as_of=TODAY), lines=[line()],
            by=officer_unit,
        )  # fmt: skip
    for unit, by in ((town.city.city, people["district_registrar"]), (town.city.nanshan, people["composer"])):
        with pytest.raises(PermissionDenied):
            services.evaluation_save(
                evaluation=Evaluation(organization=unit, title="x", as_of=TODAY), lines=[line()], by=by
            )
    with pytest.raises(PermissionDenied):
        services.evaluation_save(
            evaluation=Evaluation(organization=town.city.city, title="x", as_of=TODAY), lines=[line()],
            by=people["releaser"],
        )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_a_sheet_composed_twice_at_once_is_one_and_the_other_is_told():
    city = make.make_city()
    by = make.make_user("registrar", city.city)

    def compose():
        row = Evaluation(organization=city.city, title="亮晒比", as_of=TODAY)
        return services.evaluation_save(evaluation=row, lines=[line(weight=100)], by=by)

    said = at_once(*[compose] * 4)
    assert sorted(type(one).__name__ for one in said) == ["Evaluation", *["ValidationError"] * 3]


def test_who_composes_does_not_release(town, people):
    evaluation = draft(town, people)
    seen = digest_of(sheets.sheet_of(evaluation))
    for name in ("composer", "nanshan", "district_registrar"):
        with pytest.raises(PermissionDenied):
            services.evaluation_release(evaluation=evaluation, by=people[name], seen=seen)


def test_what_changed_since_it_was_looked_at_is_not_released(town, people):
    evaluation = draft(town, people)
    seen = digest_of(sheets.sheet_of(evaluation))
    numbers(town.city.nanshan, operating=3, work_covered=3)
    with pytest.raises(services.EvaluationRefused, match="有变动"):
        services.evaluation_release(evaluation=evaluation, by=people["releaser"], seen=seen)


# --- what was released stays ------------------------------------------------------------------------------------------


def test_a_released_sheet_does_not_change_with_the_numbers(town, people):
    kept = release(draft(town, people), people)
    before = kept.sheet
    numbers(town.city.nanshan, operating=3, work_covered=3)
    kept.refresh_from_db()
    assert kept.sheet == before and digest_of(kept.sheet) == kept.digest
    assert kept.sheet["released_by"] == str(people["releaser"])


def test_a_released_sheet_is_not_edited_and_not_released_twice(town, people):
    evaluation = draft(town, people)
    release(evaluation, people)
    with pytest.raises(services.EvaluationRefused, match="已经发布"):
        services.evaluation_save(evaluation=evaluation, lines=[line()], by=people["composer"])
    with pytest.raises(services.EvaluationRefused, match="已经发布"):
        release(evaluation, people)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE reports_evaluationrelease SET digest = 'x'", "DELETE FROM reports_evaluationrelease",
        "UPDATE reports_evaluation SET title = 'x'", "DELETE FROM reports_evaluationline",
        "UPDATE reports_evaluationline SET weight = 1", "UPDATE reports_evaluationwithdrawal SET reason = 'x'",
        "INSERT INTO reports_evaluationline (evaluation_id, position, metric, weight, floor, full)"
        " SELECT id, 9, 'own_establishment', 1, 0, 1 FROM reports_evaluation",
    ],
)  # fmt: skip
def test_the_database_keeps_what_was_released(town, people, statement):
    evaluation = draft(town, people)
    release(evaluation, people)
    services.evaluation_withdraw(evaluation=evaluation, by=people["releaser"], reason="有误")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.replace("full)", '"full")'))


def test_withdrawing_needs_a_reason_and_happens_once(town, people, sign_in):
    evaluation = draft(town, people)
    with pytest.raises(services.EvaluationRefused, match="还没有发布"):
        services.evaluation_withdraw(evaluation=evaluation, by=people["releaser"], reason="x")
    release(evaluation, people)
    with pytest.raises(services.EvaluationRefused, match="原因"):
        services.evaluation_withdraw(evaluation=evaluation, by=people["releaser"], reason=" ")
    with pytest.raises(PermissionDenied):
        services.evaluation_withdraw(evaluation=evaluation, by=people["nanshan"], reason="不服")
    services.evaluation_withdraw(evaluation=evaluation, by=people["releaser"], reason="权重有误")
    with pytest.raises(services.EvaluationRefused, match="撤回过"):
        services.evaluation_withdraw(evaluation=evaluation, by=people["releaser"], reason="x")
    page = sign_in("nanshan").get(reverse("reports:evaluation", args=[evaluation.pk])).content.decode()
    assert "已撤回" in page and "权重有误" in page and "工作覆盖率" in page


def test_acts_are_audited(town, people):
    evaluation = draft(town, people)
    kept = release(evaluation, people)
    services.evaluation_withdraw(evaluation=evaluation, by=people["releaser"], reason="x")
    acts = AuditEvent.objects.filter(act__startswith="reports.evaluation").order_by("pk")
    assert [event.act.rpartition(".")[2] for event in acts] == ["create", "release", "withdraw"]
    assert acts[1].detail["digest"] == kept.digest and acts[1].actor == people["releaser"]
