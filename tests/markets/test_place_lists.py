"""The lists of industry areas, platforms and delivery sites: scope, filters, columns, export and its way back."""

import pytest
from django.urls import reverse

from markets.models import DeliverySite, IndustryArea, Platform
from tests import factories
from tests.markets import files

NAMES = ("industry_area", "platform", "delivery_site")


@pytest.fixture
def world(city):
    platforms = [Platform.objects.create(name=name) for name in ("甲快递", "乙外卖")]
    for number, (unit, name) in enumerate(((city.yuehai, "近处"), (city.lianhua, "远处"))):
        place = factories.placed(unit)
        IndustryArea.objects.create(code=f"PQ-{number}", name=f"{name}片区", industry="餐饮", **place)
        DeliverySite.objects.create(platform=platforms[number], name=f"{name}网点", couriers=12, **place)
    DeliverySite.objects.create(
        platform=platforms[0], name="关了的网点", closed_on="2024-01-02", **factories.placed(city.yuehai)
    )


def page(client, name: str, query: str = "") -> str:
    answer = client.get(f"{reverse(f'markets:{name}_list')}?{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_lists_show_the_own_scope_and_platforms_to_everybody(client, city, world):
    client.force_login(factories.make_user("officer", city.yuehai))
    for name, near, far in (("industry_area", "近处片区", "远处片区"), ("delivery_site", "近处网点", "远处网点")):
        text = page(client, name)
        assert near in text and far not in text
    assert "甲快递" in page(client, "platform") and "乙外卖" in page(client, "platform")


@pytest.mark.parametrize(
    ("name", "query", "shown", "hidden"),
    [
        ("industry_area", "q=PQ-0", "近处片区", "远处片区"),
        ("industry_area", "industry=零售", "没有符合条件的行业片区", "近处片区"),
        ("industry_area", "cols=code&cols=street", "粤海街道", "指导站</th>"),
        ("platform", "q=乙", "乙外卖", "甲快递"),
        ("delivery_site", "open=false", "关了的网点", "近处网点"),
        ("delivery_site", "q=远处", "远处网点", "近处网点"),
    ],
)
def test_filters_and_the_column_chooser(client, city, registrar, world, name, query, shown, hidden):
    client.force_login(registrar)
    text = page(client, name, query)
    assert shown in text and hidden not in text.partition("<table")[2].partition("</table>")[0]


def test_sites_of_one_platform(client, city, registrar, world):
    client.force_login(registrar)
    text = page(client, "delivery_site", f"platform={Platform.objects.get(name='乙外卖').pk}")
    assert "远处网点" in text and "近处网点" not in text


@pytest.mark.parametrize("format", ["csv", "xlsx"])
@pytest.mark.parametrize("name", NAMES)
def test_an_exported_list_comes_back_without_changes(client, city, registrar, world, tmp_path, name, format):
    client.force_login(registrar)
    assert reverse("lists:export", args=[name]) in page(client, name)
    answer = client.post(reverse("lists:export", args=[name]), {"purpose": "核对", "format": format, "columns": "all"})
    path = tmp_path / f"file.{format}"
    path.write_bytes(b"".join(answer))
    told = files.import_file(path, registrar, target=name)
    assert told["unchanged"] == told["rows"] == {"industry_area": 2, "platform": 2, "delivery_site": 3}[name]


def test_a_row_leads_to_where_it_can_be_changed(client, city, registrar, world):
    client.force_login(registrar)
    for name, row in zip(NAMES, (IndustryArea, Platform, DeliverySite), strict=True):
        address = reverse(f"admin:markets_{name.replace('_', '')}_change", args=[row.objects.earliest("pk").pk])
        assert address in page(client, name) and client.get(address).status_code == 200
