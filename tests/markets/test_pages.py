"""Lists, details, exports and the API of businesses and markets."""

import csv
import io

import pytest
from django.urls import reverse
from python_calamine import CalamineWorkbook

from accounts.models import AuditEvent
from markets.models import BusinessCoverage, BusinessVersion, Declaration, MarketPlan
from tables.models import Export
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(city):
    market = factories.make_market(city.yuehai, name="华强市场")
    near = factories.make_business(city.yuehai, name="近处商贸有限公司", market=market, employees=30)
    far = factories.make_business(city.lianhua, name="远处商贸有限公司")
    return {
        "market": market,
        "near": near,
        "far": far,
        "far_market": factories.make_market(city.lianhua, name="莲花市场"),
    }


def sign_in(client, role, unit):
    user = factories.make_user(role, unit)
    client.force_login(user)
    return user


def test_list_shows_only_the_own_scope(client, city, world):
    sign_in(client, "registrar", city.nanshan)
    text = client.get(reverse("markets:business_list")).content.decode()
    assert "近处商贸" in text and "远处商贸" not in text and "共 1 户" in text
    text = client.get(reverse("markets:market_list")).content.decode()
    assert "华强市场" in text and "莲花市场" not in text


def test_outside_answers_like_missing(client, city, world):
    sign_in(client, "registrar", city.nanshan)
    for name, row in (("business_detail", world["far"]), ("market_detail", world["far_market"])):
        assert client.get(reverse(f"markets:{name}", args=[row.pk])).status_code == 404
        assert client.get(reverse(f"markets:{name}", args=[99_999_999])).status_code == 404


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=近处", {"近处"}),
        ("q=440300000000000", set()),
        ("state=operating", {"近处"}),
        ("state=revoked", {"注销户"}),
        ("entity_type=sole_trader", {"注销户"}),
        ("entity_type=enterprise", {"近处", "待分派户"}),
        ("unassigned=on", {"待分派户"}),
        ("market=华强市场", {"近处"}),
        ("market=none", set()),
    ],
)
def test_filters(client, city, world, query, names):
    factories.make_business(city.yuehai, name="注销户", entity_type="sole_trader", status="revoked")
    waiting = factories.make_business(city.nanshan, name="待分派户", status="dormant")
    assert waiting.guidance_station_id is None
    sign_in(client, "registrar", city.nanshan)
    rows = client.get(f"{reverse('markets:business_list')}?{query}").context["table"]["rows"]
    assert {row["cells"][0]["text"].replace("商贸有限公司", "") for row in rows} == names


def test_code_is_found_exactly(client, city, world):
    sign_in(client, "leader", city.nanshan)
    page = client.get(reverse("markets:business_list"), {"q": world["near"].legacy_registration_no})
    assert [row["cells"][0]["text"] for row in page.context["table"]["rows"]] == ["近处商贸有限公司"]
    page = client.get(reverse("markets:business_list"), {"q": world["far"].legacy_registration_no})
    assert page.context["table"]["rows"] == []


def test_unknown_parameter_is_dropped_and_columns_can_be_chosen(client, city, world):
    sign_in(client, "leader", city.city)
    answer = client.get(reverse("markets:business_list"), {"statee": "x", "q": "近处"})
    assert answer.status_code == 302 and answer["Location"].endswith("?q=%E8%BF%91%E5%A4%84")
    page = client.get(reverse("markets:business_list"), {"cols": ["name", "employees"]})
    assert [column["key"] for column in page.context["table"]["columns"]] == ["name", "employees"]


def test_pages_by_key_go_forth_and_back(client, city):
    rows = [factories.make_business(city.yuehai) for _ in range(120)]
    sign_in(client, "leader", city.yuehai)
    names = [row.name for row in reversed(rows)]
    address, seen, page = reverse("markets:business_list"), [], None
    while address:
        page = client.get(address).context
        seen += [row["cells"][0]["text"] for row in page["table"]["rows"]]
        address = page["page"].next_url and reverse("markets:business_list") + page["page"].next_url
    assert seen == names
    back = client.get(reverse("markets:business_list") + page["page"].previous_url).context
    assert [row["cells"][0]["text"] for row in back["table"]["rows"]] == names[50:100]


@pytest.mark.parametrize("rows", [1, 3])
def test_list_query_count_is_flat(client, city, rows, django_assert_max_num_queries):
    for _ in range(rows):
        factories.make_business(city.yuehai)
    sign_in(client, "leader", city.yuehai)
    client.get(reverse("markets:business_list"))
    with django_assert_max_num_queries(18):
        client.get(reverse("markets:business_list"))


def test_detail_shows_coverage_and_history_but_numbers_only_to_the_responsible(client, city, world):
    near, branch = world["near"], factories.make_branch(city.yuehai, name="近处党支部")
    BusinessCoverage.objects.create(organization=branch, business=near, mode="own")
    BusinessVersion.objects.create(
        business=near, valid_to=near.changed_at, values={"employees": 8, "status": "dormant"}
    )
    Declaration.objects.create(business=near, source="survey", as_of="2026-01-01", full_members=17)
    address = reverse("markets:business_detail", args=[near.pk])
    sign_in(client, "leader", city.nanshan)
    text = client.get(address).content.decode()
    assert "近处党支部" in text and "单独组建" in text and "从业人数：8" in text and "登记状态：歇业" in text
    assert "企业填报人数" not in text and ">17<" not in text
    sign_in(client, "officer", city.yuehai)
    assert ">17<" in client.get(address).content.decode()


def test_market_detail_shows_businesses_and_plans(client, city, world):
    MarketPlan.objects.create(market=world["market"], text="建立联合党支部", responsible="粤海指导站")
    sign_in(client, "leader", city.nanshan)
    text = client.get(reverse("markets:market_detail", args=[world["market"].pk])).content.decode()
    assert "近处商贸" in text and "建立联合党支部" in text and "共 1 户" in text
    everything = client.get(f"{reverse('markets:business_list')}?market={world['market'].code}")
    assert [row["cells"][0]["text"] for row in everything.context["table"]["rows"]] == ["近处商贸有限公司"]


def test_export_needs_a_purpose_and_is_audited(client, city, world):
    user = sign_in(client, "registrar", city.nanshan)
    address = reverse("lists:export", args=["business"])
    assert client.post(address, {"format": "csv"}).status_code == 422
    assert not Export.objects.exists()
    answer = client.post(address, {"format": "csv", "purpose": "年度统计"})
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert [row["名称"] for row in rows] == ["近处商贸有限公司"] and rows[0]["从业人数"] == "30"
    kept, event = Export.objects.get(), AuditEvent.objects.get(act="markets.business.export")
    assert (kept.owner, kept.rows, event.purpose, event.detail["rows"]) == (user, 1, "年度统计", 1)


def test_export_as_workbook_guards_formulas(client, city, tmp_path):
    factories.make_business(city.yuehai, name="=1+1")
    sign_in(client, "leader", city.nanshan)
    answer = client.post(reverse("lists:export", args=["business"]), {"format": "xlsx", "purpose": "核对"})
    path = tmp_path / "out.xlsx"
    path.write_bytes(b"".join(answer.streaming_content))
    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    assert rows[1][0] == "'=1+1"


def test_officer_may_not_export_nor_import(client, city, world):
    sign_in(client, "officer", city.yuehai)
    assert client.get(reverse("lists:export", args=["business"])).status_code == 403
    assert client.get(reverse("tables:template", args=["business"])).status_code == 403  # may bring in leads only


def test_api_is_scoped(client, city, world):
    sign_in(client, "leader", city.nanshan)
    answer = client.get("/api/v1/businesses/").json()
    assert [row["id"] for row in answer["results"]] == [world["near"].pk]
    assert client.get(f"/api/v1/businesses/{world['far'].pk}/").status_code == 404
    assert [row["id"] for row in client.get("/api/v1/markets/").json()["results"]] == [world["market"].pk]
