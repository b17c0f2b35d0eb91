"""Events of other departments' systems: what is taken, corrected, refused, and what stands in the registry afterwards."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEvent
from markets.models import Business, BusinessVersion
from members.models import IntakeEvent, Registration
from tables.models import Batch, Sighting
from tables.traces import bitmap
from tests import factories as make
from tests.members.intake_tools import hours_ago, item, make_client, results, send, uscc

pytestmark = pytest.mark.django_db


def test_an_event_makes_a_business(client, city, sender):
    sent = item(
        business={"registered_on": "2026-11-02", "employees": 12, "address": "科技园 1 号", "industry": "F5211"}
    )
    (found,) = results(client, sender, sent)
    assert found == {
        "event_id": sent["event_id"], "result": "accepted", "code": "", "message": "已收到", "errors": [], "persons": [],
    }  # fmt: skip
    business = Business.objects.get(uscc=sent["business"]["uscc"])
    assert (business.guidance_station, business.employees, business.industry) == (city.yuehai, 12, "F5211")
    event = IntakeEvent.objects.get()
    assert (event.business, event.kind, event.client) == (business, "establish", sender)
    assert AuditEvent.objects.get(act="members.intake.receive").detail["accepted"] == 1
    heard = AuditEvent.objects.get(act="markets.business.intake")
    assert heard.subjects == [business.pk] and city.yuehai.pk in heard.units


def test_the_same_event_again_changes_nothing(client, sender):
    sent = item()
    assert [results(client, sender, sent)[0]["result"] for _ in range(3)] == ["accepted", "unchanged", "unchanged"]
    assert Business.objects.count() == IntakeEvent.objects.count() == 1


def test_a_newer_correction_changes_and_keeps_the_version(client, sender):
    sent = item(business={"employees": 5})
    results(client, sender, sent)
    corrected = {**sent, "occurred_at": hours_ago(1), "business": {**sent["business"], "employees": 25}}
    assert results(client, sender, corrected)[0]["result"] == "updated"
    business = Business.objects.get()
    assert business.employees == 25
    assert BusinessVersion.objects.get().values == {"employees": 5}


def test_other_content_without_a_newer_time_is_refused(client, sender):
    sent = item()
    results(client, sender, sent)
    other = {**sent, "business": {**sent["business"], "name": "别的有限公司"}}
    (found,) = results(client, sender, other)
    assert (found["result"], found["code"]) == ("refused", "stale")
    assert Business.objects.get().name == sent["business"]["name"]


def test_an_event_that_comes_late_does_not_overwrite_a_newer_one(client, sender):
    code = uscc()
    results(client, sender, item(occurred_at=hours_ago(1), business={"uscc": code, "name": "新名称有限公司"}))
    (found,) = results(
        client, sender, item(occurred_at=hours_ago(9), business={"uscc": code, "name": "旧名称有限公司"})
    )
    assert found["result"] == "unchanged" and Business.objects.get().name == "新名称有限公司"
    assert IntakeEvent.objects.count() == 2


def test_events_of_one_business_in_one_request_are_applied_by_time(client, sender):
    code = uscc()
    later = item(occurred_at=hours_ago(1), event_type="change", business={"uscc": code, "name": "后来有限公司"})
    first = item(occurred_at=hours_ago(3), business={"uscc": code, "name": "起初有限公司"})
    assert [one["result"] for one in results(client, sender, later, first)] == ["updated", "accepted"]
    assert Business.objects.get().name == "后来有限公司"


def test_a_deregistration_says_the_status_itself(client, sender):
    sent = item()
    results(client, sender, sent)
    gone = item(event_type="deregister", occurred_at=hours_ago(1), business=sent["business"])
    assert results(client, sender, gone)[0]["result"] == "updated"
    assert Business.objects.get().status == "deregistered"


@pytest.mark.parametrize(
    ("kind", "said", "is_taken"),
    [
        ("deregister", "存续", False), ("deregister", "吊销", False), ("revoke", "注销", False), ("move_out", "在业", False),
        ("deregister", "已注销", True), ("revoke", "吊销", True), ("move_out", "迁出", True), ("change", "注销", True),
    ],
)  # fmt: skip
def test_a_status_that_denies_the_event_is_told(client, sender, kind, said, is_taken):
    (found,) = results(client, sender, item(event_type=kind, business={"status": said}))
    assert found["result"] == ("accepted" if is_taken else "refused")
    assert [each["field"] for each in found["errors"]] == ([] if is_taken else ["business.status"])
    assert Business.objects.exists() == is_taken


def test_events_of_one_business_by_its_two_codes_follow_their_time(client, city, sender):
    code, old = uscc(), "440301103456789"
    business = make.make_business(city.yuehai, uscc=code, legacy_registration_no=old)
    now, then = ({"uscc": old, "name": name} for name in ("新名称有限公司", "旧名称有限公司"))
    middle = item(occurred_at=hours_ago(0.2), business={"uscc": code, "name": "中间名称有限公司"})
    sent = [item(occurred_at=hours_ago(0.1), business=now), middle]
    assert [one["result"] for one in results(client, sender, *sent)] == ["updated", "updated"]
    (late,) = results(client, sender, item(occurred_at=hours_ago(0.3), business=then))
    business.refresh_from_db()
    assert late["code"] == "older" and business.name == "新名称有限公司"


def test_a_proposal_that_is_not_shown_is_not_spoken_of(client, sender):
    code = uscc()
    swapped = code[:16] + code[17] + code[16] if code[17].isdigit() else code[:17]
    (found,) = results(client, sender, item(business={"uscc": swapped}))
    assert found["errors"][0]["message"].endswith("请核对营业执照。")


def test_a_blank_never_clears(client, sender):
    sent = item(business={"address": "原址"})
    results(client, sender, sent)
    again = item(occurred_at=hours_ago(1), business={**sent["business"], "address": ""})
    assert results(client, sender, again)[0]["result"] == "unchanged"
    assert Business.objects.get().address == "原址"


WRONG = [
    ({"event_id": "有空 格"}, "event_id"),
    ({"event_id": 7}, "event_id"),
    ({"event_type": "merge"}, "event_type"),
    ({"event_type": ["establish"]}, "event_type"),
    ({"occurred_at": "2026-11-01T00:00:00"}, "occurred_at"),
    ({"occurred_at": "2999-01-01T00:00:00+08:00"}, "occurred_at"),
    ({"busines": {}}, "busines"),
    ({"persons": 3}, "persons"),
    ({"persons": [{}] * 21}, "persons"),
    ({"business": {"uscc": "91440300MA5000000X"}}, "business.uscc"),
    ({"business": {"uscc": None}}, "business.uscc"),
    ({"business": {"name": " "}}, "business.name"),
    ({"business": {"name": {"a": 1}}}, "business.name"),
    ({"business": {"entity_type": "怪物"}}, "business.entity_type"),
    ({"business": {"employees": True}}, "business.employees"),
    ({"business": {"employees": -1}}, "business.employees"),
    ({"business": {"registered_on": "2026-02-30"}}, "business.registered_on"),
    ({"business": {"office": "火星监管所"}}, "business.office"),
    ({"business": {"full_members": 3}}, "business.full_members"),
    ({"business": {"address": "长" * 501}}, "business.address"),
]


@pytest.mark.parametrize(("change", "field"), WRONG, ids=[field for _, field in WRONG])
def test_what_is_wrong_is_told_by_its_field_and_the_others_go_on(client, sender, change, field):
    bad, good = results(client, sender, item(**change), item())
    assert (bad["result"], bad["code"]) == ("refused", "invalid") and good["result"] == "accepted"
    assert [error["field"] for error in bad["errors"]] == [field], bad
    assert all(error["message"] for error in bad["errors"])
    assert Business.objects.count() == 1


def test_a_zone_that_no_database_takes_harms_nobody(client, sender):
    """Whoever sends it means some moment; beside it others go on."""
    sent = [item(occurred_at=f"2026-11-20T09:00:00{zone}") for zone in ("+23:59", "-23:59", "+14:00")]
    odd = item(occurred_at="9999-12-31T23:59:59-23:59")
    answers = results(client, sender, *sent, odd, item())
    assert [one["result"] for one in answers] == ["accepted"] * 3 + ["refused", "accepted"]


def test_an_item_that_is_no_object_and_a_repeated_event(client, sender):
    sent = item()
    answers = results(client, sender, "x", sent, sent)
    assert [(one["result"], one["code"]) for one in answers] == [
        ("refused", "invalid"), ("accepted", ""), ("refused", "repeated"),
    ]  # fmt: skip
    for wrong in ({"event_type": "x"}, {"business": {"uscc": "1"}}):  # whoever finds it wrong, the second waits
        bad = item(**wrong)
        answers = results(client, sender, bad, item(event_id=bad["event_id"]))
        assert [one["code"] for one in answers] == ["invalid", "repeated"]


def test_outside_the_scope_nothing_is_told(client, city):
    nanshan = make_client(city.nanshan)
    elsewhere = make.make_business(city.lianhua, uscc=uscc(), name="莲花有限公司", status="deregistered")
    here, there = results(
        client, nanshan, item(business={"uscc": elsewhere.uscc}), item(business={"office": "莲花监管所"})
    )
    assert (here["code"], here["message"]) == ("registered_elsewhere", "该主体已由其他单位登记。")
    assert there["code"] == "out_of_scope"
    assert here["errors"] == there["errors"] == [] and "莲花" not in json.dumps([here, there], ensure_ascii=False)
    elsewhere.refresh_from_db()
    assert elsewhere.name == "莲花有限公司" and not IntakeEvent.objects.exists()


def test_a_late_event_of_a_business_elsewhere_is_answered_the_same(client, city):
    sent = item(business={"office": "莲花监管所"}, occurred_at=hours_ago(1))
    results(client, make_client(city.city), sent)
    late = item(business={"uscc": sent["business"]["uscc"]}, occurred_at=hours_ago(5))
    assert results(client, make_client(city.nanshan), late)[0]["code"] == "registered_elsewhere"


def test_two_clients_have_their_own_numbers(client, city, sender):
    other = make_client(city.city, source_department="civil_affairs")
    first, second = item(event_id="1"), item(event_id="1")
    assert results(client, sender, first)[0]["result"] == results(client, other, second)[0]["result"] == "accepted"


def test_head_counts_are_no_persons(client, sender):
    (found,) = results(client, sender, item(persons=[3], business={"employees": 30}))
    assert found["result"] == "accepted" and found["persons"][0]["result"] == "refused"
    assert not Registration.objects.exists()


def test_a_number_of_hundreds_of_digits_is_told(client, sender):
    """As a float it is an infinity."""
    (found,) = results(client, sender, item(business={"employees": 10**400}))
    assert found["errors"] == [{"field": "business.employees", "message": "人数大得不合理，请核对"}]


def test_a_thousand_items_take_hardly_more_statements_than_ten(client, sender):
    def statements(number: int) -> int:
        items = [item() for _ in range(number)]
        with CaptureQueriesContext(connection) as asked:
            response = send(client, sender, items)
        assert [one["result"] for one in response.json()["results"]] == ["accepted"] * number
        return len(asked)

    statements(1)  # what a process looks up once
    assert statements(1_000) <= statements(10) + 20


def test_an_event_of_a_day_before_a_later_file_of_the_registry_changes_nothing(client, city, sender):
    business = make.make_business(city.yuehai, uscc=uscc(), name="文件里的名称有限公司")
    batch = Batch.objects.create(
        target="business", owner=make.make_user(), file_name="a.csv", state="applied", file_date=timezone.localdate()
    )
    Sighting.objects.create(batch=batch, ids=bitmap([], [(business.pk, business.pk)]))
    sent = {"uscc": business.uscc, "name": "事项里的名称有限公司"}
    assert results(client, sender, item(occurred_at=hours_ago(60), business=sent))[0]["result"] == "unchanged"
    assert results(client, sender, item(occurred_at=hours_ago(0), business=sent))[0]["result"] == "updated"


def test_what_one_item_leaves_out_is_never_taken_from_another(client, sender):
    """A file's merged cells mean that; events have nothing to do with each other."""
    without = {"office": None}
    answers = results(client, sender, item(), *[item(business=without) for _ in range(4)], item())
    assert [one["result"] for one in answers] == ["accepted", *["refused"] * 4, "accepted"]
    assert "合并单元格" not in str(answers)
