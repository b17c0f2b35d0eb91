"""Registrars in the admin: inside the own scope, through the services, codes checked."""

import datetime as dt

import pytest
from django.urls import reverse

from accounts.models import AuditEvent
from markets import services
from markets.models import (
    Business,
    BusinessCoverage,
    BusinessVersion,
    Declaration,
    DeliverySite,
    Market,
    MarketPlan,
    Platform,
)
from tests import factories
from tests.markets.files import make_code

pytestmark = pytest.mark.django_db
ADD = reverse("admin:markets_business_add")


@pytest.fixture
def clerk(client, city):
    user = factories.make_user("registrar", city.nanshan)
    client.force_login(user)
    return user


def form(city, **more):
    return {
        "name": "新办商贸有限公司", "uscc": make_code(), "entity_type": "company", "scale": "unknown", "status": "active",
        "guidance_station": city.yuehai.pk, "fixed_premises": "unknown", "above_size": "unknown",
    } | more  # fmt: skip


def errors(answer):
    assert answer.status_code == 200
    return str(answer.context["adminform"].form.errors)


def test_registrar_adds_a_business_and_its_place_is_filled(client, clerk, city):
    assert client.post(ADD, form(city, employees="12")).status_code == 302
    business = Business.objects.get()
    assert (business.district_committee, business.street) == (city.nanshan, city.divisions["yuehai"])
    event = AuditEvent.objects.get(act="markets.business.create")
    assert event.actor == clerk and city.yuehai.pk in event.units


@pytest.mark.parametrize(
    ("more", "part"),
    [
        ({"uscc": "91440300MA5EYYYYY1"}, "校验码"),
        ({"uscc": "9.14403E+17"}, "科学计数法"),
        ({"uscc": "", "legacy_registration_no": ""}, "至少要填一个"),
        ({"legacy_registration_no": "123"}, "15 位数字"),
        ({"name": ""}, "name"),
        ({"registered_on": "2999-01-01"}, "不能晚于今天"),
        ({"industry": "Z99"}, "GB/T 4754"),
        ({"industry": "F0111"}, "属于门类 A"),
        ({"legacy_registration_no": "0" * 15}, "15 位"),
        ({"latitude": "114.05", "longitude": "22.54"}, "填反"),
        ({"latitude": "22.54"}, "都不填"),
    ],
)
def test_bad_input_is_told(client, clerk, city, more, part):
    assert part in errors(client.post(ADD, form(city, **more)))
    assert not Business.objects.exists()


def test_nobody_is_the_own_predecessor_and_an_industry_gets_its_letter(client, clerk, city):
    business = factories.make_business(city.yuehai)
    address = reverse("admin:markets_business_change", args=[business.pk])
    same = form(city, uscc=business.uscc or "", legacy_registration_no=business.legacy_registration_no or "")
    assert "不能是它自己" in errors(client.post(address, same | {"predecessor": business.pk}))
    assert client.post(address, same | {"industry": "5211"}).status_code == 302
    business.refresh_from_db()
    assert business.industry == "F5211"


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "part"),
    [
        ("2026-02-01", "2026-01-01", "止期必须晚于起期"),
        ("2026-01-01", "2026-01-01", "止期必须晚于起期"),
        ("2025-06-01", "", "已有同样的一条"),
        ("2025-06-01", "2026-01-02", "已有同样的一条"),
        ("2025-06-01", "2026-01-01", ""),
    ],
)
def test_coverage_twice_or_backwards_is_told(client, clerk, city, starts_on, ends_on, part):
    branch, business = factories.make_branch(city.yuehai), factories.make_business(city.yuehai)
    link = {"organization": branch.pk, "business": business.pk, "mode": "own"}
    add = reverse("admin:markets_businesscoverage_add")
    assert client.post(add, link | {"starts_on": "2026-01-01"}).status_code == 302
    answer = client.post(add, link | {"starts_on": starts_on, "ends_on": ends_on})
    assert (part in errors(answer)) if part else answer.status_code == 302


def test_market_link_that_ends_before_it_starts_is_told(client, clerk, city):
    link = {"organization": factories.make_branch(city.yuehai).pk, "market": factories.make_market(city.yuehai).pk}
    answer = client.post(
        reverse("admin:markets_marketcoverage_add"), link | {"starts_on": "2026-02-01", "ends_on": "2026-01-01"}
    )
    assert "止期必须晚于起期" in errors(answer)


def test_code_is_normalised_and_a_code_elsewhere_says_only_that(client, clerk, city):
    code = make_code()
    factories.make_business(city.lianhua, uscc=code, name="秘密名称")
    text = errors(client.post(ADD, form(city, uscc=f" {code.lower()} ")))
    assert "该主体已由其他单位登记" in text and "秘密名称" not in text


def test_guidance_station_outside_the_scope_cannot_be_chosen(client, clerk, city):
    assert "guidance_station" in errors(client.post(ADD, form(city, guidance_station=city.lianhua.pk)))
    assert not Business.objects.exists()


def test_edit_keeps_the_replaced_counting_values(client, clerk, city):
    business = factories.make_business(city.yuehai, uscc=make_code(), employees=30)
    Declaration.objects.create(business=business, source="survey", as_of="2026-01-01", full_members=3)
    address = reverse("admin:markets_business_change", args=[business.pk])
    data = form(city, uscc=business.uscc, name=business.name, employees="8", address="新址", street=business.street_id)
    assert client.post(address, data).status_code == 302
    assert BusinessVersion.objects.get().values == {"employees": 30}
    assert not Declaration.objects.exists()  # under ten employees a number names a person
    assert client.post(address, data | {"address": "再搬"}).status_code == 302
    assert BusinessVersion.objects.count() == 1


def test_type_that_the_code_contradicts_is_a_warning_not_an_error(client, clerk, city):
    answer = client.post(ADD, form(city, uscc=make_code(prefix="92449999MA")), follow=True)
    assert "一般是个体工商户" in answer.content.decode() and Business.objects.count() == 1


def test_joint_branch_above_five_units_warns(client, clerk, city):
    branch = factories.make_branch(city.yuehai, kind="joint_branch")
    for number in range(6):
        business = factories.make_business(city.yuehai)
        data = {"organization": branch.pk, "business": business.pk, "mode": "joint", "starts_on": "2026-01-01"}
        answer = client.post(reverse("admin:markets_businesscoverage_add"), data, follow=True)
        assert ("一般不超过 5 个" in answer.content.decode()) == (number == 5)
    assert BusinessCoverage.objects.count() == 6
    assert AuditEvent.objects.filter(act="markets.businesscoverage.create").count() == 6


def test_coverage_of_a_business_elsewhere_is_refused(client, clerk, city):
    far = factories.make_business(city.lianhua)
    branch = factories.make_branch(city.yuehai)
    data = {"organization": branch.pk, "business": far.pk, "mode": "own", "starts_on": "2026-01-01"}
    assert "business" in errors(client.post(reverse("admin:markets_businesscoverage_add"), data))


def test_declaration_is_the_officers_and_never_of_a_small_business(client, city):
    small = factories.make_business(city.yuehai, employees=9)
    large = factories.make_business(city.yuehai, employees=10)
    officer = factories.make_user("officer", city.yuehai)
    with pytest.raises(services.CannotSave, match="不保存党员人数"):
        services.declaration_save(
            declaration=Declaration(business=small, source="survey", as_of="2026-01-01"), by=officer
        )
    told = Declaration(business=large, source="survey", as_of="2026-01-01", full_members=3)
    assert services.declaration_save(declaration=told, by=officer).pk
    client.force_login(officer)
    assert client.get(reverse("admin:markets_declaration_changelist")).status_code == 200
    client.force_login(factories.make_user("registrar", city.nanshan))
    assert client.get(reverse("admin:markets_declaration_changelist")).status_code == 403


def test_market_area_platform_site_and_plan_are_kept_in_the_admin(client, clerk, city):
    place = {"guidance_station": city.yuehai.pk}
    posts = {
        "market": {"code": "M1", "name": "华强市场", "trade": "electronics", **place},
        "industryarea": {"code": "A1", "name": "电子片区", **place},
        "platform": {"name": "某外卖平台"},
    }
    for name, data in posts.items():
        answer = client.post(reverse(f"admin:markets_{name}_add"), data)
        assert answer.status_code == 302, errors(answer)
    market, platform = Market.objects.get(), Platform.objects.get()
    assert market.district_committee == city.nanshan
    client.post(reverse("admin:markets_deliverysite_add"), {"platform": platform.pk, "name": "粤海站点", **place})
    plan = {"market": market.pk, "text": "建支部", "responsible": "粤海指导站"}
    client.post(reverse("admin:markets_marketplan_add"), plan)
    assert DeliverySite.objects.get().street == city.divisions["yuehai"] and MarketPlan.objects.get().market == market
    acts = set(AuditEvent.objects.filter(act__startswith="markets.").values_list("act", flat=True))
    assert {"markets.market.create", "markets.deliverysite.create", "markets.marketplan.create"} <= acts


def test_coverage_end_is_half_open(city):
    link = BusinessCoverage.objects.create(
        organization=factories.make_branch(city.yuehai), business=factories.make_business(city.yuehai), mode="own",
        starts_on=dt.date(2026, 1, 1),
    )  # fmt: skip
    with pytest.raises(services.CannotSave, match="晚于起期"):
        services.coverage_end(link=link, ends_on=dt.date(2026, 1, 1), by=None)
    services.coverage_end(link=link, ends_on=dt.date(2026, 2, 1), by=None)
    link.refresh_from_db()
    assert link.ends_on == dt.date(2026, 2, 1)
