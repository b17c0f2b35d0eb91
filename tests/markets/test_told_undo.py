"""Taking a batch back brings back what it said beside its rows: differences, absences, marks. What was touched stays."""

import datetime as dt

import pytest
from django.utils import timezone

from markets.differences import difference_adopt, difference_keep
from markets.models import Absence, Business, ReplacedDifference, SourceDifference
from tables import services
from tables.models import Batch, ColumnSighting, Sighting
from tables.statements import fetch
from tests.markets.files import make_row
from tests.markets.test_import_undo import conflicts, latest, undo

pytestmark = pytest.mark.django_db(transaction=True)
TABLES = ("markets_business", "markets_sourcedifference", "markets_absence")


def everything() -> dict[str, list]:
    return {table: fetch(f"SELECT to_jsonb(t)::text FROM {table} t ORDER BY id") for table in TABLES}


@pytest.fixture
def row():
    return make_row(从业人数="10", 经营状态="存续")


@pytest.fixture
def told(send, row):
    """A registry's row against which an annual report and a survey say something."""
    send([row])
    send([row | {"名称": "年报商行", "从业人数": "15"}], "--source=annual_report")
    send([row | {"名称": "摸排商行", "从业人数": "12"}], "--source=survey")
    return row


@pytest.mark.parametrize(
    "cells",
    [
        {"名称": "年报商行"},
        {"名称": "登记新名"},
        {"从业人数": "15"},
        {"从业人数": "11"},
        {"名称": "摸排商行", "住所": "新址"},
    ],
)
@pytest.mark.parametrize("source", ["registration", "annual_report", "survey"])
def test_differences_are_again_what_they_were(send, registrar, told, cells, source):
    before = everything()
    send([told | cells], f"--source={source}")
    assert not conflicts(undo(latest(), registrar))
    assert everything() == before


def test_batches_go_back_one_after_the_other(send, registrar, told):
    states = []
    for name in ("年报二", "年报三", "示范商贸有限公司"):
        states.append(everything())
        send([told | {"名称": name}], "--source=annual_report")
    for before in reversed(states):
        undo(Batch.objects.filter(state="applied").latest("pk"), registrar)
        assert everything() == before


def test_what_was_decided_since_stays_and_is_listed(send, registrar, told):
    send([told | {"名称": "年报二"}], "--source=annual_report")
    batch, business = latest(), Business.objects.get()
    difference_keep(difference=SourceDifference.objects.get(column="name", source="annual_report"), by=registrar)
    assert conflicts(undo(batch, registrar)) == [(business.pk, "edited")]
    kept = SourceDifference.objects.get(column="name", source="annual_report")
    assert kept.value == "年报二" and kept.kept_at


def test_what_a_later_file_said_stays_and_is_listed(send, registrar, told):
    told = told | {"从业人数": "15"}  # as it stands: nothing but the name is told
    send([told | {"名称": "年报二"}], "--source=annual_report")
    batch, business = latest(), Business.objects.get()
    send([told | {"名称": "年报三"}], "--source=annual_report")
    assert conflicts(undo(batch, registrar)) == [(business.pk, "later")]
    assert SourceDifference.objects.get(column="name", source="annual_report").value == "年报三"


def test_an_adopted_value_keeps_row_and_decision(send, registrar, told):
    send([told | {"名称": "年报二"}], "--source=annual_report")
    batch, business = latest(), Business.objects.get()
    difference_adopt(difference=SourceDifference.objects.get(column="name", source="annual_report"), by=registrar)
    before = everything()
    assert conflicts(undo(batch, registrar)) == [(business.pk, "edited")]
    assert everything() == before


def test_a_confirmation_of_the_registry_goes_back(send, registrar, row):
    send([row], "--source=annual_report")
    before = everything()
    send([row])
    assert everything() != before
    assert not conflicts(undo(latest(), registrar)) and everything() == before


def test_what_a_later_file_only_confirmed_stays_and_is_listed(send, registrar):
    """Column by column: not what it says otherwise, leaves blank, or has no column for."""
    confirmed, contradicted, blank, silent, unnamed, made, fresh = (make_row(住所="旧址") for _ in range(7))
    changed = [each | {"住所": "新址"} for each in (confirmed, contradicted, blank, silent, unnamed)]
    send([confirmed, contradicted, blank, silent, unnamed])
    send([*changed, made, fresh])
    batch = latest()
    send([changed[0], contradicted | {"住所": "别址"}, blank | {"住所": ""}, made], "--source=survey")
    send([{key: silent[key] for key in silent if key != "住所"}], "--source=annual_report")
    undo(batch, registrar)
    left = {business.uscc: business for business in Business.objects.all()}
    assert {code: business.address for code, business in left.items()} == {
        confirmed["统一社会信用代码"]: "新址", contradicted["统一社会信用代码"]: "旧址", blank["统一社会信用代码"]: "旧址",
        silent["统一社会信用代码"]: "旧址", unnamed["统一社会信用代码"]: "旧址", made["统一社会信用代码"]: "旧址",
    }  # fmt: skip
    kept = sorted(left[one["统一社会信用代码"]].pk for one in (confirmed, made))
    assert conflicts(batch) == [(pk, "confirmed") for pk in kept]


def test_the_district_again_says_nothing_of_the_office(send, registrar, city):
    rows = [make_row(监管所="粤海所") for _ in range(2)]
    send(rows)
    send([row | {"监管所": "沙河所"} for row in rows])
    batch, said = latest(), Business.objects.earliest("pk")
    send([rows[0] | {"监管所": "沙河所"}, rows[1] | {"监管所": ""}])
    assert conflicts(undo(batch, registrar)) == [(said.pk, "confirmed")]
    assert list(Business.objects.order_by("pk").values_list("guidance_station", flat=True)) == [
        city.shahe.pk, city.yuehai.pk,
    ]  # fmt: skip


def test_the_very_same_file_sent_twice_confirms_nothing(send, registrar):
    row = make_row()
    for _ in range(2):
        send([row])
    Batch.objects.update(digest="0" * 64)
    assert not conflicts(undo(Batch.objects.earliest("pk"), registrar)) and not Business.objects.exists()


@pytest.mark.parametrize("cells", [{}, {"正式党员数": "5"}, {"住所": "新址"}])
@pytest.mark.parametrize("again", ["--file-date=2026-01-02", "--file-date=2026-01-01"])
def test_marks_and_head_counts_that_the_same_system_confirmed_stay(send, registrar, cells, again):
    row = make_row(从业人数="30", 正式党员数="4", 住所="旧址")
    send([row], "--source=annual_report", "--file-date=2026-01-01")
    if cells:
        send([row], "--file-date=2026-01-01")
    before = everything()
    send([row | cells], "--file-date=2026-01-02")
    batch, written = latest(), everything()
    assert written != before
    send([row | cells], again)
    is_older = again.endswith("-01")
    assert bool(conflicts(undo(batch, registrar))) is not is_older
    assert everything() == (before if is_older else written)


def test_who_appeared_in_the_undone_file_only_is_absent_again(send, registrar, row):
    other, third = make_row(), make_row()
    send([row, other, third])
    send([row], "--full")
    before = everything()
    assert Absence.objects.count() == 2
    send([other, third])
    appeared = latest()
    assert Absence.objects.count() == 0
    send([third])
    undo(appeared, registrar)
    assert [absence.business.uscc for absence in Absence.objects.all()] == [other["统一社会信用代码"]]
    undo(Batch.objects.filter(state="applied", is_full=True).get(), registrar)
    assert not Absence._base_manager.exists() and before["markets_absence"]


def test_what_an_undo_needs_goes_when_nobody_can_undo(send, told):
    send([told | {"名称": "年报二"}], "--source=annual_report")
    send([make_row()], "--full")
    send([told])
    assert ColumnSighting.objects.exists()
    assert ReplacedDifference.objects.exists() and Absence._base_manager.exclude(appeared_in=None).exists()
    services.retention()
    assert ReplacedDifference.objects.exists()
    Batch.objects.update(applied_at=timezone.now() - dt.timedelta(days=32))
    services.retention()
    assert not ColumnSighting.objects.exists() and Sighting.objects.exists()  # which file of a source is the later one
    assert not ReplacedDifference.objects.exists()
    assert not Absence._base_manager.exclude(appeared_in=None).exists() and SourceDifference.objects.exists()
