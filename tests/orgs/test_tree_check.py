"""check_tree names whatever is broken. Only the owner, with constraints taken away, can break it."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from orgs.models import Organization
from tests import factories as make

pytestmark = pytest.mark.django_db


def run() -> dict:
    out = StringIO()
    try:
        call_command("check_tree", "--json", stdout=out)
    except CommandError as error:
        assert error.returncode == 1
        return json.loads(out.getvalue())
    told = json.loads(out.getvalue())
    assert told["problems"] == []
    return told


def break_it(owner_role, pk: int, constraints: tuple[str, ...] = (), **columns) -> None:
    """Change columns behind the services' back, as the owner, in the test's own transaction."""
    with owner_role(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for name in constraints:
            cursor.execute(f"ALTER TABLE orgs_organization DROP CONSTRAINT {name}")
        Organization.objects.filter(pk=pk).change(**columns)


def found(told: dict) -> set[tuple[str, str]]:
    return {(problem["code"], problem["rule"]) for problem in told["problems"]}


def test_a_whole_tree_has_no_problems(city):
    make.make_branch(make.make_branch(city.yuehai))
    make.make_branch(city.city)
    assert run()["organizations"] == 10


def test_a_path_that_is_not_below_the_parent_is_named(city, owner_role):
    break_it(owner_role, city.yuehai.pk, path=city.futian.path + "0009")
    assert found(run()) == {(city.yuehai.code, "path")}


def test_a_path_of_odd_width_is_named(city, owner_role):
    break_it(owner_role, city.yuehai.pk, path=city.nanshan.path + "001")
    assert (city.yuehai.code, "labels") in found(run())


def test_an_illegal_level_is_named(city, owner_role):
    break_it(owner_role, city.yuehai.pk, parent=city.shahe, path=city.shahe.path + "0001")
    assert found(run()) == {(city.yuehai.code, "level")}


def test_wrong_ancestors_are_named(city, owner_role):
    branch = make.make_branch(city.yuehai)
    break_it(owner_role, branch.pk, guidance_station=city.lianhua, district_committee=city.futian)
    assert found(run()) == {(branch.code, "ancestors")}


def test_a_kind_on_the_wrong_level_is_named(city, owner_role):
    break_it(owner_role, city.yuehai.pk, ("organization_kind_fits_level",), kind="branch")
    assert found(run()) == {(city.yuehai.code, "kind")}


def test_a_street_outside_its_district_is_named(city, owner_role):
    keys = ("orgs_organization_street_in_district",)
    break_it(owner_role, city.yuehai.pk, keys, district=city.divisions["futian"])
    assert found(run()) == {(city.yuehai.code, "locality")}


def test_an_open_organization_under_a_closed_one_is_named(city, owner_role):
    branch = make.make_branch(city.yuehai)
    break_it(owner_role, city.yuehai.pk, closed_on="2026-01-01")
    assert found(run()) == {(branch.code, "closed")}


def test_the_command_lists_in_words_and_fails(city, owner_role):
    break_it(owner_role, city.yuehai.pk, path=city.futian.path + "0009")
    out = StringIO()
    with pytest.raises(CommandError, match="1 处问题"):
        call_command("check_tree", stdout=out)
    assert out.getvalue().startswith(f"{city.yuehai.code}：路径")
