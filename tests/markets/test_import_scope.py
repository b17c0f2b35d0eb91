"""Who may import what, and two people at once."""

import threading

import pytest
from django.db import connection

from markets.imports.places import Place, Scope
from markets.models import Business
from tables.models import Batch, BatchRange
from tests import factories
from tests.markets import files
from tests.markets.files import make_code, make_row


@pytest.mark.django_db
def test_rows_outside_the_own_scope_are_told(send, city):
    clerk = factories.make_user("registrar", city.nanshan)
    rows = [make_row(), make_row(所属区="福田区"), make_row(监管所="粤海所"), make_row(所属区="", 监管所="莲花所")]
    answer = send(rows, by=clerk)
    assert (answer["new"], answer["out_of_scope"]) == (2, 2)
    said = [(error["row"], error["column"], error["value"]) for error in answer["errors"]]
    assert said == [(3, "所属区", "福田区"), (5, "监管所", "莲花所")]
    assert all("权限范围" in error["reason"] for error in answer["errors"])


@pytest.mark.django_db
def test_registered_elsewhere_says_only_that(send, city):
    code = make_code()
    factories.make_business(city.lianhua, uscc=code, name="原名")
    clerk = factories.make_user("registrar", city.nanshan)
    answer = send([make_row(统一社会信用代码=code)], by=clerk)
    assert answer["out_of_scope"] == 1
    assert answer["errors"] == [
        {"row": 2, "column": "统一社会信用代码", "value": code, "reason": "该主体已由其他单位登记"}
    ]
    assert Business.objects.get().name == "原名"


@pytest.mark.django_db
def test_unassigned_business_of_the_district_is_in_scope_only_of_the_district(send, city):
    code = make_code()
    factories.make_business(city.nanshan, uscc=code)
    office = factories.make_user("registrar", city.yuehai)
    assert send([make_row(统一社会信用代码=code, 监管所="粤海所")], by=office)["out_of_scope"] == 1
    assert send([make_row()], by=office)["out_of_scope"] == 1  # only the district is said: not this office's


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["officer", "leader", "secretary"])
def test_without_the_right_nothing_is_read(send, city, role):
    assert "没有导入经营主体的权限" in send([make_row()], by=factories.make_user(role, city.nanshan))["error"]


@pytest.mark.django_db
def test_unknown_user_target_or_file(registrar, tmp_path):
    missing = files.import_file(tmp_path / "none.csv", registrar)
    assert "找不到文件" in missing["error"]
    stranger = factories.make_user(username="x")
    stranger.username = "nobody"
    assert "没有账号" in files.import_file(tmp_path / "none.csv", stranger)["error"]


@pytest.mark.django_db
def test_file_without_rows_or_header_is_refused(registrar, tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("统一社会信用代码,名称,主体类型,所属区\n\n", encoding="utf-8")
    assert "没有一行数据" in files.import_file(path, registrar)["error"]
    path.write_text("名称,所属区\n甲,南山\n", encoding="utf-8")
    said = files.import_file(path, registrar)["error"]
    assert "「统一社会信用代码」或「注册号」" in said and "「主体类型」" in said and "名称、所属区" in said
    assert not Batch.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "unit", ["city", "nanshan", "yuehai", "division nanshan", "division yuehai", "division city", "branch"]
)
def test_scope_is_the_doors_scope(city, unit):
    """For rows that are not in the database yet the rule is written a second time; both must agree."""
    where = {"branch": lambda: factories.make_branch(city.yuehai)}.get(unit)
    place = where() if where else city.divisions[unit[9:]] if unit.startswith("division") else city[unit]
    user = factories.make_user("registrar", place)
    scope = Scope.of(user, "markets.import_business")
    rows = [factories.make_business(city[name]) for name in ("nanshan", "yuehai", "shahe", "lianhua")]
    rows.append(factories.make_business(city.yuehai, **dict.fromkeys(("district_committee_id", "guidance_station_id"))))
    visible = set(Business.objects.visible_to(user, "markets.import_business").values_list("pk", flat=True))
    for row in rows:
        stands = Place(row.district_committee_id, row.guidance_station_id, row.district_id, row.street_id, "office")
        assert scope.holds(stands) == (row.pk in visible)
    condition, params = scope.sql("b")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM markets_business b WHERE {condition}", params)
        assert {pk for (pk,) in cursor.fetchall()} == visible


@pytest.mark.django_db(transaction=True)
def test_two_overlapping_files_at_once_neither_double_nor_deadlock(tmp_path):
    city = factories.make_city()
    shared = [make_row(统一社会信用代码=make_code()) for _ in range(400)]
    users = [factories.make_user("registrar", city.nanshan) for _ in range(2)]
    paths = [
        files.write(tmp_path / "a.csv", shared + [make_row() for _ in range(50)]),
        files.write(
            tmp_path / "b.csv", [row | {"从业人数": "9"} for row in reversed(shared)] + [make_row() for _ in range(50)]
        ),
    ]
    answers, failures, start = {}, [], threading.Barrier(2)

    def work(number: int) -> None:
        try:
            start.wait(10)
            answers[number] = files.import_file(paths[number], users[number])
        except BaseException as error:  # the test must see it, whatever it is
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures and Business.objects.count() == 500
    assert sorted(answer["new"] for answer in answers.values()) == [50, 450]
    # Whichever came second found the 400 there: changed them by its employees, or had nothing to say of them.
    second = next(answer for answer in answers.values() if answer["new"] == 50)
    assert second["changed"] + second["unchanged"] == 400 and second["changed"] in (0, 400)
    assert Business.objects.filter(employees=9).count() == 400
    made = [each for a, b in BatchRange.objects.values_list("first", "last") for each in range(a, b + 1)]
    assert sorted(made) == sorted(Business.objects.values_list("pk", flat=True))
