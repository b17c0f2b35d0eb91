from datetime import date

import pytest
from django.urls import reverse

from orgs import life
from orgs.models import Organization
from orgs.services import organization_edit, organization_move, organization_rename
from tests import factories as make

pytestmark = pytest.mark.django_db
BACKEND = "orgs.doors.DoorBackend"
LIST = "orgs:list"


@pytest.fixture
def leader(city, client):
    user = make.make_user("leader", city.nanshan)
    client.force_login(user, backend=BACKEND)
    return user


def names(response) -> list[str]:
    return [row["cells"][0]["text"] for row in response.context["table"]["rows"]]


def test_the_list_shows_the_scope_in_the_order_of_the_tree(city, client, leader):
    branch = make.make_branch(city.yuehai)
    response = client.get(reverse(LIST))
    assert names(response) == [city.nanshan.name, city.yuehai.name, branch.name, city.shahe.name]
    assert response.context["total_text"] == "共 4 个"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"level": 3}, {"粤海市场监管所党建工作指导站", "沙河市场监管所党建工作指导站"}),
        ({"kind": "joint_branch"}, {"联合支部"}),
        ({"open": "false"}, {"撤了的支部"}),
        ({"q": "联合"}, {"联合支部"}),
        ({"q": "sz-nanshan-yuehai"}, {"粤海市场监管所党建工作指导站"}),
        ({"term": "overdue"}, {"届满支部"}),
        ({"q": "没有这个"}, set()),
    ],
)
def test_filters(city, client, leader, query, found):
    make.make_branch(city.yuehai, kind="joint_branch", name="联合支部")
    make.make_branch(city.yuehai, name="撤了的支部", closed_on=date(2026, 1, 1))
    make.make_branch(city.yuehai, name="届满支部", term_starts_on=date(2020, 1, 1))
    assert set(names(client.get(reverse(LIST), query))) == found


def test_a_mistyped_filter_is_dropped_openly(client, leader):
    response = client.get(reverse(LIST), {"levle": "3", "kind": "branch"})
    assert (response.status_code, response.url) == (302, f"{reverse(LIST)}?kind=branch")


def test_a_wrong_value_of_a_filter_is_told(client, leader):
    response = client.get(reverse(LIST), {"level": "9"})
    assert names(response) == [] and response.context["filter"].form.errors


def test_pages_by_key_go_forward_and_back_over_every_row_once(city, client, leader):
    for _ in range(110):
        make.make_branch(city.yuehai)
    seen, address, pages = [], "", []
    while not pages or address:
        pages.append(client.get(f"{reverse(LIST)}{address}", follow=True).context)
        seen += [row["pk"] for row in pages[-1]["table"]["rows"]]
        address = pages[-1]["page"].next_url
    everything = Organization.objects.within(city.nanshan).order_by("path")
    assert seen == list(everything.values_list("pk", flat=True)) and len(pages) == 3
    back = client.get(f"{reverse(LIST)}{pages[1]['page'].previous_url}")
    assert names(back) == [row["cells"][0]["text"] for row in pages[0]["table"]["rows"]]


@pytest.mark.parametrize("rows", [1, 3])
def test_the_number_of_queries_does_not_grow_with_the_list(city, client, leader, rows, django_assert_max_num_queries):
    for _ in range(rows):
        make.make_branch(city.yuehai)
    with django_assert_max_num_queries(14):
        client.get(reverse(LIST))


def test_the_detail_shows_facts_children_and_history(city, client, leader):
    general = make.make_branch(city.yuehai, name="旧名总支", kind="general_branch")
    make.make_branch(general, name="下面的支部")
    organization_rename(organization=general, name="新名总支", by=leader)
    organization_edit(organization=general, host_kind="building", street=city.divisions["shahe"], by=leader)
    organization_move(organization=general, parent=city.shahe, by=leader, document="深委〔2026〕8号")
    page = client.get(reverse("orgs:detail", args=[general.pk])).content.decode()
    for text in (
        "新名总支",
        "下面的支部",
        "旧名总支 → 新名总支",
        "深委〔2026〕8号",
        "党总支",
        "依托：空 → 楼宇",
        city.shahe.name,
    ):
        assert text in page


def test_the_way_up_links_only_inside_the_scope(city, client, leader):
    crumbs = client.get(reverse("orgs:detail", args=[city.yuehai.pk])).context["breadcrumbs"]
    assert [(crumb["label"], bool(crumb["url"])) for crumb in crumbs] == [
        ("党组织", True),
        (city.city.name, False),
        (city.nanshan.name, True),
        ("粤海指导站", False),
    ]


def test_outside_the_scope_answers_like_missing(city, client, leader):
    outside = client.get(reverse("orgs:detail", args=[city.lianhua.pk]))
    missing = client.get(reverse("orgs:detail", args=[999_999]))
    assert outside.status_code == missing.status_code == 404
    assert outside.content == missing.content


def test_administrators_and_strangers_see_nothing(city, client):
    for duty in ("system", "security", "audit"):
        client.force_login(make.make_user(duty=duty), backend=BACKEND)
        assert client.get(reverse(LIST)).status_code == 403
    client.logout()
    assert client.get(reverse(LIST)).status_code == 302


def test_other_rooms_put_sections_on_the_page(city, client, leader, monkeypatch):
    monkeypatch.setattr(life, "_slots", [])
    life.detail_slot("邻居", "orgs:detail", "orgs.view_organization")
    life.detail_slot("不该看的", "orgs:detail", "members.verify_registration")
    response = client.get(reverse("orgs:detail", args=[city.yuehai.pk]))
    address = reverse("orgs:detail", args=[city.yuehai.pk])
    assert response.context["slots"] == [{"title": "邻居", "url": address}]
    assert f'hx-get="{address}"' in response.content.decode()
