"""Organizations in the admin: own sub-tree only, written through the services, shown before they move."""

from datetime import date

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent
from orgs.kinds import Kind
from orgs.models import Organization
from tests import factories as make

pytestmark = pytest.mark.django_db
BACKEND = "orgs.doors.DoorBackend"


@pytest.fixture
def registrar(city, client):
    user = make.make_user("registrar", city.nanshan)
    client.force_login(user, backend=BACKEND)
    return user


def url(name: str, *args) -> str:
    return reverse(f"admin:orgs_organization_{name}", args=args)


def filled(organization: Organization | None = None, **changes) -> dict:
    """The form as a browser sends it."""
    columns = (
        "parent_id", "kind", "host_kind", "code", "name", "short_name", "superior_id", "superior_name", "district_id",
        "street_id", "approved_on", "term_starts_on", "term_ends_on", "extended_until", "extension_document",
    )  # fmt: skip
    data = {name.removesuffix("_id"): getattr(organization, name, None) or "" for name in columns}
    management = {"changes-TOTAL_FORMS": 0, "changes-INITIAL_FORMS": 0} if organization else {}
    return {**data, "on": "", "document": "", **management, **changes}


def errors(response) -> str:
    assert response.status_code == 200
    form = response.context["adminform"].form if "adminform" in response.context else response.context["form"]
    return str(form.errors.get_json_data(escape_html=False))


def test_the_list_shows_the_own_sub_tree_only(city, client, registrar):
    page = client.get(url("changelist")).content.decode()
    assert city.yuehai.name in page and city.lianhua.name not in page and city.city.code + "<" not in page
    assert "共 3 条" in page


def test_outside_the_scope_is_the_same_404_as_missing(city, client, registrar):
    for name in ("change", "history", "move", "merge", "close"):
        assert client.get(url(name, city.lianhua.pk)).status_code == 404
        assert client.get(url(name, 999_999)).status_code == 404


def test_without_any_right_it_is_403(city, client):
    for user in (make.make_user(), make.make_user(duty="security"), make.make_user("secretary", city.yuehai)):
        client.force_login(user, backend=BACKEND)
        assert client.get(url("add")).status_code == 403
        assert client.get(url("move", city.yuehai.pk)).status_code == 403


def test_a_branch_is_founded_through_the_service(city, client, registrar):
    data = filled(parent=city.yuehai.pk, kind=Kind.BRANCH, code="N1", name="新支部", term_starts_on="2026-01-01")
    response = client.post(url("add"), data)
    assert response.status_code == 302, errors(response)
    made = Organization.objects.get(code="N1")
    assert made.path.startswith(city.yuehai.path) and made.guidance_station == city.yuehai
    assert (made.level, made.street, made.term_ends_on) == (4, city.divisions["yuehai"], date(2029, 1, 1))
    assert made.changes.get().by == registrar
    event = AuditEvent.objects.get(act="orgs.organization.create", subjects=[made.pk])
    assert event.actor == registrar and city.yuehai.pk in event.units
    assert LogEntry.objects.get().object_repr == f"党组织 #{made.pk}"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"parent": "lianhua"}, "parent"),
        ({"code": "SZ-futian"}, "代码已被使用"),
        ({"kind": Kind.GUIDANCE_STATION}, "指导站的上级必须是区级党委"),
        ({"kind": Kind.CITY_COMMITTEE}, "市级党委没有上级"),
        ({"kind": Kind.ALLIANCE, "term_starts_on": "2026-01-01"}, "没有任期"),
        ({"name": ""}, "name"),
        ({"on": "2099-01-01"}, "不能晚于今天"),
    ],
)
def test_a_wrong_founding_is_told_in_the_form(city, client, registrar, changes, says):
    parent = city[changes.pop("parent", "yuehai")]
    response = client.post(
        url("add"), filled(**{"parent": parent.pk, "kind": Kind.BRANCH, "code": "N1", "name": "新支部", **changes})
    )
    assert says in errors(response)
    assert not Organization.objects.filter(name="新支部").exists()
    assert city.futian.name not in response.content.decode()


def test_a_new_name_and_other_columns_are_two_lines_of_history(city, client, registrar):
    branch = make.make_branch(city.yuehai)
    data = filled(branch, name="改了名的支部", host_kind="building", document="文号", on="2026-02-01")
    response = client.post(url("change", branch.pk), data)
    assert response.status_code == 302, errors(response)
    assert [(line.event, line.on, line.document) for line in branch.changes.all()[:2]] == [
        ("edit", date(2026, 2, 1), "文号"),
        ("rename", date(2026, 2, 1), "文号"),
    ]
    branch.refresh_from_db()
    assert (branch.name, branch.host_kind, branch.parent) == ("改了名的支部", "building", city.yuehai)


def test_the_parent_cannot_be_changed_by_the_edit_form(city, client, registrar):
    branch = make.make_branch(city.yuehai)
    assert client.post(url("change", branch.pk), filled(branch, parent=city.shahe.pk)).status_code == 302
    branch.refresh_from_db()
    assert branch.parent == city.yuehai


def test_a_move_is_shown_first_and_done_on_confirmation(city, client, registrar):
    branch = make.make_branch(city.yuehai)
    make.make_branch(branch)
    today = timezone.localdate().isoformat()
    data = {"target": city.shahe.pk, "on": today, "document": ""}
    page = client.post(url("move", branch.pk), {**data, "preview": "1"}).content.decode()
    assert "下级组织 1 个" in page and 'name="confirm"' in page
    branch.refresh_from_db()
    assert branch.parent == city.yuehai
    response = client.post(url("move", branch.pk), {**data, "confirm": "1"})
    assert response.status_code == 302
    branch.refresh_from_db()
    assert branch.parent == city.shahe


def test_a_request_with_no_number_in_a_chooser_is_told_in_the_form(city, client, registrar):
    said = client.post(url("add"), filled(parent="abc", kind=Kind.BRANCH, code="N1", name="新支部"))
    assert "parent" in errors(said)
    branch = make.make_branch(city.yuehai)
    said = client.post(url("move", branch.pk), {"target": "abc", "on": timezone.localdate(), "confirm": "1"})
    assert "不在您的范围内" in errors(said)
    client.force_login(make.make_user(duty="security"), backend=BACKEND)
    said = client.post(reverse("admin:orgs_posting_add"), {"organization": "abc", "division": "x"})
    assert "organization" in errors(said)


@pytest.mark.parametrize("target", ["lianhua", "city"])
def test_nothing_moves_out_of_the_scope(city, client, registrar, target):
    branch = make.make_branch(city.yuehai)
    response = client.post(
        url("move", branch.pk), {"target": city[target].pk, "on": timezone.localdate(), "confirm": "1"}
    )
    assert "不在您的范围内" in errors(response)
    branch.refresh_from_db()
    assert branch.parent == city.yuehai


def test_nobody_moves_or_closes_the_unit_of_the_own_posting(city, client, registrar):
    for name in ("move", "merge", "close"):
        assert client.get(url(name, city.nanshan.pk)).status_code == 403
    assert 'href="' + url("close", city.nanshan.pk) not in client.get(url("change", city.nanshan.pk)).content.decode()
    assert 'href="' + url("close", city.yuehai.pk) in client.get(url("change", city.yuehai.pk)).content.decode()


def test_closing_says_why_not_and_then_closes(city, client, registrar):
    general = make.make_branch(city.yuehai)
    below = make.make_branch(general)
    data = {"on": timezone.localdate(), "document": ""}
    page = client.post(url("close", general.pk), data).content.decode()
    assert "下面还有 1 个组织" in page and 'name="confirm"' not in page
    assert "下面还有 1 个组织" in errors(client.post(url("close", general.pk), {**data, "confirm": "1"}))
    assert client.post(url("close", below.pk), {**data, "confirm": "1"}).status_code == 302
    assert Organization.objects.get(pk=below.pk).closed_on == timezone.localdate()
    assert client.post(url("change", below.pk), filled(below, name="还能改")).status_code == 403


def test_a_merge_in_the_admin(city, client, registrar):
    source, target = make.make_branch(city.yuehai), make.make_branch(city.shahe)
    data = {"target": target.pk, "on": timezone.localdate(), "confirm": "1"}
    assert client.post(url("merge", source.pk), data).status_code == 302
    assert Organization.objects.get(pk=source.pk).closed_on


def test_choosers_offer_only_what_is_in_scope_and_open(city, client, registrar):
    closed = make.make_branch(city.yuehai, closed_on=date(2026, 1, 1))
    query = {"app_label": "orgs", "model_name": "organization", "field_name": "parent"}
    found = {row["text"] for row in client.get(reverse("admin:autocomplete"), query).json()["results"]}
    assert {city.yuehai.name, city.shahe.name} <= found
    assert not found & {city.lianhua.name, city.city.name, closed.name}


def test_divisions_are_read_only(city, client, registrar):
    pk = city.divisions["nanshan"].pk
    assert client.get(reverse("admin:orgs_division_change", args=[pk])).status_code == 200
    assert client.post(reverse("admin:orgs_division_change", args=[pk]), {"name": "x"}).status_code == 403
    assert client.get(reverse("admin:orgs_division_add")).status_code == 403
    other = city.divisions["futian"].pk
    assert client.get(reverse("admin:orgs_division_change", args=[other])).status_code == 404
