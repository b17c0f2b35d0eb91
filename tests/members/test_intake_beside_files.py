"""Events beside files: who came later, where systems differ, and what did not appear."""

import datetime as dt

import pytest
from django.utils import timezone

from markets.models import Absence, Business, EventSighting, SourceDifference
from members.models import IntakeEvent
from tests import factories as make
from tests.markets.files import import_file, make_row, write
from tests.members.intake_tools import hours_ago, item, make_client, results, uscc

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()


@pytest.fixture
def city():
    return make.make_city()


@pytest.fixture
def sender(city):
    return make_client(city.city)


@pytest.fixture
def bring(city, tmp_path):
    registrar = make.make_user("registrar", city.city)

    def run(*rows: dict, days_ago: int = 0, source: str = "registration", more: tuple[str, ...] = ()) -> dict:
        day = f"--file-date={TODAY - dt.timedelta(days=days_ago)}"
        return import_file(write(tmp_path / "f.csv", list(rows)), registrar, day, f"--source={source}", *more)

    return run


def row(code: str, **more) -> dict:
    return make_row(统一社会信用代码=code, 监管所="粤海监管所", **more)


def event(code: str, *, days_ago: float = 0, **business) -> dict:
    return item(occurred_at=hours_ago(24 * days_ago), event_type="change", business={"uscc": code, **business})


def told(client, sender, *events: dict) -> list[tuple[str, str]]:
    return [(one["result"], one["code"]) for one in results(client, sender, *events)]


def differences() -> list[tuple]:
    return list(SourceDifference.objects.order_by("column", "source").values_list("column", "source", "value"))


def test_an_older_file_that_comes_later_does_not_overwrite_an_event(client, sender, bring):
    code = uscc()
    assert told(client, sender, event(code, days_ago=2, name="事项里的名称有限公司")) == [("accepted", "")]
    older = bring(row(code, 名称="旧文件里的名称有限公司"), days_ago=5)
    assert (older["unchanged"], older["older"]) == (1, 1)
    assert Business.objects.get().name == "事项里的名称有限公司" and differences() == []
    assert bring(row(code, 名称="新文件里的名称有限公司"), days_ago=1)["changed"] == 1
    assert Business.objects.get().name == "新文件里的名称有限公司"


def test_an_event_that_only_confirms_is_as_new(client, sender, bring):
    code = uscc()
    same = {"name": "示范商贸有限公司", "office": "粤海监管所"}
    assert bring(row(code), days_ago=9)["new"] == 1
    assert told(client, sender, event(code, days_ago=2, **same)) == [("unchanged", "")]
    assert bring(row(code, 名称="旧文件里的名称有限公司"), days_ago=5)["older"] == 1


def test_other_sources_files_are_not_older_than_events(client, sender, bring):
    code = uscc()
    told(client, sender, event(code, days_ago=2, employees=10))
    answer = bring(row(code, 从业人数="15"), days_ago=5, source="annual_report")
    assert (answer["changed"], answer["older"]) == (1, 0)
    assert Business.objects.get().employees == 15


def test_an_older_event_writes_nothing_over_a_newer_file_and_says_so(client, sender, bring):
    code = uscc()
    bring(row(code, 名称="文件里的名称有限公司"), days_ago=2)
    assert told(client, sender, event(code, days_ago=4, name="旧事项有限公司")) == [("unchanged", "older")]
    assert Business.objects.get().name == "文件里的名称有限公司" and IntakeEvent.objects.count() == 1
    assert told(client, sender, event(code, name="新事项有限公司")) == [("updated", "")]
    assert bring(row(code, 名称="文件里的名称有限公司"), days_ago=2)["older"] == 1
    assert Business.objects.get().name == "新事项有限公司"


def test_an_older_event_is_told_from_a_newer_one_and_does_not_set_the_day_back(client, sender):
    code = uscc()
    told(client, sender, event(code, days_ago=2))
    assert told(client, sender, event(code, days_ago=6, name="旧事项有限公司")) == [("unchanged", "older")]
    assert EventSighting.objects.get().day == timezone.localdate() - dt.timedelta(days=2)


def test_an_event_that_disagrees_with_the_annual_report_is_a_difference(client, sender, bring):
    code = uscc()
    bring(row(code, 从业人数="15"), days_ago=3, source="annual_report")
    (found,) = told(client, sender, event(code, days_ago=1, employees=10, name="登记的名称有限公司"))
    assert found == ("updated", "")
    business = Business.objects.get()
    assert (business.employees, business.name) == (15, "登记的名称有限公司")
    assert business.provenance.get("employees") == "annual_report" and "name" not in business.provenance
    assert ("employees", "registration", "10") in differences()
    assert ("name", "annual_report", "示范商贸有限公司") in differences()
    difference = SourceDifference.objects.get(column="employees")
    assert (difference.file_date, difference.batch) == (TODAY - dt.timedelta(days=1), None)
    told(client, sender, event(code, employees=15, name="登记的名称有限公司"))
    assert not SourceDifference.objects.filter(column="employees").exists()  # they agree again


def test_an_event_that_confirms_another_source_is_the_one_that_vouches(client, sender, bring):
    code = uscc()
    bring(row(code), days_ago=3, source="survey")
    assert Business.objects.get().provenance["name"] == "survey"
    (found,) = told(client, sender, event(code, name="示范商贸有限公司"))
    assert found == ("unchanged", "") and "name" not in Business.objects.get().provenance


def test_an_older_event_neither_confirms_nor_differs(client, sender, bring):
    code = uscc()
    bring(row(code, 从业人数="15"), days_ago=3, source="annual_report")
    bring(row(code), days_ago=1)
    before = Business.objects.get().provenance, differences()
    (found,) = told(client, sender, event(code, days_ago=2, employees=10, name="旧名有限公司"))
    assert found == ("unchanged", "older") and (Business.objects.get().provenance, differences()) == before


def test_what_an_event_names_appears_again_and_is_not_absent_from_an_older_file(client, sender, bring):
    absent, fresh, other = uscc(), uscc(), uscc()
    bring(row(absent), row(other), days_ago=9)
    bring(row(other), days_ago=6, more=("--full",))
    assert Absence.objects.get().business.uscc == absent
    told(client, sender, event(absent, days_ago=2), event(fresh, days_ago=2))
    assert not Absence.objects.exists()
    assert bring(row(other), days_ago=4, more=("--full",))["absent"] == 0
    assert bring(row(other), days_ago=1, more=("--full",))["absent"] == 2
