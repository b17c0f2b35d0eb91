"""Small tables note what they repaired, as businesses do: shown, counted by rule, never silent; of persons no text."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from tables import services
from tables.models import Batch
from tests import factories
from tests.markets import files
from tests.members import make
from tests.members.test_import_rolls import person
from tests.tables.scan import found_in_clear


def checked(by, target: str, rows: list[dict]) -> Batch:
    upload = SimpleUploadedFile("文件.csv", files.to_csv(rows).encode())
    batch = services.batch_start(by=by, target_name=target, uploads=[upload])
    services.batch_check(batch=batch)
    assert batch.state == Batch.State.CHECKED, batch.problem
    return batch


def noted(batch: Batch) -> list[tuple]:
    return list(batch.repairs.values_list("row", "column", "before", "after", "rule"))


def test_repairs_of_cells_are_noted_counted_and_shown(city, registrar, client):
    plain = {"编号": "SC-1", "名称": "甲市场", "指导站": "粤海指导站", "摊位数": "10", "关闭日期": "2024-01-02"}
    code = files.make_code()
    batch = checked(
        registrar,
        "market",
        [
            plain,
            plain | {"编号": "ＳＣ－2", "名称": "乙\u200b市场", "摊位数": "1,200"},
            plain | {"编号": "SC-3", "名称": "丙  市场", "摊位数": "12.0", "关闭日期": "45293"},
            plain | {"编号": "'0004", "关闭日期": "2024年1月2日", "开办方信用代码": code.lower()},
        ],
    )
    assert set(noted(batch)) == {
        (3, "名称", "乙\u200b市场", "乙市场", "不可见字符"),
        (3, "摊位数", "1,200", "1200", "千分位逗号"),
        (3, "编号", "ＳＣ－2", "SC-2", "全角字符"),
        (4, "关闭日期", "45293", "2024-01-02", "日期序号"),
        (4, "名称", "丙  市场", "丙 市场", "多余的空格"),
        (4, "摊位数", "12.0", "12", "多余的 .0"),
        (5, "关闭日期", "2024年1月2日", "2024-01-02", "日期写法"),
        (5, "开办方信用代码", code.lower(), code, "小写字母"),
        (5, "编号", "'0004", "0004", "文本标记（'）"),
    }
    assert (batch.counts["repaired"], batch.counts["new"], batch.counts["wrong"]) == (9, 4, 0)
    assert batch.plan["repairs"]["日期序号"] == 1
    client.force_login(registrar)
    page = client.get(reverse("tables:batch", args=[batch.pk])).content.decode()
    assert "自动修复" in page and "千分位逗号" in page and "1,200" in page


def test_what_stands_as_it_should_is_no_repair(city, registrar):
    row = {"编号": "sc-1", "名称": "ＡＢＣ市场", "指导站": "粤海市场监管所", "类型": "批发市场", "纬度": "22.5431"}
    assert noted(checked(registrar, "market", [row])) == []


def test_of_persons_only_the_place_and_the_rule_are_kept(city, registrar):
    factories.make_branch(city.yuehai, name="示例党支部")
    phone, number = make.phone(), make.id_number()
    row = person(手机号=f"{phone[:3]}-{phone[3:]}", 身份证号=number.lower() + " ", 姓名="欧阳\u3000示例")
    batch = checked(registrar, "roll", [row])
    assert batch.counts["new"] == 1
    assert {(column, before, after) for _, column, before, after, _ in noted(batch)} >= {("手机号", "", "")}
    assert found_in_clear(phone, number, "欧阳", row["手机号"]) == []


@pytest.mark.parametrize("target", ["organization", "service_point"])
def test_other_tables_do_the_same(city, registrar, target):
    row = {"代码": "Ｄ1", "编号": "Ｄ1", "名称": "甲", "类型": "党支部", "上级": "粤海指导站", "指导站": "粤海指导站"}
    if target == "service_point":
        row["类型"] = "爱心商户"
    batch = checked(registrar, target, [row])
    assert (batch.counts["new"], batch.counts["repaired"]) == (1, 1)
