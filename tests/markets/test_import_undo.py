"""Taking a batch back: everything returns to what it was, except what somebody touched since."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEvent
from jobs.runner import job_run
from markets.models import Business, BusinessCoverage, Declaration
from markets.services import business_save
from tables import services
from tables.models import Batch, BatchChange, BatchConflict
from tables.register import Cannot
from tables.statements import fetch
from tests import factories
from tests.markets.files import make_code, make_row

pytestmark = pytest.mark.django_db(transaction=True)

TABLES = ("markets_business", "markets_businessversion", "markets_declaration", "markets_businesscoverage")
HEADS = {"从业人数": "30", "正式党员数": "4", "党员人数（含预备）": "5"}


def everything() -> dict[str, list]:
    """Every row of what an import writes; surrogate keys of detail rows do not matter."""
    query = "SELECT (to_jsonb(t) - %s)::text FROM {} t ORDER BY 1"
    return {table: fetch(query.format(table), ["id" if table in TABLES[1:] else ""]) for table in TABLES}


def undo(batch: Batch, by) -> Batch:
    services.batch_undo(batch=batch, by=by)
    job = job_run(job_id=batch.job_id)
    assert job.state == "done", job.message
    batch.refresh_from_db()
    assert batch.state == "undone" and batch.undone_at
    return batch


def latest() -> Batch:
    return Batch.objects.latest("pk")


def conflicts(batch: Batch) -> list[tuple[int, str]]:
    return list(BatchConflict.objects.filter(batch=batch).order_by("record_id").values_list("record_id", "kind"))


def test_new_changed_and_declared_rows_return_to_what_they_were(send, registrar):
    kept, moved, shrinks, told = (make_row(**HEADS) for _ in range(4))
    send([kept, moved, shrinks, told])
    before = everything()
    answer = send([
        kept, moved | {"所属区": "福田区", "经营状态": "歇业", "住所": "新址"}, shrinks | {"从业人数": "3"},
        told | {"正式党员数": "5"}, make_row(**HEADS), make_row(),
    ])  # fmt: skip
    assert (answer["changed"], answer["new"]) == (3, 2)
    assert everything() != before
    batch = undo(latest(), registrar)
    assert everything() == before and not conflicts(batch)
    event = AuditEvent.objects.get(act="markets.business.import.undo")
    assert event.subjects == [batch.pk] and len(event.units) == 2


def test_what_was_edited_since_stays_and_is_listed(send, registrar, city):
    row, other = make_row(住所="旧址"), make_row(住所="旧址")
    send([row, other])
    send([row | {"住所": "新址"}, other | {"住所": "新址"}, make_row()])
    business, free = Business.objects.order_by("pk")[:2]
    new = Business.objects.latest("pk")
    for each in (business, new):
        each.refresh_from_db()
        each.name = "有人改过"
        business_save(business=each, by=registrar)
    batch = undo(latest(), registrar)
    assert conflicts(batch) == [(business.pk, "edited"), (new.pk, "edited")]
    business.refresh_from_db()
    free.refresh_from_db()
    assert (business.name, business.address, free.address) == ("有人改过", "新址", "旧址")
    assert Business.objects.filter(pk=new.pk).exists()


def test_what_others_refer_to_stays_and_so_does_what_it_rests_on(send, registrar, city):
    send([make_row(**HEADS) for _ in range(5)])
    covered, declared, old, successor, free = Business.objects.order_by("pk")
    branch = factories.make_branch(city.yuehai)
    BusinessCoverage.objects.create(business=covered, organization=branch, mode="own", starts_on="2026-01-01")
    Declaration.objects.create(business=declared, source="survey", as_of="2026-01-01", full_members=3)
    Business.objects.filter(pk=successor.pk).update(predecessor=old)
    BusinessCoverage.objects.create(business=successor, organization=branch, mode="own", starts_on="2026-01-01")
    batch = undo(latest(), registrar)
    assert conflicts(batch) == [(each.pk, "referred") for each in (covered, declared, old, successor)]
    assert not Business.objects.filter(pk=free.pk).exists()


def test_a_pair_of_rows_that_only_refer_to_each_other_goes(send, registrar):
    send([make_row(), make_row()])
    old, successor = Business.objects.order_by("pk")
    Business.objects.filter(pk=successor.pk).update(predecessor=old)
    assert not conflicts(undo(latest(), registrar)) and not Business.objects.exists()


def test_under_a_later_batch_rows_stay_until_that_one_is_taken_back(send, registrar):
    row = make_row(住所="一")
    send([row])
    first_state = everything()
    send([row | {"住所": "二"}])
    second = latest()
    send([row | {"住所": "三"}])
    third = latest()
    assert conflicts(undo(second, registrar)) == [(Business.objects.get().pk, "later")]
    assert Business.objects.get().address == "三"
    Batch.objects.filter(pk=second.pk).update(state="applied")
    undo(third, registrar)
    assert Business.objects.get().address == "二"
    assert not conflicts(undo(second, registrar)) and everything() == first_state


def test_a_before_image_that_the_database_would_refuse_stays(send, registrar, city):
    code, number = make_code(), "440301123456789"
    row = make_row(统一社会信用代码=number, 监管所="粤海所")
    send([row])
    send([row | {"统一社会信用代码": code, "注册号": number, "监管所": "沙河所"}])
    business = Business.objects.get()
    assert business.uscc == code and business.guidance_station == city.shahe
    Business.objects.update(legacy_registration_no=None)
    BatchChange.objects.update(before={"legacy_registration_no": number, "changed_at": "2026-01-01T00:00:00+00:00"})
    factories.make_business(city.yuehai, legacy_registration_no=number)
    assert conflicts(undo(latest(), registrar)) == [(business.pk, "taken")]
    batch = latest()
    Batch.objects.filter(pk=batch.pk).update(state="applied")
    BatchChange.objects.update(before={"guidance_station_id": city.lianhua.pk})
    assert conflicts(undo(batch, registrar)) == [(business.pk, "gone")]  # 莲花 is not in 南山


def test_only_within_thirty_days_once_and_with_the_right(send, registrar, city):
    send([make_row()])
    batch = latest()
    with pytest.raises(Cannot, match="没有导入"):
        services.batch_undo(batch=batch, by=factories.make_user("leader", city.city))
    Batch.objects.update(applied_at=timezone.now() - timedelta(days=30, minutes=1))
    batch.refresh_from_db()
    assert services.undo_ends(batch) is None
    with pytest.raises(Cannot, match="30 天"):
        services.batch_undo(batch=batch, by=registrar)
    Batch.objects.update(applied_at=Business.objects.get().changed_at)
    batch.refresh_from_db()
    assert services.undo_ends(batch) == batch.applied_at + timedelta(days=30)
    undo(batch, registrar)
    with pytest.raises(Cannot):
        services.batch_undo(batch=batch, by=registrar)


def test_before_images_go_when_nobody_can_use_them_any_more(send):
    row = make_row(住所="旧址")
    send([row])
    send([row | {"住所": "新址"}])
    services.retention()
    assert BatchChange.objects.exists()
    Batch.objects.update(applied_at=timezone.now() - timedelta(days=31, minutes=1), state="undoing")
    services.retention()
    assert BatchChange.objects.exists()  # asked for in time, still waiting for a worker
    Batch.objects.update(state="applied")
    services.retention()
    assert not BatchChange.objects.exists()
