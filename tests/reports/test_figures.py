"""公布数据: entered with source and day by the city alone, imported, and shown beside our own without touching it."""

from decimal import Decimal as D

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent
from reports import figures, metrics, selectors
from reports.models import ReportedFigure
from tables import cells
from tests import factories as make
from tests.markets import files

pytestmark = pytest.mark.django_db
GOOD = {
    "place": "南昌市",
    "name": "专业市场",
    "value": D(77),
    "as_of": "2024-03-15",
    "source": "江西日报",
    "metric": "markets",
}


def figure(**more) -> ReportedFigure:
    return ReportedFigure(**GOOD | more)


def test_the_citys_registrars_keep_them_and_nobody_else(town):
    registrar = town.people["registrar"]
    figures.figure_save(figure=figure(), by=registrar)
    for by in (make.make_user("registrar", town.city.nanshan), town.people["city_leader"], town.people["officer"]):
        with pytest.raises(PermissionDenied):
            figures.figure_save(figure=figure(place="别处"), by=by)
    row = ReportedFigure.objects.get()
    row.value = D(78)
    figures.figure_save(figure=row, by=registrar)
    event = AuditEvent.objects.get(act="reports.reported_figure.edit")
    assert (event.detail["was"]["value"], event.detail["now"]["value"]) == ("77.00", "78")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"source": ""}, "source"), ({"place": ""}, "place"), ({"as_of": "2999-01-01"}, "晚于今天"),
     ({"metric": "members_distinct"}, "涉及党员"), ({"metric": "nothing"}, "没有这个指标"),
     ({"value": D("1e20")}, "value"), ({"metric": "market_coverage"}, "没有这个指标")],
)  # fmt: skip
def test_what_has_no_source_or_day_is_refused(town, wrong, said):
    row = figure(**wrong)
    with pytest.raises(ValidationError) as refusal:
        row.as_of = ReportedFigure._meta.get_field("as_of").to_python(row.as_of)
        figures.figure_save(figure=row, by=town.people["registrar"])
    assert said in str(refusal.value) or said in refusal.value.message_dict


def test_no_number_of_persons_stands_beside_others():
    assert [code for code in figures.CODES.values() if metrics.METRICS[code].person] == []
    assert len(set(figures.CODES.values())) == len([m for m in metrics.METRICS.values() if figures.comparable(m.code)])


def test_own_number_and_theirs_side_by_side(town, sign_in):
    ReportedFigure.objects.create(**GOOD | {"is_approximate": True, "unit": "个"})
    ReportedFigure.objects.create(**GOOD | {"place": "温州市", "metric": "", "name": "联盟"})
    page = sign_in("city_leader").get(reverse("reports:reported"))
    (line,) = page.context["side_by_side"]
    own = selectors.latest(town.city.city).value("markets")
    assert (line["metric"].code, line["own"], [str(one) for one in line["figures"]]) == (
        "markets", f"{own:,}", ["南昌市 专业市场"],
    )  # fmt: skip
    text = page.content.decode()
    assert "公布数据（非本系统计算）" in text and "约 77 个" in text and "江西日报" in text and "联盟" in text


def test_published_figures_change_no_number_of_ours(town):
    before = selectors.latest(town.city.city).counts
    ReportedFigure.objects.create(**GOOD)
    from tests.reports.helpers import refresh

    refresh()
    assert selectors.latest(town.city.city).counts == before


def test_each_reader_gets_their_own_units_number(town, sign_in):
    ReportedFigure.objects.create(**GOOD)
    for name, unit in (("district_leader", town.city.nanshan), ("division_leader", town.city.divisions["nanshan"])):
        page = sign_in(name).get(reverse("reports:reported"))
        assert page.context["unit"] == unit
        assert page.context["side_by_side"][0]["own"] == f"{selectors.latest(unit).value('markets'):,}"


def test_only_who_keeps_them_is_offered_to(town, sign_in):
    add = reverse("admin:reports_reportedfigure_add")
    assert add in sign_in("registrar").get(reverse("reports:reported")).content.decode()
    assert add not in sign_in("city_leader").get(reverse("reports:reported")).content.decode()
    assert sign_in("secretary").get(reverse("reports:reported")).status_code == 403


def test_entered_and_corrected_in_the_admin(town, sign_in):
    client, add = sign_in("registrar"), reverse("admin:reports_reportedfigure_add")
    assert client.post(add, GOOD | {"source": ""}).status_code == 200 and not ReportedFigure.objects.exists()
    assert client.post(add, GOOD).status_code == 302
    row = ReportedFigure.objects.get()
    again = client.post(add, GOOD | {"value": 5})
    assert again.status_code == 200 and "已有一条" in again.content.decode()
    change = reverse("admin:reports_reportedfigure_change", args=[row.pk])
    client.post(change, GOOD | {"value": "80.5", "is_approximate": "on"})
    row.refresh_from_db()
    assert (row.text, row.metric) == ("约 80.5", "markets")
    assert AuditEvent.objects.filter(act__startswith="reports.reported_figure").count() == 2


@pytest.mark.parametrize(
    ("text", "value"),
    [("459", "459"), ("1,234.5", "1234.5"), ("３．２万", "32000"), ("1.5 亿", "150000000"), ("-3", "-3")],
)
def test_numbers_as_papers_write_them(text, value):
    assert figures.read_value(text) == D(value)


@pytest.mark.parametrize("text", ["约300", "300余", "三百", "", "1e5", "NaN", "99999999999999", "1.234", "12 万人"])
def test_numbers_nobody_can_read_are_told(text):
    with pytest.raises(cells.Wrong):
        figures.read_value(text)


def test_brought_in_by_file_and_again(town, tmp_path):
    path = tmp_path / "a.csv"
    head = "地区,指标,数值,约数,截至,出处,对应的系统指标\n"
    path.write_text(
        head + "南昌市,专业市场,77,,2024-03-15,江西日报,专业市场\n温州市,党组织,1158,是,2023-07-31,温州网,\n"
        "温州市,党员,约1.4万,,2023-07-31,温州网,\n嘉兴市,驿站,3,,2023-07-31,,\n南昌市,专业市场,78,,2024-03-15,江西日报,\n"
        "丽水市,党员,9,,2023-07-31,日报,党员（去重）\n",
        "utf-8",
    )
    answer = files.import_file(path, town.people["registrar"], target="reported_figure")
    assert {key: answer[key] for key in ("rows", "new", "wrong", "duplicate")} == {
        "rows": 6, "new": 2, "wrong": 3, "duplicate": 1,
    }  # fmt: skip
    assert ReportedFigure.objects.get(place="南昌市").metric == "markets"
    path.write_text(head + "南昌市,专业市场,79,,2024-03-15,江西日报,\n", "utf-8")
    answer = files.import_file(path, town.people["registrar"], target="reported_figure")
    row = ReportedFigure.objects.get(place="南昌市")
    assert (answer["changed"], row.value, row.metric) == (1, 79, "markets")  # an empty cell clears nothing


def test_a_districts_registrar_brings_in_nothing(town, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("地区,指标,数值,截至,出处\n南昌市,专业市场,77,2024-03-15,江西日报\n", "utf-8")
    by = make.make_user("registrar", town.city.nanshan)
    assert files.import_file(path, by, target="reported_figure")["out_of_scope"] == 1
    assert not ReportedFigure.objects.exists()


def test_the_figures_that_come_with_the_product_stand_beside_the_right_metrics(db):
    call_command("import_reported_figures")
    rows = ReportedFigure.objects.exclude(metric="")
    assert rows.count() >= 15 and all(figures.comparable(row.metric) for row in rows)
    for row in ReportedFigure.objects.all():
        row.full_clean()
        assert row.as_of <= timezone.localdate()
