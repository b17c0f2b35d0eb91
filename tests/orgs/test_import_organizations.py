"""Files of organizations: founding, editing, renaming; parents in the same file; what a file never does."""

import pytest

from orgs.models import Organization, OrganizationChange
from orgs.tree_check import tree_problems
from tables import importer
from tables.models import BatchChange, BatchRange
from tests import factories
from tests.markets import files

NAME, CODE, KIND, PARENT = "名称", "代码", "类型", "上级"


@pytest.fixture
def bring(city, tmp_path):
    registrar = factories.make_user("registrar", city.city)

    def bringing(rows, *options, by=registrar):
        answer = files.import_file(files.write(tmp_path / "file.csv", rows), by, *options, target="organization")
        assert "error" not in answer, answer
        return answer

    return bringing


def branch(number: int, **more) -> dict:
    return {CODE: f"DZZ-{number}", NAME: f"示例{number}党支部", KIND: "党支部", PARENT: "粤海指导站"} | more


def told(answer: dict) -> list[tuple]:
    return [(error["row"], error["column"], error["reason"]) for error in answer["errors"]]


def counts(answer: dict) -> dict:
    parts = ("new", "changed", "unchanged", "wrong", "duplicate", "out_of_scope")
    return {name: answer[name] for name in parts if answer[name]}


def test_founding_edits_and_renames_leave_history(city, bring):
    rows = [branch(1, 本届起="2022-07-01", 依托="市场"), branch(2, 所属街道="沙河街道")]
    assert counts(bring(rows)) == {"new": 2}
    one = Organization.objects.get(code="DZZ-1")
    assert (one.parent, one.guidance_station, one.level) == (city.yuehai, city.yuehai, 4)
    assert str(one.term_ends_on) == "2025-07-01"
    assert one.changes.get().event == "create"
    assert Organization.objects.get(code="DZZ-2").street == city.divisions["shahe"]
    assert counts(bring(rows)) == {"unchanged": 2}
    assert not BatchChange.objects.exists()
    made = BatchRange.objects.get()
    assert made.last - made.first == 1
    answer = bring([branch(1, 名称="改名党支部", 简称="改名"), branch(2, 依托="")])
    assert counts(answer) == {"changed": 1, "unchanged": 1}
    assert set(OrganizationChange.objects.filter(organization=one).values_list("event", flat=True)) == {
        "create", "rename", "edit",
    }  # fmt: skip
    assert BatchChange.objects.get().before == {"name": "示例1党支部", "short_name": ""}
    assert not list(tree_problems())


def test_parents_stand_in_the_same_file_in_any_order(city, bring):
    rows = [
        branch(1, 上级="DZZ-2"),
        branch(2, 名称="甲党总支", 类型="党总支", 上级="甲综合党委"),
        branch(3, 名称="甲综合党委", 类型="综合党委"),
    ]
    assert counts(bring(rows, "--dry-run")) == {"new": 3}
    assert counts(bring(rows)) == {"new": 3}
    assert Organization.objects.get(code="DZZ-1").parent.parent.parent == city.yuehai
    assert not list(tree_problems())
    assert counts(bring(rows)) == {"unchanged": 3}


def test_circles_and_what_hangs_on_a_wrong_row(bring):
    answer = bring(
        [branch(1, 上级="DZZ-2"), branch(2, 上级="DZZ-1"), branch(3, 上级="DZZ-2"), branch(4, 类型="没有的"),
         branch(5, 上级="DZZ-4"), branch(6, 上级="DZZ-6")]
    )  # fmt: skip
    assert counts(answer) == {"wrong": 6}
    reasons = {row: reason for row, _, reason in told(answer)}
    assert "圈" in reasons[2] and "圈" in reasons[3]
    assert "第 3 行" in reasons[4]
    assert "第 5 行" in reasons[6]
    assert reasons[7] == "上级不能是自己"


def test_a_file_moves_nothing(city, bring):
    bring([branch(1)])
    answer = bring([branch(1, 上级="沙河指导站"), branch(1)])
    assert counts(answer) == {"wrong": 1, "duplicate": 1}
    assert "调整隶属" in told(answer)[0][2]
    assert Organization.objects.get(code="DZZ-1").parent == city.yuehai


def test_wrong_cells(city, bring):
    answer = bring(
        [
            branch(1, 上级=""),
            branch(2, 类型=""),
            branch(3, 名称=""),
            branch(4, 层级="区级"),
            branch(5, 本届起="2022-07-01", 本届止="2021-07-01"),
            branch(6, 延期至="2026-01-01"),
            branch(7, 上级="没有的组织"),
            branch(8, 类型="指导站", 层级="指导站"),
            branch(9, 名称="同名党支部"),
            branch(10, 名称="同名党支部"),
            branch(11, 所属区="福田区", 所属街道="粤海街道"),
            branch(12, 类型="临时党支部", 本届起="2022-07-01"),
        ]
    )
    assert counts(answer) == {"wrong": 11, "new": 1}
    assert [(row, column) for row, column, _ in told(answer)] == [
        (2, "上级"), (3, "类型"), (4, "名称"), (5, "层级"), (6, "本届止"), (7, "本届止"), (8, "上级"), (9, "上级"),
        (11, "名称"), (12, "所属街道"), (13, "本届起"),
    ]  # fmt: skip


def test_the_city_committee_is_founded_by_hand_and_the_file_says_where(bring):
    answer = bring([{CODE: "SZ-2", NAME: "示例市小个专党委", KIND: "市小个专党委"}])
    ((row, column, reason),) = told(answer)
    assert (row, column) == (2, PARENT) and "「登记与维护」" in reason


def test_scope_between_two_districts(city, bring):
    bring([branch(1), branch(2, 上级="莲花指导站")])
    theirs = factories.make_user("registrar", city.futian)
    answer = bring(
        [branch(1, 名称="改名"), branch(3), branch(4, 上级="没有的"), branch(5, 上级="莲花指导站")], by=theirs
    )
    assert counts(answer) == {"out_of_scope": 1, "wrong": 2, "new": 1}
    parents = {reason for row, column, reason in told(answer) if column == PARENT and row in (3, 4)}
    assert len(parents) == 1  # a parent outside the scope is like a missing one
    assert Organization.objects.get(code="DZZ-1").name == "示例1党支部"


def test_a_closed_one_stays_as_it_is(city, bring):
    bring([branch(1)])
    Organization.objects.filter(code="DZZ-1").change(closed_on="2024-01-01")
    assert counts(bring([branch(1)])) == {"unchanged": 1}
    assert counts(bring([branch(1, 名称="新名")])) == {"wrong": 1}


def test_more_rows_than_are_taken_at_once(city, tmp_path, monkeypatch):
    monkeypatch.setattr(importer, "ROWS_LIMIT", 2)
    path = files.write(tmp_path / "file.csv", [branch(number) for number in range(3)])
    answer = files.import_file(path, factories.make_user("registrar", city.city), target="organization")
    assert "一次最多导入 2 行" in answer["error"]
