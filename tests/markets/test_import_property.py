"""Whatever a file holds: every row has one verdict, every bad row is told of, and the second time changes nothing."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from markets.models import Business
from tables.models import BatchChange
from tests.markets import files
from tests.markets.files import make_code

CODES = [make_code(9_000_000 + number) for number in range(6)]
BAD = ["", "9.1E+17", CODES[0][:-1] + "*", CODES[1][:17], "  ", "440301123456789", "44030112345678９"]
CELLS = {
    "统一社会信用代码": st.sampled_from([*CODES, CODES[0].lower(), f" {CODES[1]}\u200b", *BAD]),
    "注册号": st.sampled_from(["", "", "440301123456789", "440301999999999", "12"]),
    "名称": st.one_of(st.sampled_from(["甲公司", "", "\u3000", '引"号,公司', "换\n行"]), st.text(max_size=12)),
    "主体类型": st.sampled_from(["有限责任公司", "个体工商户", "微型企业", "火星企业", "", "分公司"]),
    "所属区": st.sampled_from(["南山", "福田区", "", "朝阳区"]),
    "所属街道": st.sampled_from(["", "粤海街道", "莲花", "无此街道"]),
    "监管所": st.sampled_from(["", "", "粤海所", "莲花市场监管所", "月球所"]),
    "从业人数": st.sampled_from(["", "5", "12", "30人", "-1", "1.5"]),
    "正式党员数": st.sampled_from(["", "3", "0", "x"]),
    "党员人数(含预备)": st.sampled_from(["", "2", "4"]),
    "经营状态": st.sampled_from(["", "存续", "吊销", "?"]),
    "成立日期": st.sampled_from(["", "2020-01-02", "2999-01-01", "43832"]),
}
ROWS = st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=12)


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, encoding=st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]))
def test_the_arithmetic_holds_and_the_second_time_changes_nothing(rows, encoding, registrar, tmp_path):
    before = set(Business.objects.values_list("pk", flat=True))
    path = tmp_path / "file.csv"
    path.write_bytes(files.to_csv(rows, list(CELLS)).encode(encoding, "replace"))
    tried = files.import_file(path, registrar, "--dry-run")
    first = files.import_file(path, registrar)  # import_file itself asserts that the parts make up the rows
    if "error" in first:
        assert "error" in tried
        return
    said = {key: value for key, value in first.items() if key != "seconds"}
    assert {key: value for key, value in tried.items() if key != "seconds"} == said
    told = {error["row"] for error in first["errors"]}
    assert len(told) == first["wrong"] + first["duplicate"] + first["out_of_scope"]
    assert Business.objects.count() == len(before) + first["new"]
    images = BatchChange.objects.count()
    again = files.import_file(path, registrar)
    assert (again["new"], again["changed"]) == (0, 0), (first, again)
    assert again["unchanged"] == first["new"] + first["changed"] + first["unchanged"]
    assert BatchChange.objects.count() == images
