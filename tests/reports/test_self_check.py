"""权限自检: it finds nothing where the doors are shut, and names the door that somebody forgot to shut."""

import hashlib
from types import SimpleNamespace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Q
from django.http import HttpResponse
from django.urls import reverse

from accounts import wall
from accounts.models import AuditEvent, Session, User
from jobs.models import Job
from jobs.runner import job_run
from markets.querysets import BusinessQuerySet
from members.querysets import MemberQuerySet
from orgs.doors import DUTY_PERMISSIONS
from reports import printing
from reports.models import SelfCheck
from reports.self_check import content, making, paper, walk
from reports.self_check.addresses import addresses
from reports.self_check.asking import ask
from reports.self_check.counts import FAILED, PASSED, UNCHECKED, Question, count_of, questions
from reports.self_check.stands import STANDS
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def town():
    """One business, branch and person in each of two guidance stations of one district, and in another district."""
    city = make.make_city()
    rows = {}
    for unit in (city.yuehai, city.shahe, city.lianhua):
        branch = make.make_branch(unit)
        member = make.make_member(f"某{unit.pk}")
        make.make_affiliation(member, branch)
        make.make_pledge(member, branch)
        rows[unit.pk] = SimpleNamespace(business=make.make_business(unit), branch=branch, member=member)
    users = {
        "officer": make.make_user("officer", city.yuehai),
        "marked": make.make_user("officer", city.yuehai, clearance=2),
        "barred": make.make_user("officer", city.yuehai, clearance=1),
        "secretary": make.make_user("secretary", rows[city.yuehai.pk].branch),
        "leader": make.make_user("leader", city.nanshan),
        "street": make.make_user("leader", city.divisions["yuehai"]),
        "city": make.make_user("leader", city.city),
        "security": make.make_user(duty=User.Duty.SECURITY),
    }
    return SimpleNamespace(rows=rows, near=rows[city.yuehai.pk], far=rows[city.lianhua.pk], **users)


# --- nothing is forgotten -----------------------------------------------------------------------------------------------


def test_every_table_with_a_door_says_where_its_rows_stand():
    assert [each.model._meta.label for each in questions() if each.model._meta.label not in STANDS] == []


def test_every_list_that_leaves_is_counted_too():
    assert {"导出“经营主体”", "导出“党员名单（遮盖）”"} <= {question.what for question in questions()}


def test_every_address_is_asked_or_named_with_the_reason():
    asked = {visit.of.name for visit in walk.plan()}
    named = {line["address"] for line in walk.unasked()}
    known = {each.unnamed_route or each.name for each in addresses()}
    assert known - asked - named == {route for route in known if route.endswith("<path:object_id>/")}
    assert asked & named == set() and len(asked) > 180
    assert {"accounts:locks", "accounts:measure", "accounts:sessions_of"} <= asked  # about other people's accounts


def asked_of(label: str) -> Question:
    return next(question for question in questions() if question.model._meta.label == label)


# --- counts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["officer", "marked", "barred", "secretary", "leader", "street", "city", "security"])
def test_every_table_agrees_with_the_independent_statement(town, who):
    found = [count_of(getattr(town, who), question) for question in questions()]
    assert [one for one in found if one.verdict != PASSED] == []
    if who in ("officer", "leader", "city"):
        assert next(one.inside for one in found if one.what == "经营主体") == {
            "officer": "1", "leader": "2", "city": "3"
        }[who]  # fmt: skip
        assert next(one.inside for one in found if one.what == "党员") == ("少于 5" if who == "officer" else "0")
        assert "安全标记：高敏" in content.scope_of(town.officer)
    if who in ("marked", "barred"):  # by their label
        seen = {one.what: one.inside for one in found}
        assert (seen["经营主体"], seen["党员"]) == ("1", "少于 5" if who == "marked" else "0")
    if who == "security":
        assert {one.inside for one in found} == {"0"}


def test_a_door_that_lets_everybody_in_is_found_by_the_counts(town, monkeypatch):
    monkeypatch.setattr(BusinessQuerySet, "organization_scope", lambda self, organization: self.model and _everything())
    found = count_of(town.officer, asked_of("markets.Business"))
    assert (found.verdict, found.inside, found.outside) == (FAILED, "1", "2") and "经营主体" in found.why


def test_persons_outside_are_told_in_steps_only(town, monkeypatch):
    monkeypatch.setattr(MemberQuerySet, "within_postings", lambda self, postings: self.all())
    found = count_of(town.officer, asked_of("members.Member"))
    assert (found.verdict, found.outside) == (FAILED, "少于 5")


def _everything():
    return Q(pk__isnull=False)


def test_a_count_that_takes_too_long_is_said_to_be_unchecked(town, monkeypatch):
    monkeypatch.setattr("reports.self_check.counts.PATIENCE_MS", 1)
    monkeypatch.setitem(STANDS, "markets.Business", SlowStand)
    assert count_of(town.officer, asked_of("markets.Business")).verdict == UNCHECKED


class SlowStand:
    inside, persons, by_posting = "(SELECT true FROM pg_sleep(0.05))", False, True


# --- the walk -----------------------------------------------------------------------------------------------------------


def visits(*names: str) -> list[walk.Visit]:
    return [visit for visit in walk.plan() if visit.address in names]


def verdicts(user, *names: str) -> set[str]:
    account = walk.Walk(user)
    return {one.verdict for visit in visits(*names) for one in account.answers_to(visit)}


def test_rows_outside_are_asked_for_and_answer_like_missing_ones(town):
    names = (
        "markets:business_detail", "members:detail", "orgs:detail", "api:business-detail", "reports:organization",
        "admin:markets_business_change", "markets:business_list", "api:business-list", "reports:search",
    )  # fmt: skip
    for user in (town.officer, town.secretary, town.leader, town.security):
        account = walk.Walk(user)
        found = [one for visit in visits(*names) for one in account.answers_to(visit)]
        assert [one for one in found if one.verdict != PASSED] == []
        assert {one.address for one in found} == set(names)


def test_a_door_left_open_is_found_and_named_at_every_address(town, monkeypatch):
    monkeypatch.setattr(BusinessQuerySet, "organization_scope", lambda self, organization: _everything())
    account = walk.Walk(town.officer)
    names = ("markets:business_detail", "api:business-detail", "markets:business_list", "api:business-list")
    found = {one.address: one for visit in visits(*names) for one in account.answers_to(visit) if one.verdict == FAILED}
    assert set(found) == set(names)
    assert found["markets:business_detail"].why == "范围外的“经营主体”打得开"


def test_a_view_that_forgets_the_scope_is_found(town, monkeypatch):
    from markets.views import BusinessDetail

    monkeypatch.setattr(BusinessDetail, "get", lambda self, request, pk: HttpResponse(f"business {pk}"))
    assert verdicts(town.officer, "markets:business_detail") == {FAILED}
    assert verdicts(town.officer, "markets:market_list") == {PASSED}


def test_what_cannot_be_asked_is_said(town, monkeypatch):
    from markets.views import BusinessDetail

    def broken(self, request, pk):
        raise RuntimeError(f"某人 {pk}")

    monkeypatch.setattr(BusinessDetail, "get", broken)
    answers = walk.Walk(town.officer).answers_to(visits("markets:business_detail")[0])
    assert {(one.verdict, "某人" in one.why) for one in answers} == {(UNCHECKED, False)}


def test_asking_leaves_nothing_and_is_nobody_signed_in(town):
    before = (AuditEvent.objects.count(), Session.objects.count())
    answer = ask(town.officer, reverse("members:detail", args=[town.near.member.pk]))
    assert answer.status == 200 and str(town.officer) in answer.text
    assert (AuditEvent.objects.count(), Session.objects.count()) == before
    with wall.within(wall.NOBODY):
        assert ask(town.officer, reverse("members:detail", args=[town.far.member.pk])).status == 404


INVENTORY = {"header": ["表", "字段"], "rows": [["报到", "身份号码"]], "not_assessed": []}


# --- the run ------------------------------------------------------------------------------------------------------------


def run_of(town, users, monkeypatch, *names: str) -> SelfCheck:
    chosen = tuple(visits(*names))
    monkeypatch.setattr(walk, "unasked", list)
    monkeypatch.setattr(content, "inventory_part", lambda: INVENTORY)  # 150 lines take seconds to set
    monkeypatch.setattr(walk, "plan", lambda: chosen)
    job = making.self_check_start(users=users, reason="季度例行", address="https://x.example", by=town.security)
    assert job_run(job_id=job.pk).state == Job.State.DONE
    return SelfCheck.objects.get(job=job)


def test_a_run_is_kept_whole_and_written_down(town, monkeypatch):
    monkeypatch.setattr(paper, "pdf_of", lambda row: None)  # the next test makes one
    row = run_of(town, [town.officer, town.leader], monkeypatch, "markets:business_detail")
    assert (row.verdict, row.accounts, row.reason) == ("passed", [town.officer.pk, town.leader.pk], "季度例行")
    assert printing.is_whole(row)
    told = str(row.content)
    assert town.near.member.name not in told and town.near.business.name not in told
    acts = AuditEvent.objects.filter(act__startswith="reports.selfcheck").order_by("pk")
    assert [(one.act, one.subjects) for one in acts] == [
        ("reports.selfcheck.start", row.accounts), ("reports.selfcheck.make", row.accounts)
    ]  # fmt: skip
    assert not AuditEvent.objects.filter(actor__in=[town.officer, town.leader]).exists()


def test_page_paper_and_verification_say_what_was_found(town, monkeypatch, client):
    with monkeypatch.context() as patch:
        patch.setattr(BusinessQuerySet, "organization_scope", lambda self, organization: _everything())
        row = run_of(town, [town.officer], patch, "markets:business_detail")
    assert row.verdict == "failed"
    client.force_login(town.security)
    page = client.get(row.get_absolute_url()).content.decode()
    assert "不通过" in page and "范围外的“经营主体”打得开" in page and town.officer.username in page
    html = paper.html_of(row)
    for said in ("不通过", "markets:business_detail", "个人信息字段清单", "安全管理员", row.digest, "身份号码", "内部"):
        assert said in html
    checked = client.get(reverse("reports:verified", args=[row.code])).content.decode()
    assert row.number in checked and row.digest in checked and town.officer.username not in checked
    assert client.get(reverse("reports:self_check_file", args=[row.pk]), {"format": "print"}).status_code == 200
    file = client.get(reverse("reports:self_check_file", args=[row.pk]))
    assert file.content.startswith(b"%PDF") if row.paper else file.status_code == 302
    assert AuditEvent.objects.filter(act="reports.selfcheck.download", actor=town.security).exists()


def test_the_file_of_a_self_check_is_known_again_and_an_altered_one_is_not(town, monkeypatch, client):
    monkeypatch.setattr(paper, "pdf_of", lambda row: b"%PDF-1 the paper")
    row = run_of(town, [town.officer], monkeypatch, "markets:business_detail")
    client.force_login(town.leader)
    told = [
        client.post(reverse("reports:printed_check"), {"file": SimpleUploadedFile("a.pdf", sent)}).content.decode()
        for sent in (b"%PDF-1 the paper", b"%PDF-1 the papex")
    ]
    assert "一字未改" in told[0] and row.number in told[0] and row.get_absolute_url() not in told[0]
    assert "对不上" in told[1] and row.number not in told[1]
    checked = client.get(reverse("reports:verified", args=[row.code])).content.decode()
    assert hashlib.sha256(b"%PDF-1 the paper").hexdigest() in checked


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"usernames": "nobody-here"}, "没有这些账号：nobody-here"),
        ({"unit": "没有的单位"}, "没有这个单位"),
        ({"usernames": "officer-1", "unit": "SZ"}, "只用一种"),
        ({"roles": ["leader"], "unit": "SZ-futian"}, "没有在任的账号"),
        ({"roles": ["officer"], "reason": ""}, "请写明自检的事由"),
    ],
)
def test_the_form_says_what_to_do(town, client, sent, said):
    make.rewrite(User.objects.filter(pk=town.officer.pk), username="officer-1")
    client.force_login(town.security)
    answer = client.post(reverse("reports:self_check_new"), {"reason": "例行", **sent})
    assert answer.status_code == 422 and said in answer.content.decode()
    assert not Job.objects.exists()


def test_too_many_accounts_are_refused_or_drawn(town, client, monkeypatch):
    monkeypatch.setattr("reports.self_check.forms.MOST_ACCOUNTS", 2)
    client.force_login(town.security)
    sent = {"unit": "SZ", "reason": "例行"}
    assert "一次最多 2 个" in client.post(reverse("reports:self_check_new"), sent).content.decode()
    assert client.post(reverse("reports:self_check_new"), sent | {"sample": "on"}).status_code == 302
    assert len(Job.objects.get().params["accounts"]) == 2


def test_only_the_security_administrator_holds_the_right():
    holders = [duty for duty, permissions in DUTY_PERMISSIONS.items() if making.MAKE in permissions]
    assert holders == [User.Duty.SECURITY]
