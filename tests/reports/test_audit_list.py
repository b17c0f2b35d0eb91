"""审计记录: found by every filter, taken out like any list, and every look at it written down."""

import csv
import io

import pytest
from django.db import connection
from django.urls import reverse

from accounts import audit, seals
from accounts.models import AuditEvent
from reports import audit_list
from reports.audit_subjects import PAGES, kinds
from tables.models import Export, ExportApproval
from tests import factories as make
from tests.persona_rules import PAGES as RULES

pytestmark = pytest.mark.django_db
AUDIT = reverse("reports:audit")
EXPORT = reverse("lists:export", args=["auditevent"])


@pytest.fixture
def auditor(client):
    user = make.make_user(duty="audit", username="audit1")
    client.force_login(user)
    return user


@pytest.fixture
def city():
    return make.make_city()


@pytest.fixture
def events(city, owner_role) -> list[int]:
    """Four acts: by whom, when, which, about what and where."""
    one, two = make.make_user(username="one"), make.make_user(username="two")
    made = [
        audit.record("members.member.reveal", by=one, subject_type="members.member", subjects=[71, 72],
                     units=[city.yuehai.pk, city.nanshan.pk], purpose="=核实报到"),
        audit.record("tables.batch.start", by=two, subject_type="tables.batch", subjects=[71]),
        audit.record("accounts.door.not_found", by=one, subject_type="members:detail", subjects=[71], succeeded=False),
        audit.record("members.member.end", by=two, subject_type="members.member", subjects=[73],
                     units=[city.futian.pk], purpose="更正"),
    ]  # fmt: skip
    at = ("2026-01-01 23:30+08", "2026-01-02 00:30+08", "2026-01-03 12:00+08", "2026-01-05 12:00+08")
    with owner_role(), connection.cursor() as cursor:
        for event, moment, address in zip(made, at, ("10.1.2.3", "10.1.9.9", "10.2.0.1", "2001:db8::1"), strict=True):
            cursor.execute("UPDATE accounts_auditevent SET at = %s, address = %s WHERE id = %s",
                           [moment, address, event.pk])  # fmt: skip
    return [event.pk for event in made]


FILTERS = [
    ("act=tables.batch.start", [1]),
    ("actor=one", [0, 2]),
    ("actor=nobody", []),
    ("since=2026-01-02T00:30", [1, 2, 3]),
    ("until=2026-01-02T00:30", [0]),
    ("since=2026-01-02T00:00&until=2026-01-04T00:00", [1, 2]),
    ("subject=71", [0, 1, 2]),
    ("subject=71&kind=members.member", [0, 2]),  # with the look that was refused
    ("kind=tables.batch", [1]),
    ("subject=71&kind=tables.batch", [1]),
    ("subject=http://anywhere.test/members/71/?a=1", [0, 2]),
    ("subject=/admin/members/member/71/change/", [0]),
    ("subject=/api/v1/members/73/", [3]),
    ("subject=/batches/71/", [1]),
    ("unit={nanshan.code}", [0]),
    ("unit={city.pk}", [0, 3]),
    ("unit=/organizations/{futian.pk}/", [3]),
    ("unit=/dashboard/o/{yuehai.code}/", [0]),
    ("address=10.1.2.3", [0]),
    ("address=10.1.0.0/16", [0, 1]),
    ("address=2001:db8::/32", [3]),
    ("purpose=核实", [0]),
    ("outcome=refused", [2]),
    ("outcome=done&actor=one", [0]),
]


def test_each_filter_shows_its_rows_and_no_others(client, auditor, city, events):
    found = {}
    for query, _ in FILTERS:
        page = client.get(f"{AUDIT}?{query.format(**vars(city))}&cols=pk")
        found[query] = [events.index(row["pk"]) for row in page.context["table"]["rows"] if row["pk"] in events]
    assert found == {query: sorted(expected, reverse=True) for query, expected in FILTERS}


def taken(client, query: str) -> list[dict]:
    answer = client.post(f"{EXPORT}?{query}", {"format": "csv", "purpose": "年度检查", "columns": "all"})
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode().removeprefix("\ufeff"))))


def test_the_export_has_the_rows_of_the_list_and_is_written_down(client, auditor, events):
    rows = taken(client, "actor=one")
    assert [int(row["编号"]) for row in rows] == [events[2], events[0]]
    left = AuditEvent.objects.get(act="accounts.auditevent.export")
    assert (left.actor, left.purpose, left.detail["rows"]) == (auditor, "年度检查", 2)
    rows = taken(client, "")
    left = AuditEvent.objects.filter(act="accounts.auditevent.export").latest("pk")
    assert left.detail["rows"] == len(rows) and left.pk not in {int(row["编号"]) for row in rows}


WRONG = {
    "subject=/no/such/page/": "认不出这个地址",
    "subject=王小明": "认不出这个地址",
    "subject=/inventory/": "不是关于某一条记录的",
    "subject=99999999999999999999": "认不出这个地址",
    "unit=NOSUCH": "没有这样的单位",
    "unit=/no/such/page/": "认不出这个地址",
    "address=10.1": "请填一个地址",
    "since=0001-01-01T00:00": "请核对年份",
    "until=9999-12-31T00:00": "请核对年份",
    "purpose=" + "字" * 61: "最多 60 个字",
}


def test_an_account_called_by_a_phone_is_taken_out_by_its_name_and_nobody_by_a_purpose(client, auditor):
    audit.record("tables.batch.start", by=make.make_user(username="13812345678"))
    assert len(taken(client, "actor=13812345678")) == 1
    answer = client.post(f"{EXPORT}?purpose=13812345678", {"format": "csv", "purpose": "年度检查"})
    assert answer.status_code == 404 and Export.objects.count() == 1


def test_what_cannot_be_read_is_told_of_and_finds_nothing(client, auditor, events):
    for query, sentence in WRONG.items():
        page = client.get(f"{AUDIT}?{query}")
        assert page.status_code == 200 and page.context["table"]["rows"] == [], query
        assert sentence in page.content.decode(), query


def test_looking_is_itself_written_down_and_what_was_typed_is_not(client, auditor, events):
    client.get(f"{AUDIT}?actor=王小明&subject=/members/71/")
    look = AuditEvent.objects.get(act="accounts.auditevent.list")
    assert (look.actor, look.subject_type, look.subjects) == (auditor, "members.member", [71])
    assert look.detail == {"filters": ["actor", "subject"]}
    client.get(reverse("reports:audit_event", args=[events[0]]))
    assert AuditEvent.objects.get(act="accounts.auditevent.read").subjects == [events[0]]


def test_acts_and_kinds_are_told_in_chinese_and_subjects_are_numbers(client, auditor):
    event = audit.record("members.member.list", by=None, subject_type="members.member", subjects=range(1001, 1051))
    page = client.get(f"{AUDIT}?act=members.member.list").content.decode()
    assert "党员：在名单上显示" in page and "1001、1002、1003、1004、1005 等 50 个" in page and "1006" not in page
    assert "1050" in client.get(reverse("reports:audit_event", args=[event.pk])).content.decode()


def test_cells_are_guarded_times_are_local_and_the_seal_is_told(client, auditor, events):
    seals.seal()
    [row] = taken(client, "subject=72")
    assert (row["目的"], row["时间"], row["行为代码"]) == ("'=核实报到", "2026-01-01 23:30:00", "members.member.reveal")
    assert row["封存序号"] == str(AuditEvent.objects.get(pk=events[0]).seal.sequence)


def test_a_long_export_waits_for_another_audit_administrator(client, auditor, events, settings):
    settings.EXPORT_APPROVAL_ROWS = 1
    client.post(EXPORT, {"format": "csv", "purpose": "年度检查"})
    asked = ExportApproval.objects.get()
    page = reverse("lists:approval", args=[asked.pk])
    assert client.get(page).status_code == 404
    for duty, status in (("security", 404), ("system", 404), ("audit", 200)):
        client.force_login(make.make_user(duty=duty))
        assert client.get(page).status_code == status
    client.post(page, {"decision": "grant"})
    assert Export.objects.get().job is not None


@pytest.mark.parametrize("duty", ["staff", "system", "security"])
def test_nobody_else_reads_or_takes_it(client, auditor, duty):
    event = audit.record("members.member.list", by=auditor)
    client.force_login(make.make_user(duty=duty))
    for answer in (client.get(AUDIT), client.get(reverse("reports:audit_event", args=[event.pk])),
                   client.post(EXPORT, {"format": "csv", "purpose": "年度检查"})):  # fmt: skip
        assert answer.status_code == 403
    assert not AuditEvent.objects.filter(act__startswith="accounts.auditevent").exists()


def test_every_page_about_one_row_can_be_pasted():
    """What hangs below such a page, a file or a fragment, is not pasted; nor are these, whose events name other rows."""
    own = {name for name, rule in RULES.items() if rule.row and rule.key == "pk" and rule.method == "get"}
    pages = {name for name in own if name.partition(":")[0] not in ("admin", "api")}
    addresses = {name: reverse(name, args=[1]) for name in pages if not RULES[name].extra}
    known = [addresses[name] for name in PAGES if name in addresses]
    unknown = {name for name, address in addresses.items() if not any(address.startswith(each) for each in known)}
    of_members = {"members:pledge_print", "members:pledge_withdraw"}
    assert unknown == {"stations:check_in_result", "members:feedback_file"} | of_members
    assert set(PAGES.values()) <= {label for label, _ in kinds()}


def test_filters_offer_every_act_that_happened(events):
    assert audit_list.known_acts() == sorted(set(AuditEvent.objects.values_list("act", flat=True)))
