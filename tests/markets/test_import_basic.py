"""New, changed, unchanged, twice: what an import does to the registry."""

import csv
from datetime import datetime

import pytest
from django.db import connection

from accounts.models import AuditEvent
from markets.imports import checks
from markets.models import Business, BusinessVersion, Declaration
from markets.tables import BUSINESSES
from tables.models import Batch, BatchChange, BatchRange
from tests import factories
from tests.markets.files import make_code, make_row

pytestmark = pytest.mark.django_db


def test_new_row_becomes_a_business(send, city, registrar):
    market = factories.make_market(city.yuehai, name="华强市场")
    row = make_row(
        规模="微型", 行业代码="5211", 成立日期="2020年1月2日", 监管所="粤海市场监管所", 所属市场="华强市场",
        从业人数="12人", 住所="科技园 1 号",
    )  # fmt: skip
    answer = send([row])
    assert (answer["new"], answer["errors"]) == (1, [])
    business = Business.objects.get(uscc=row["统一社会信用代码"])
    assert (business.entity_type, business.scale, business.scale_source) == ("company", "micro", "registration")
    assert (business.industry, str(business.registered_on), business.status) == ("F5211", "2020-01-02", "active")
    assert (business.employees, business.market, business.address) == (12, market, "科技园 1 号")
    assert business.guidance_station == city.yuehai and business.district_committee == city.nanshan
    assert business.street == city.divisions["yuehai"] and business.district == city.divisions["nanshan"]


def test_same_file_twice_changes_nothing(send):
    rows = [
        make_row(从业人数="20", 正式党员数="3", 预备党员数="1"),
        make_row(所属街道="粤海街道"), make_row(监管所="沙河所", 规模="小型", 成立日期="43832"), make_row(主体类型="微型企业"),
    ]  # fmt: skip
    assert send(rows)["new"] == 4
    images = BatchChange.objects.count()
    answer = send(rows)
    assert (answer["unchanged"], answer["changed"], answer["new"]) == (4, 0, 0)
    assert BatchChange.objects.count() == images and not BusinessVersion.objects.exists()
    assert Declaration.objects.count() == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_same_file_twice_with_shuffled_columns_and_other_line_ends(send, city, encoding):
    """Written by another program: columns in another order, CRLF, every cell quoted, another encoding."""
    factories.make_market(city.yuehai, name="华强市场")
    rows = [
        make_row(规模="微型", 行业代码="5211", 成立日期="2020-01-02", 监管所="粤海所", 所属市场="华强市场", 从业人数="12",
                 住所="科技园 1 号，A,B 座", 经营状态="歇业"),
        make_row(所属街道="粤海街道", 正式党员数="3", 预备党员数="1", 从业人数="20"),
        make_row(主体类型="个体工商户", 监管所="沙河所", 成立日期="43832"),
    ]  # fmt: skip
    first = send(rows)
    header = sorted({key for row in rows for key in row})
    assert (first["new"], first["errors"]) == (3, [])
    before = list(Business.objects.order_by("pk").values())
    tables = (BatchChange, BatchRange, BusinessVersion, Declaration)
    written = [table.objects.count() for table in tables]
    more = {"header": header[::-1], "lineterminator": "\r\n", "quoting": csv.QUOTE_ALL}
    answer = send(rows, encoding=encoding, **more)
    assert (answer["rows"], answer["unchanged"]) == (3, 3), answer
    assert [table.objects.count() for table in tables] == written
    assert list(Business.objects.order_by("pk").values()) == before


def test_change_keeps_before_image_and_version(send, city):
    row = make_row(从业人数="12", 住所="旧址", 经营状态="存续")
    send([row])
    business = Business.objects.get()
    answer = send([row | {"从业人数": "30", "住所": "新址", "经营状态": "歇业"}])
    assert (answer["changed"], answer["new"]) == (1, 0)
    business.refresh_from_db()
    assert (business.employees, business.address, business.status) == (30, "新址", "dormant")
    version = BusinessVersion.objects.get()
    assert version.values == {"employees": 12, "status": "active"}
    assert version.valid_from == business.entered_at <= version.valid_to
    image = BatchChange.objects.get(batch=Batch.objects.latest("pk"))
    assert image.record_id == business.pk
    changed_at = datetime.fromisoformat(image.before.pop("changed_at"))
    assert image.before == {"employees": 12, "status": "active", "address": "旧址"}
    assert changed_at == business.entered_at


def test_a_version_begins_where_the_one_before_it_ended(send):
    rows = [make_row(从业人数="12"), make_row(从业人数="12")]
    for employees in ("12", "20", "30"):
        send([row | {"从业人数": employees} for row in rows])
    for business in Business.objects.all():
        first, second = business.versions.order_by("pk")
        assert (first.valid_from, second.valid_from) == (business.entered_at, first.valid_to)


def test_one_business_among_many_versions_is_found_by_itself(city):
    """Statistics lag behind a file that writes versions: by the end alone each row would read all of them."""
    business = factories.make_business(city.yuehai)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO markets_businessversion (business_id, valid_to, values) "
            "SELECT %s, now() - n * interval '1 s', '{}' FROM generate_series(1, 20000) n",
            [business.pk],
        )
        cursor.execute(
            "EXPLAIN SELECT (SELECT max(valid_to) FROM markets_businessversion o WHERE o.business_id = b.id) "
            "FROM markets_business b"
        )
        told = "\n".join(line for (line,) in cursor.fetchall())
    assert "businessversion_of_business" in told and "businessversion_replaced" not in told, told


def test_new_rows_are_a_range_without_before_images_or_versions(send):
    send([make_row(), make_row(), make_row()])
    ids = sorted(Business.objects.values_list("pk", flat=True))
    assert list(BatchRange.objects.values_list("first", "last")) == [(ids[0], ids[-1])]
    assert not BatchChange.objects.exists() and not BusinessVersion.objects.exists()


def test_address_alone_writes_no_version(send):
    row = make_row(住所="旧址")
    send([row])
    assert send([row | {"住所": "新址"}])["changed"] == 1
    assert not BusinessVersion.objects.exists()


def test_blank_cell_never_clears(send):
    row = make_row(从业人数="12", 住所="旧址", 经营状态="歇业", 行业代码="F5211", 监管所="粤海所")
    send([row])
    answer = send([row | {"从业人数": "", "住所": " ", "经营状态": "-", "行业代码": "　", "监管所": ""}])
    assert answer["unchanged"] == 1
    business = Business.objects.get()
    assert (business.employees, business.address, business.status, business.industry) == (
        12,
        "旧址",
        "dormant",
        "F5211",
    )
    assert business.guidance_station is not None


def test_chosen_guidance_station_stays_when_the_file_names_only_the_same_place(send, city):
    code = make_code()
    business = factories.make_business(city.shahe, uscc=code, name="示范商贸有限公司", entity_type_text="有限责任公司")
    Business.objects.filter(pk=business.pk).update(street=city.divisions["yuehai"])
    assert send([make_row(统一社会信用代码=code, 所属街道="粤海")])["unchanged"] == 1
    assert send([make_row(统一社会信用代码=code)])["unchanged"] == 1
    business.refresh_from_db()
    assert business.guidance_station == city.shahe


def test_move_to_another_district_waits_there(send, city):
    code = make_code()
    business = factories.make_business(city.yuehai, uscc=code)
    assert send([make_row(统一社会信用代码=code, 所属区="福田")])["changed"] == 1
    business.refresh_from_db()
    assert (business.district_committee, business.guidance_station, business.street) == (city.futian, None, None)


def test_dry_run_writes_nothing(send):
    answer = send([make_row(), make_row(经营状态="?")], "--dry-run")
    assert (answer["new"], answer["wrong"]) == (1, 1)
    assert not Business.objects.exists() and not Batch.objects.exists() and not BatchChange.objects.exists()


def test_batch_keeps_counts_errors_and_audit(send, city, registrar):
    send([make_row(监管所="粤海所"), make_row(经营状态="不知道")])
    batch = Batch.objects.get()
    assert (batch.state, batch.owner, batch.counts["new"], batch.counts["wrong"]) == ("applied", registrar, 1, 1)
    error = batch.errors.get()
    assert (error.row, error.kind, error.column, error.value) == (3, "wrong", "经营状态", "不知道")
    event = AuditEvent.objects.get(act="markets.business.import")
    assert event.units == sorted([city.yuehai.pk, city.nanshan.pk])
    assert event.detail["counts"]["new"] == 1 and event.actor == registrar


@pytest.mark.parametrize(
    "header",
    [
        "*统一社会信用代码(必填),*企业名称,企业类型,登记状态,成立时间,所在区,镇街,从业人员,住所（经营场所）",
        "社会信用代码,商事主体名称,商事主体类型,商事主体状态,设立时间,所属辖区,街道办,职工总数,详细地址",
        "统一社会信用代码\n(18位),企业\n名称,类型名称,经营状态（中文）,注册日期,所属区（新区）,所属街道办事处,从业人员数,企业住所",
    ],
)
def test_columns_are_known_as_registries_call_them(header):
    found = BUSINESSES.map_header(header.split(","))
    keys = ["code", "name", "entity_type", "status", "registered_on", "district", "street", "employees", "address"]
    assert found == {key: at for at, key in enumerate(keys)}


def test_a_file_of_nothing_but_wrong_rows_is_not_read_to_its_end(send, monkeypatch):
    """Millions of rows that are no businesses would be told one by one. One right row, and all others are told."""
    monkeypatch.setattr(checks, "HOPELESS", 3)
    rows = [make_row(统一社会信用代码="x") for _ in range(3)]
    assert "前 3 行没有一行是对的" in send(rows)["error"]
    assert send([*rows, make_row()])["wrong"] == 3
