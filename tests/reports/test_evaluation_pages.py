"""The pages of evaluation sheets: whose a draft is, who reads what was released, forms with ugly input, the file and the API."""

import csv
import io
from decimal import Decimal as D

import pytest
from django.urls import reverse

from accounts.models import AuditEvent
from reports import evaluation_services as services
from reports import evaluation_sheets as sheets
from reports.digests import digest_of
from reports.models import Evaluation
from tests import factories as make
from tests.reports.making_sheets import LINES, TODAY, draft, line, release

pytestmark = pytest.mark.django_db


def status(sign_in, name, evaluation, address="reports:evaluation") -> int:
    return sign_in(name).get(reverse(address, args=[evaluation.pk])).status_code


def test_a_draft_is_its_units_own(town, people, sign_in):
    evaluation = draft(town, people)
    district = services.evaluation_save(
        evaluation=Evaluation(organization=town.city.nanshan, title="区内评价", as_of=TODAY), lines=[line()],
        by=people["district_registrar"],
    )  # fmt: skip
    seen = {
        name: (status(sign_in, name, evaluation), status(sign_in, name, district))
        for name in ("composer", "releaser", "nanshan", "futian", "officer", "division_leader")
    }
    assert seen == {
        "composer": (200, 404), "releaser": (200, 404), "nanshan": (404, 200), "futian": (404, 404),
        "officer": (404, 404), "division_leader": (404, 404),
    }  # fmt: skip


def test_a_released_sheet_is_open_to_those_compared_and_those_above(town, people, sign_in):
    evaluation = draft(town, people)
    release(evaluation, people)
    district = services.evaluation_save(
        evaluation=Evaluation(organization=town.city.nanshan, title="区内评价", as_of=TODAY), lines=[line()],
        by=people["district_registrar"],
    )  # fmt: skip
    seen = digest_of(sheets.sheet_of(district))
    services.evaluation_release(evaluation=district, by=people["nanshan"], seen=seen)
    found = {
        name: (status(sign_in, name, evaluation), status(sign_in, name, district))
        for name in ("composer", "releaser", "nanshan", "futian", "officer")
    }
    assert found == {
        "composer": (200, 200), "releaser": (200, 200), "nanshan": (200, 200), "futian": (200, 404),
        "officer": (404, 200),
    }  # fmt: skip
    acts = ("reports:evaluation_edit", "reports:evaluation_withdraw")
    assert [status(sign_in, "nanshan", evaluation, act) for act in acts] == [403, 404]
    assert [status(sign_in, "releaser", district, act) for act in acts] == [403, 404]


def test_each_compared_unit_finds_its_own_lines_open_and_links_only_to_its_rows(town, people, sign_in):
    evaluation = draft(town, people)
    release(evaluation, people)
    page = sign_in("nanshan").get(reverse("reports:evaluation", args=[evaluation.pk]))
    units = {unit["name"]: unit for unit in page.context["shown"].units}
    assert units[str(town.city.nanshan)]["own"] and not units[str(town.city.futian)]["own"]
    assert all(score["url"] is None for score in units[str(town.city.futian)]["scores"])
    linked = [score["url"] for score in units[str(town.city.nanshan)]["scores"] if score["url"]]
    client = sign_in("nanshan")
    assert linked and {client.get(url).status_code for url in linked} == {200}


def form_of(lines, **more) -> dict:
    sent = {"line-TOTAL_FORMS": len(lines) + 1, "line-INITIAL_FORMS": 0, "title": "评价", "as_of": TODAY, **more}
    blank = {"code": "", "denominator": "operating", "range": "all", "weight": "", "floor": "", "full": ""}
    for index, one in enumerate([*lines, {}]):
        sent |= {f"line-{index}-{name}": value for name, value in (blank | one).items()}
    return sent


GOOD = [
    {"code": "work_coverage", "weight": "60", "floor": "20%", "full": "80", "denominator": "registered"},
    {"code": "due_not_built", "weight": "40", "floor": "20", "full": "0"},
]


def test_composed_released_and_withdrawn_by_hand(town, people, sign_in):
    client = sign_in("composer")
    assert client.get(reverse("reports:evaluation_new")).status_code == 200
    response = client.post(reverse("reports:evaluation_new"), form_of(GOOD, organization=town.city.city.pk))
    evaluation = Evaluation.objects.get()
    assert response.status_code == 302 and evaluation.composed_by == people["composer"]
    assert [(row.metric, row.full) for row in evaluation.lines.all()] == [
        ("work_coverage@registered", D("0.8")), ("due_not_built", 0),
    ]  # fmt: skip
    edit = reverse("reports:evaluation_edit", args=[evaluation.pk])
    shown = client.get(edit).context
    sent = {field.html_name: field.value() or "" for form in shown["lines"] for field in form}
    sent |= {"line-TOTAL_FORMS": 6, "line-INITIAL_FORMS": 0, "title": "改名", "as_of": TODAY}
    assert client.post(edit, sent).status_code == 302
    assert [row.weight for row in evaluation.lines.all()] == [60, 40]
    url = reverse("reports:evaluation", args=[evaluation.pk])
    assert "发布这份评价" not in client.get(url).content.decode()
    leader = sign_in("releaser")
    page = leader.get(url)
    assert "发布这份评价" in page.content.decode()
    act = reverse("reports:evaluation_release", args=[evaluation.pk])
    assert leader.post(act, {"seen": "old"}).status_code == 422
    assert leader.post(act, {"seen": page.context["digest"]}).status_code == 302
    assert "核对一致" in leader.get(url).content.decode()
    leader.post(reverse("reports:evaluation_withdraw", args=[evaluation.pk]), {"reason": "有误"})
    assert "已撤回" in leader.get(url).content.decode()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({0: {"code": "members_distinct"}}, "第 1 行"), ({0: {"weight": "50"}}, "合计是 90%"),
        ({0: {"weight": "NaN"}}, "第 1 行"), ({1: {"floor": "许多"}}, "第 2 行"), ({1: {"full": ""}}, "请填写"),
        ({0: {"code": ""}}, "请选指标"), ({0: {"floor": "90"}}, "越高越好"),
        ({0: {"denominator": "with_members"}}, "第 1 行"), ({1: {"denominator": "registered"}}, "请改选口径"),
    ],
)  # fmt: skip
def test_ugly_rows_come_back_with_a_sentence_and_nothing_is_lost(town, people, sign_in, change, said):
    lines = [one | change.get(index, {}) for index, one in enumerate(GOOD)]
    response = sign_in("composer").post(
        reverse("reports:evaluation_new"), form_of(lines, organization=town.city.city.pk, note="说明在此")
    )
    text = response.content.decode()
    assert response.status_code == 422 and said in text and "说明在此" in text and not Evaluation.objects.exists()


def test_a_broken_form_of_rows_is_told(town, people, sign_in):
    response = sign_in("composer").post(
        reverse("reports:evaluation_new"), {"title": "x", "as_of": TODAY, "organization": town.city.city.pk}
    )
    assert response.status_code == 422


def test_day_and_month_are_not_both(town, people, sign_in):
    both = form_of(GOOD, organization=town.city.city.pk, as_of="")
    response = sign_in("composer").post(reverse("reports:evaluation_new"), both)
    assert response.status_code == 422 and "请填且只填一个" in response.content.decode()


def test_the_file_holds_what_the_page_says(town, people, sign_in):
    evaluation = draft(town, people, title="=评价")
    kept = release(evaluation, people)
    client, url = sign_in("nanshan"), reverse("reports:evaluation_file", args=[evaluation.pk])
    text = b"".join(client.get(url, {"format": "csv"})).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(kept.sheet["units"]) * len(LINES) and {row["摘要（SHA-256）"] for row in rows} == {
        kept.digest
    }
    first = kept.sheet["units"][0]
    assert (rows[0]["单位"], rows[0]["总分"], rows[0]["怎样得分"]) == (
        first["name"], first["total"] or "", first["scores"][0]["formula"],
    )  # fmt: skip
    assert rows[0]["评价"] == "'=评价"  # no formula
    assert b"".join(client.get(url)).startswith(b"PK")
    assert AuditEvent.objects.filter(act="reports.evaluation.export", actor=people["nanshan"]).count() == 2
    assert sign_in("officer").get(url).status_code == 404


def test_administrators_and_secretaries_see_no_sheet(town, people, sign_in):
    for name in ("secretary", "system", "security", "audit"):
        assert sign_in(name).get(reverse("reports:evaluations")).status_code == 403


def test_the_api_gives_released_sheets_whole_and_no_drafts(town, people, sign_in):
    evaluation = draft(town, people)
    assert sign_in("composer").get("/api/v1/evaluations/").json()["results"] == []
    kept = release(evaluation, people)
    (row,) = sign_in("futian").get("/api/v1/evaluations/").json()["results"]
    assert digest_of(row["sheet"]) == row["digest"] == kept.digest and row["withdrawn_because"] is None
    services.evaluation_withdraw(evaluation=evaluation, by=people["releaser"], reason="有误")
    assert sign_in("futian").get(f"/api/v1/evaluations/{evaluation.pk}/").json()["withdrawn_because"] == "有误"
    assert sign_in("officer").get(f"/api/v1/evaluations/{evaluation.pk}/").status_code == 404


def test_a_guidance_station_is_not_offered_to_compose(town, people, sign_in):
    town.people["low"] = make.make_user("registrar", town.city.yuehai)
    client, new = sign_in("low"), reverse("reports:evaluation_new")
    assert new not in client.get(reverse("reports:evaluations")).content.decode()
    assert client.get(new).status_code == 403 and client.post(new, {}).status_code == 403
