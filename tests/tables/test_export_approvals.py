"""Exports above the row limit leave on a second person's word, and every file says who took it."""

import io
import zipfile
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from python_calamine import CalamineWorkbook

from accounts.models import AuditEvent
from jobs.models import Job
from jobs.runner import job_run
from tables import approving, taking
from tables.models import Export, ExportApproval
from tables.register import Cannot
from tests import factories

pytestmark = pytest.mark.django_db
ADDRESS = reverse("lists:export", args=["business"])
SECRET = "秘密商行"


@pytest.fixture(autouse=True)
def limit(settings):
    settings.EXPORT_APPROVAL_ROWS = 1


@pytest.fixture
def asked(client, city):
    """Two businesses of Nanshan, asked for by its registrar."""
    for name in (SECRET, "另一家"):
        factories.make_business(city.yuehai, name=name, status="dormant")
    registrar = factories.make_user("registrar", city.nanshan)
    client.force_login(registrar)
    answer = client.post(f"{ADDRESS}?state=dormant", {"format": "csv", "purpose": "年度统计"})
    assert answer["Location"] == reverse("lists:exports")
    return ExportApproval.objects.get()


def page_of(asked) -> str:
    return reverse("lists:approval", args=[asked.pk])


def acts() -> list[str]:
    found = AuditEvent.objects.filter(act__startswith="markets.business").order_by("pk")
    return [event.act.removeprefix("markets.business.") for event in found]


def test_nothing_leaves_before_another_person_lets_it_go(client, city, asked):
    assert "另一位有同样权限的人批准" in client.get(ADDRESS).content.decode()
    assert "待批准" in client.get(reverse("lists:exports")).content.decode()
    assert not Job.objects.exists() and acts() == ["export_ask"]
    assert client.get(reverse("lists:download", args=[asked.export_id])).status_code == 404

    leader = factories.make_user("leader", city.nanshan)
    client.force_login(leader)
    assert "年度统计" not in client.get(reverse("lists:approvals")).content.decode()
    assert page_of(asked) in client.get(reverse("lists:approvals")).content.decode()
    page = client.get(page_of(asked)).content.decode()
    assert "年度统计" in page and "歇业" in page and "住所" in page and ">2<" in page and SECRET not in page
    assert client.post(page_of(asked), {"decision": "grant"}).status_code == 302

    job = Job.objects.get()
    assert job.owner == asked.asked_by and acts() == ["export_ask", "export_grant"]
    job_run(job_id=job.pk)
    address = reverse("lists:download", args=[asked.export_id])
    assert client.get(address).status_code == 404  # who let it go does not get it
    client.force_login(asked.asked_by)
    answer = client.get(address)
    assert SECRET in b"".join(answer.streaming_content).decode()
    assert acts() == ["export_ask", "export_grant", "export", "export_download"]


def test_a_refusal_needs_its_reason_and_is_told(client, city, asked):
    client.force_login(factories.make_user("leader", city.city))  # above reaches down
    client.post(page_of(asked), {"decision": "refuse", "reason": "\u200b—"})  # nobody sees that
    wrong = client.post(page_of(asked), {"decision": "refuse", "reason": " "})
    assert wrong.status_code == 422 and "请写明不批准的原因" in wrong.content.decode()
    assert client.post(page_of(asked), {}).status_code == 422
    client.post(page_of(asked), {"decision": "refuse", "reason": "范围太大"})
    assert acts() == ["export_ask", "export_refuse"] and not Job.objects.exists()
    assert "未批准" in client.get(reverse("lists:approvals")).content.decode()
    client.force_login(asked.asked_by)
    assert "未批准：范围太大" in client.get(reverse("lists:exports")).content.decode()


OTHERS = {
    "the one who asked": lambda city, asked: asked.asked_by,
    "somebody of another district": lambda city, asked: factories.make_user("leader", city.futian),
    "somebody below": lambda city, asked: factories.make_user("registrar", city.yuehai),
    "somebody without the right": lambda city, asked: factories.make_user("officer", city.nanshan),
}


@pytest.mark.parametrize("who", OTHERS)
def test_others_find_nothing_to_decide(client, city, asked, who):
    user = OTHERS[who](city, asked)
    client.force_login(user)
    assert client.get(page_of(asked)).status_code == 404
    assert client.post(page_of(asked), {"decision": "grant"}).status_code == 404
    assert approving.waiting_for(user) == []
    with pytest.raises(Cannot, match="不能批准"):
        approving.export_grant(approval=asked, by=user)
    assert not Job.objects.exists()


def test_after_three_days_or_a_decision_nobody_decides(client, city, asked):
    leader = factories.make_user("leader", city.nanshan)
    assert timedelta(days=2, hours=23) < asked.expires_at - timezone.now() <= timedelta(days=3)
    ExportApproval.objects.update(expires_at=timezone.now())
    with pytest.raises(Cannot, match="期限"):
        approving.export_grant(approval=asked, by=leader)
    assert "已失效" in client.get(reverse("lists:exports")).content.decode()
    ExportApproval.objects.update(expires_at=timezone.now() + timedelta(days=1))
    approving.export_grant(approval=asked, by=leader)
    with pytest.raises(Cannot, match="已经有人办理"):
        approving.export_refuse(approval=asked, by=leader, reason="迟了")


def test_a_list_that_grew_since_is_not_what_was_approved(city, asked):
    approving.export_grant(approval=asked, by=factories.make_user("leader", city.nanshan))
    factories.make_business(city.yuehai, status="dormant")
    job_run(job_id=Job.objects.get().pk)
    job = Job.objects.get()
    assert job.state == "failed" and "批准的是 2 行，现在有 3 行" in job.message
    assert not Export.objects.get().stored_as


def test_the_right_is_asked_again_when_the_file_is_made(city, asked):
    approving.export_grant(approval=asked, by=factories.make_user("leader", city.nanshan))
    factories.rewrite(asked.asked_by.postings, role="officer")
    job_run(job_id=Job.objects.get().pk)
    assert Job.objects.get().state == "cancelled"


# --- marks ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def taken(client, city, settings):
    """`taken("xlsx")`: the answer to a person called A&B."""
    settings.EXPORT_APPROVAL_ROWS = 100
    factories.make_business(city.yuehai, name=SECRET)
    user = factories.make_user("leader", city.nanshan, name="甲&乙")
    client.force_login(user)

    def take(format: str):
        answer = client.post(ADDRESS, {"format": format, "purpose": "年度统计"})
        answer.whole = b"".join(answer.streaming_content)
        return answer

    return take


def test_every_sheet_is_marked_and_its_rows_are_as_ever(taken):
    answer = taken("xlsx")
    with zipfile.ZipFile(io.BytesIO(answer.whole)) as book:
        sheet, core = (book.read(name).decode() for name in ("xl/worksheets/sheet1.xml", "docProps/core.xml"))
    day = f"{timezone.localdate()}"
    assert f"内部 · 甲&amp;&amp;乙 · {day}" in sheet and "<oddFooter>" in sheet
    assert "年度统计" in core and "<cp:category>内部</cp:category>" in core and "甲&amp;乙" in core
    rows = CalamineWorkbook.from_filelike(io.BytesIO(answer.whole)).get_sheet_by_index(0).to_python()
    assert len(rows) == 2 and "名称" in rows[0]


def test_a_csv_is_marked_by_its_name_only(taken):
    answer = taken("csv")
    from urllib.parse import unquote

    assert f"内部-甲&乙-{timezone.localdate()}.csv" in unquote(answer["Content-Disposition"])
    assert len(answer.whole.decode("utf-8-sig").splitlines()) == 2


def test_the_longest_name_and_purpose_fit_into_the_mark(taken, client, city):
    user = factories.make_user("leader", city.nanshan, name="&" * 60)
    client.force_login(user)
    assert CalamineWorkbook.from_filelike(io.BytesIO(taken("xlsx").whole)).sheet_names
    kept = Export.objects.latest("pk")
    assert len(taking.mark_of(kept).line) < 255


# --- a list in parts --------------------------------------------------------------------------------------------------


@pytest.fixture
def parts(client, city, settings):
    """Two businesses in each of two states; three rows leave on one's own word."""
    settings.EXPORT_APPROVAL_ROWS = 3
    for state in ("dormant", "revoked"):
        for number in range(2):
            factories.make_business(city.yuehai, name=f"{state}{number}", status=state)
    registrar = factories.make_user("registrar", city.nanshan)
    client.force_login(registrar)

    def take(state: str) -> bool:
        """Whether it left at once."""
        answer = client.post(f"{ADDRESS}?state={state}", {"format": "csv", "purpose": "年度统计"})
        if answer.status_code == 200:
            b"".join(answer.streaming_content)
        return answer.status_code == 200

    return take


def test_a_list_in_parts_is_one_list(client, city, parts):
    assert parts("dormant")
    page = client.get(f"{ADDRESS}?state=revoked").content.decode()
    assert "连同您 24 小时内按其他条件导出的本列表 2 行超过 3 行" in page and "提交申请" in page
    assert not parts("revoked")
    asked = ExportApproval.objects.get()
    assert asked.counted == 2
    client.force_login(factories.make_user("leader", city.nanshan))
    assert "24 小时内自行导出的本列表其他部分" in client.get(page_of(asked)).content.decode()


def test_the_same_file_again_is_one_file_and_a_day_later_it_is_another_day(parts):
    assert parts("dormant") and parts("dormant") and not ExportApproval.objects.exists()
    Export.objects.update(created_at=timezone.now() - timedelta(days=1, minutes=1))
    assert parts("revoked")


def test_what_another_let_go_and_what_others_took_does_not_count(client, city, parts, settings):
    settings.EXPORT_APPROVAL_ROWS = 1
    assert not parts("dormant")
    approving.export_grant(approval=ExportApproval.objects.get(), by=factories.make_user("leader", city.nanshan))
    job_run(job_id=Job.objects.get().pk)
    settings.EXPORT_APPROVAL_ROWS = 3
    assert parts("revoked")
    client.force_login(factories.make_user("registrar", city.nanshan))
    assert parts("dormant")


def test_a_part_that_is_still_being_written_counts(parts, settings, monkeypatch):
    monkeypatch.setattr(taking, "AT_ONCE", 1)
    assert not parts("dormant") and Job.objects.count() == 1 and not ExportApproval.objects.exists()
    parts("revoked")
    assert ExportApproval.objects.count() == 1 and Job.objects.count() == 1
