import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.models import AuditEvent
from orgs.divisions import MAP_FILE, divisions_import, divisions_read
from orgs.models import Division

pytestmark = pytest.mark.django_db
Level = Division.Level


def test_import_loads_the_whole_city_under_the_web_role():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone()[0] == "web"
    counts = divisions_import()
    assert counts == {
        "city": 1, "districts": 11, "streets": 74, "towns": 4, "statistical": 5, "communities": 827,
        "created": 922, "updated": 0, "unchanged": 0,
    }  # fmt: skip
    streets = Division.objects.filter(level=Level.STREET)
    assert streets.filter(is_statistical=False).count() == 78
    assert streets.filter(is_statistical=True, type="统计功能区").count() == 5
    assert Division.objects.filter(level=Level.COMMUNITY, parent__level=Level.STREET).count() == 827


def test_import_twice_changes_nothing_and_is_silent_in_the_audit():
    divisions_import()
    before = list(Division.objects.order_by("pk").values())
    events = AuditEvent.objects.count()
    assert divisions_import()["unchanged"] == 922
    assert list(Division.objects.order_by("pk").values()) == before
    assert AuditEvent.objects.count() == events


def test_import_brings_back_a_changed_name_and_keeps_the_row():
    divisions_import()
    row = Division.objects.get(code="440305")
    Division.objects.filter(pk=row.pk).update(name="旧名区", gb2260="")
    counts = divisions_import()
    assert (counts["created"], counts["updated"]) == (0, 1)
    again = Division.objects.get(code="440305")
    assert (again.pk, again.name, again.gb2260) == (row.pk, "南山区", "440305")


def test_the_two_districts_without_a_national_code_work_like_the_others():
    divisions_import()
    functional = Division.objects.filter(level=Level.DISTRICT, gb2260="")
    assert {row.name for row in functional} == {"大鹏新区", "深汕特别合作区"}
    assert all(row.children.filter(level=Level.STREET).exists() for row in functional)
    assert Division.objects.filter(parent__name="深汕特别合作区", type="镇").count() == 4


def test_command_reports_its_counts_as_json():
    out = StringIO()
    call_command("import_divisions", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert (told["districts"], told["created"]) == (11, 922)
    assert "国家统计局" in told["source"]


def test_every_shape_of_the_map_is_a_district_of_the_file():
    shapes = {feature["properties"]["name"] for feature in json.loads(MAP_FILE.read_text())["features"]}
    assert shapes <= {item["name"] for item in divisions_read()["districts"]}
    assert len(shapes) >= 10
