"""Rows that are no data are set aside and told; what may be a business never is."""

import pytest

from tables.readers import open_source
from tables.readers.tidy import UNIT_ROW
from tables.table import Column, Table

TABLE = Table(
    name="sample",
    title="样表",
    columns=(
        Column("code", "代码", kind="code"),
        Column("name", "名称"),
        Column("count", "摊位", kind="integer"),
        Column("address", "地址"),
    ),
    needs=(("code",), ("name",)),
)
HEADING, LINE = "代码,名称,摊位,地址\n", "001,甲市场,3,示例路\n"


def read(tmp_path, content: str | bytes, table=TABLE):
    """The names of the rows read, and the rules by which others were not."""
    path = tmp_path / "a.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    source = open_source(path, table)
    names = [block.row(at)[source.mapping["name"]] for block in source.blocks() for at in range(len(block))]
    return names, dict(source.notes.counts)


@pytest.mark.parametrize(
    "row",
    [
        "制表人：张示例,,,",
        ",制表人：,张示例,",
        "制表人：,张示例,审核人：,李示例",
        "填表人:张示例　审核人:李示例,,,",
        "单位负责人（签字）：,,填报日期：,2026-01-02",
        "备注：本表数据截至上月,,,",
        ",备 注：以登记为准,,",
        "说明：,以登记为准,,",
        "注1：以登记为准,,,",
        "以下空白,,,",
        ",——以下空白——,,",
        "第 1 页 共 3 页,,,",
        "第1页/共3页,,,",
        ",,,Page 1 of 3",
        "打印时间：2026-01-02 09:30,,,",
        "打印时间,,,",
        "制表人：张示例,,2026年1月5日,",
        "报表生成时间 2026-01-05,,,",
        "主管领导签字：,,经办人签字：,",
        "共 12 条记录,,,",
        ",2026年1月5日,,",
        "※ 带星号的必填,,,",
        "（盖章）,,,",
    ],
)
def test_footers(tmp_path, row):
    rules = {"表尾、说明（已跳过）": 1}
    assert read(tmp_path, HEADING + LINE + row + "\n") == (["甲市场"], rules)
    assert read(tmp_path, HEADING + row + "\n" + LINE) == (["甲市场"], rules)


@pytest.mark.parametrize("word", ["总数", "累计", "共计", "总计", "合计", "小计"])
def test_totals(tmp_path, word):
    for row in (f"{word},,12,", f",{word},12户,", f"{word}：,3,12,"):
        assert read(tmp_path, HEADING + LINE + row + "\n") == (["甲市场"], {"合计行（已跳过）": 1})


@pytest.mark.parametrize(
    "row", ["（户）,,（户）,", ",,单位：户,", "必填,必填,选填,选填", "1,2,3,4", "甲,（1）,（2）,（3）", "序号,1,2,3"]
)
def test_units_below_the_header(tmp_path, row):
    assert read(tmp_path, HEADING + row + "\n" + LINE) == (["甲市场"], {UNIT_ROW: 1})
    assert len(read(tmp_path, HEADING + LINE + row + "\n")[0]) == 2, "elsewhere it is a row, and a wrong one"


@pytest.mark.parametrize(
    "row",
    [
        "002,备注文具店,,",
        ",备注文具店,,",
        ",说明书印刷厂,1,示例路",
        ",备注：文具店,1,示例路",
        "002,制表人：张示例,,",
        ",以下空白工作室,,",
        ",总数据科技,12,",
        ",累计,12,示例路",
        ",第一页书店,,",
        ",打印时间图文店,,",
        "91440300MA5000000X,备注：,,",
        ",2026年1月5日,1,",
        ",完美日记,,",
        ",2026年度商行,,",
        "SC-12,总计,12,",
        "12,乙市场,12,共计3人",
        "1,3,2,4",
    ],
)
def test_what_may_be_a_business_stays(tmp_path, row):
    names, rules = read(tmp_path, HEADING + LINE + row + "\n")
    assert len(names) == 2 and rules == {}


def test_names_alone_are_no_footers(tmp_path):
    table = Table("named", "名单", (Column("name", "名称"), Column("address", "地址")), (("name",),))
    content = "名称,地址\n备注文具店,\n共享单车,\n第一百货,\n联系我们便利店,\n备注：完,\n"
    assert read(tmp_path, content, table)[0] == ["备注文具店", "共享单车", "第一百货", "联系我们便利店"]


@pytest.mark.parametrize("end", [b"\x1a", b"\r\n\x1a", b"\n\x1a\n", b"\n\x1a\x1a\x1a"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_how_dos_ends_a_file(tmp_path, end, quote):
    content = (HEADING + LINE.replace("甲市场", f"{quote}甲市场{quote}").strip()).encode() + end
    assert read(tmp_path, content) == (["甲市场"], {})
