"""Founding, editing, renaming, moving, merging and closing."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import AuditEvent
from markets.models import Business
from orgs import life
from orgs.kinds import Kind, Level
from orgs.models import Organization, OrganizationChange
from orgs.services import (
    TreeError,
    organization_close,
    organization_create,
    organization_edit,
    organization_merge,
    organization_move,
    organization_rename,
)
from orgs.tree_check import tree_problems
from tests import factories as make

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()


@pytest.fixture
def by(city):
    return make.make_user("registrar", city.city)


@pytest.fixture
def registers():
    """The registers of life.py as they were, after a test has added to them."""
    lists = [life._movers, life._mergers, life._checks, life._counts, life._slots]
    before = [list(entries) for entries in lists]
    yield
    for entries, old in zip(lists, before, strict=True):
        entries[:] = old


def check_now() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert list(tree_problems()) == []


def last_event(act: str) -> AuditEvent:
    return AuditEvent.objects.filter(act=act).latest("id")


def test_moving_a_branch_rewrites_its_sub_tree_and_ancestors(city, by):
    general = make.make_branch(city.yuehai, kind=Kind.GENERAL_BRANCH)
    below = make.make_branch(make.make_branch(general))
    organization_move(organization=general, parent=city.lianhua, by=by, document="深委〔2026〕1号")
    general.refresh_from_db()
    below.refresh_from_db()
    assert general.path.startswith(city.lianhua.path) and below.path.startswith(general.path)
    assert (below.guidance_station, below.district_committee) == (city.lianhua, city.futian)
    check_now()


def test_a_move_is_history_and_audited_with_the_units_of_both_sides(city, by):
    branch = make.make_branch(city.yuehai)
    organization_move(organization=branch, parent=city.lianhua, by=by, on=date(2026, 1, 5), document="文号")
    change = branch.changes.first()
    assert (change.event, change.on, change.document, change.by) == ("move", date(2026, 1, 5), "文号", by)
    assert (change.before, change.after) == ({"parent": city.yuehai.code}, {"parent": city.lianhua.code})
    units = set(last_event("orgs.organization.move").units)
    assert {city.yuehai.pk, city.nanshan.pk, city.lianhua.pk, city.futian.pk, branch.pk} <= units


def test_moving_a_guidance_station_carries_branches_and_businesses(city, by):
    branch, business = make.make_branch(city.yuehai), make.make_business(city.yuehai)
    stays = make.make_business(city.shahe)
    organization_move(organization=city.yuehai, parent=city.futian, by=by)
    branch.refresh_from_db()
    assert branch.district_committee == city.futian and branch.guidance_station == city.yuehai
    assert Business.objects.get(pk=business.pk).district_committee == city.futian
    assert Business.objects.get(pk=stays.pk).district_committee == city.nanshan
    check_now()


def test_a_branch_directly_under_the_city_has_no_lower_ancestors(city, by):
    branch = make.make_branch(city.yuehai)
    organization_move(organization=branch, parent=city.city, by=by)
    branch.refresh_from_db()
    assert (branch.guidance_station, branch.district_committee) == (None, None)
    check_now()


def test_movers_hear_of_the_whole_sub_tree_with_its_new_ancestors(city, by, registers):
    heard = []
    life.on_move(heard.append)
    branch = make.make_branch(city.yuehai)
    below = make.make_branch(branch)
    organization_move(organization=branch, parent=city.lianhua, by=by)
    (move,) = heard
    assert set(move.ids) == {branch.pk, below.pk}
    assert (move.guidance_station_id, move.district_committee_id) == (city.lianhua.pk, city.futian.pk)


@pytest.mark.parametrize(
    ("who", "where", "says"),
    [
        ("yuehai", "shahe", "区级党委"),
        ("nanshan", "yuehai", "下级"),
        ("city", "nanshan", "市级党委没有上级"),
        ("yuehai", "nanshan", "就是现在的上级"),
        ("nanshan", "futian", "市级党委"),
    ],
)
def test_a_move_that_the_tree_does_not_allow_is_refused(city, by, who, where, says):
    with pytest.raises(TreeError, match=says):
        organization_move(organization=city[who], parent=city[where], by=by)
    check_now()


def test_a_branch_cannot_move_below_itself_or_beside_its_namesake(city, by):
    branch = make.make_branch(city.yuehai)
    below = make.make_branch(branch)
    with pytest.raises(TreeError, match="自己的下级"):
        organization_move(organization=branch, parent=below, by=by)
    make.make_branch(city.shahe, name=branch.name)
    with pytest.raises(TreeError, match="同名"):
        organization_move(organization=branch, parent=city.shahe, by=by)


def test_a_tree_deeper_than_a_path_holds_is_refused(city, by):
    deepest = city.yuehai
    for _ in range(17):
        deepest = make.make_branch(deepest)
    assert len(deepest.path) == Organization._meta.get_field("path").max_length
    with pytest.raises(TreeError, match="太深"):
        make.make_branch(deepest)
    pair = make.make_branch(city.shahe)
    make.make_branch(pair)
    with pytest.raises(TreeError, match="太深"):
        organization_move(organization=pair, parent=deepest.parent, by=by)


def test_a_rename_keeps_the_old_name_in_the_history(city, by):
    branch = make.make_branch(city.yuehai, name="旧名党支部")
    organization_rename(organization=branch, name=" 新名党支部 ", by=by)
    change = branch.changes.first()
    assert (change.event, change.before, change.after) == ("rename", {"name": "旧名党支部"}, {"name": "新名党支部"})
    assert Organization.objects.get(pk=branch.pk).name == "新名党支部"


def test_an_edit_notes_only_what_differs(city, by):
    branch = make.make_branch(city.yuehai, short_name="甲")
    organization_edit(organization=branch, by=by, short_name="甲", host_kind="building")
    assert branch.changes.first().after == {"host_kind": "building"}
    lines = branch.changes.count()
    organization_edit(organization=branch, by=by, short_name="甲")
    assert branch.changes.count() == lines
    assert last_event("orgs.organization.edit").detail == {"columns": ["host_kind"]}


def test_an_edit_of_the_name_or_the_parent_is_a_mistake_of_the_caller(city, by):
    with pytest.raises(TypeError):
        organization_edit(organization=city.yuehai, by=by, name="别名")


def test_a_new_street_brings_its_district_and_a_contradiction_is_refused(city, by):
    branch = make.make_branch(city.yuehai)
    organization_edit(organization=branch, by=by, street=city.divisions["lianhua"])
    branch.refresh_from_db()
    assert branch.district == city.divisions["futian"]
    with pytest.raises(TreeError, match="不在所选的区"):
        organization_edit(
            organization=branch, by=by, street=city.divisions["yuehai"], district=city.divisions["futian"]
        )


def test_a_kind_that_does_not_stand_on_the_level_is_refused(city, by):
    with pytest.raises(TreeError, match="不能设在"):
        make.make_branch(city.yuehai, kind=Kind.DISTRICT_COMMITTEE)
    with pytest.raises(TreeError, match="不能设在"):
        organization_edit(organization=city.yuehai, by=by, kind=Kind.BRANCH)


def test_a_code_in_use_is_refused_without_saying_whose(city, by):
    with pytest.raises(TreeError) as error:
        make.make_branch(city.yuehai, code=city.lianhua.code)
    assert str(error.value) == "代码已被使用，请换一个。"


def test_closing_is_refused_while_something_lives_below(city, by):
    general = make.make_branch(city.yuehai)
    below = make.make_branch(general)
    with pytest.raises(TreeError, match="下面还有 1 个组织"):
        organization_close(organization=general, on=TODAY, by=by)
    organization_close(organization=below, on=TODAY, by=by)
    organization_close(organization=general, on=TODAY, by=by)
    assert not Organization.objects.open().filter(pk=general.pk).exists()
    assert general.changes.first().event == OrganizationChange.Event.CLOSE


def test_closing_asks_the_upper_rooms(city, by, registers):
    life.before_close(lambda organization, on: "还有 3 名在册党员" if organization.name == "甲支部" else None)
    with pytest.raises(TreeError, match="还有 3 名在册党员"):
        organization_close(organization=make.make_branch(city.yuehai, name="甲支部"), on=TODAY, by=by)
    organization_close(organization=make.make_branch(city.yuehai, name="乙支部"), on=TODAY, by=by)


def test_a_guidance_station_with_businesses_cannot_be_closed(city, by):
    make.make_business(city.yuehai)
    with pytest.raises(TreeError, match="经营主体 1 条"):
        organization_close(organization=city.yuehai, on=TODAY, by=by)


def test_closing_tomorrow_twice_or_before_the_founding_is_refused(city, by):
    branch = make.make_branch(city.yuehai, approved_on=date(2025, 3, 1))
    for day, says in ((TODAY + timedelta(days=1), "不能晚于今天"), (date(2025, 2, 1), "不能早于")):
        with pytest.raises(TreeError, match=says):
            organization_close(organization=branch, on=day, by=by)
    organization_close(organization=branch, on=TODAY, by=by)
    with pytest.raises(TreeError, match="不能再改"):
        organization_close(organization=branch, on=TODAY, by=by)
    with pytest.raises(TreeError, match="已撤销"):
        make.make_branch(branch)


def test_merging_two_guidance_stations_takes_everything_along(city, by):
    branch, business = make.make_branch(city.shahe), make.make_business(city.shahe)
    organization_merge(source=city.shahe, target=city.lianhua, on=TODAY, by=by, document="合并文号")
    branch.refresh_from_db()
    business.refresh_from_db()
    assert branch.parent == city.lianhua and branch.district_committee == city.futian
    assert (business.guidance_station, business.district_committee) == (city.lianhua, city.futian)
    assert Organization.objects.get(pk=city.shahe.pk).closed_on == TODAY
    assert city.lianhua.changes.first().before == {"merged": city.shahe.code}
    assert {city.shahe.pk, city.lianhua.pk, city.nanshan.pk, city.futian.pk} <= set(
        last_event("orgs.organization.merge").units
    )
    check_now()


def test_a_merge_calls_the_mergers_and_is_undone_when_something_is_left(city, by, registers):
    source, target = make.make_branch(city.yuehai), make.make_branch(city.shahe)
    below, heard = make.make_branch(source), []
    life.on_merge(heard.append)
    life.before_close(lambda organization, on: None if heard[1:] else "还有 1 名在册党员")
    with pytest.raises(TreeError, match="在册党员"):
        organization_merge(source=source, target=target, on=TODAY, by=by)
    below.refresh_from_db()
    assert below.parent == source
    organization_merge(source=source, target=target, on=TODAY, by=by)
    assert (heard[1].source, heard[1].target) == (source, target)


def test_a_merge_across_levels_or_into_a_body_without_rolls_is_refused(city, by):
    branch, alliance = make.make_branch(city.yuehai), make.make_branch(city.yuehai, kind=Kind.ALLIANCE)
    for source, target, says in (
        (branch, city.yuehai, "同为"),
        (city.nanshan, city.futian, "同为"),
        (branch, alliance, "不管理党籍"),
        (branch, branch, "自己"),
    ):
        with pytest.raises(TreeError, match=says):
            organization_merge(source=source, target=target, on=TODAY, by=by)


def test_the_preview_counts_what_hangs_on_it(city, registers):
    make.make_branch(city.yuehai)
    for _ in range(2):
        make.make_business(city.yuehai)
    make.make_user("officer", city.yuehai)
    life.describe_move(lambda organization: ["党员 23 人"])
    assert life.consequences(city.yuehai)[:3] == ["下级组织 1 个", "任职 1 个", "经营主体 2 条"]
    assert life.consequences(city.yuehai)[-1] == "党员 23 人"


def test_the_system_founds_with_history_and_a_seat_in_the_tree(city):
    district = organization_create(by=None, parent=city.city, level=Level.DISTRICT, code="X", name="新区小个专党委")
    assert district.path == city.futian.path[:-4] + "0003"
    assert district.changes.get().event == "create"
