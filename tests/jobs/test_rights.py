"""Every kind of job stops at its next word when its owner loses any of the right by which it was started."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import AuditEvent
from jobs import lease
from jobs.models import Job
from jobs.rights import has_lost
from jobs.runner import job_run
from jobs.services import KINDS, RIGHTS, job_start
from markets.models import Business
from orgs.models import Posting
from orgs.services import organization_create, organization_move, posting_end
from tables import services
from tables.models import Batch, Export
from tests import factories as make
from tests.jobs import kinds  # noqa: F401
from tests.markets.files import make_code, make_row
from tests.tables.test_survival import start, work

State = Job.State


def batch(owner) -> dict:
    return {"batch": Batch.objects.create(target="business", owner=owner, file_name="a.csv").pk}


def export(owner) -> dict:
    return {"export": Export.objects.create(owner=owner, table="business", purpose="例会", format="csv").pk}


# What is needed to start one of each kind. A new kind that is not here fails the first test.
PARAMS = {
    "tables.check": batch,
    "tables.apply": batch,
    "tables.undo": batch,
    "tables.export": export,
    "tables.bulk": lambda owner: {"table": "business", "act": "key"},
    "reports.printed_monthly": lambda owner: {},
    "reports.printed_weekly": lambda owner: {},
    "reports.fill_forms": lambda owner: {},
}
BY_DUTY = {"reports.self_check"}  # an administrator's: no posting gives or ends that right


def ends(city, owner):
    posting_end(posting=owner.postings.get(), ends_on=timezone.localdate(), by=None)


def other_role(city, owner):
    make.rewrite(owner.postings, role="secretary")


def moves_away(city, owner):
    organization_move(organization=city.yuehai, parent=city.futian, by=None)


def grows(city, owner):
    organization_create(by=None, parent=city.nanshan, level=3, code="new", name="新指导站")
    Posting.objects.create(user=owner, role="leader", organization=city.futian)


def test_every_kind_says_by_which_right_it_works():
    assert (
        set(PARAMS) | BY_DUTY
        == {kind for kind in KINDS if not kind.startswith("test.")}
        == {kind for kind in RIGHTS if not kind.startswith("test.")}
    )


@pytest.mark.django_db
@pytest.mark.parametrize("happens", [ends, other_role, moves_away, grows])
@pytest.mark.parametrize("kind", PARAMS)
def test_it_stops_when_the_right_ends_or_reaches_less_and_goes_on_when_it_reaches_more(monkeypatch, kind, happens):
    city = make.make_city()
    owner = make.make_user("registrar", city.nanshan)
    said = []

    def in_the_middle(job, progress):
        progress(1, 3)
        happens(city, owner)
        said.append("the last word")
        progress(2, 3)
        said.append("a word too much")

    monkeypatch.setitem(KINDS, kind, in_the_middle)
    job = job_start(kind=kind, title="任务", by=owner, params=PARAMS[kind](owner))
    assert job.permission and owner.has_perm(job.permission) and not has_lost(job)
    job = job_run(job_id=job.pk)
    if happens is grows:
        assert (job.state, len(said)) == (State.DONE, 2)
    else:
        assert (job.state, said) == (State.CANCELLED, ["the last word"])
        assert job.message.startswith("已停止：权限已收回")
        event = AuditEvent.objects.get(act="jobs.job.end")
        assert (event.detail["state"], event.succeeded) == ("cancelled", False)


@pytest.mark.django_db
@pytest.mark.parametrize("happens", [ends, moves_away])
def test_what_ended_while_it_waited_is_never_begun_and_the_systems_own_work_needs_nobody(monkeypatch, happens):
    city = make.make_city()
    owner = make.make_user("registrar", city.nanshan)
    begun = []
    monkeypatch.setitem(KINDS, "tables.export", lambda job, progress: begun.append(job.pk))
    job = job_start(kind="tables.export", title="任务", by=owner, params=export(owner))
    own = job_start(kind="test.count", title="任务", by=None, params={"rows": 1})
    happens(city, owner)
    job = job_run(job_id=job.pk)
    assert (job.state, begun) == (State.CANCELLED, []) and "权限已收回" in job.message
    assert job_run(job_id=own.pk).state == State.DONE


@pytest.mark.django_db
def test_a_posting_that_ends_by_the_calendar_stops_it_too(monkeypatch):
    city = make.make_city()
    owner = make.make_user("registrar", city.nanshan)
    make.rewrite(owner.postings, ends_on=timezone.localdate() + timedelta(days=1))
    job = job_start(kind="tables.export", title="任务", by=owner, params=export(owner))
    assert not has_lost(job)
    tomorrow = timezone.localdate() + timedelta(days=1)
    monkeypatch.setattr(timezone, "localdate", lambda *args: tomorrow)
    assert has_lost(job)


@pytest.mark.django_db(transaction=True)
def test_an_import_whose_right_ends_in_the_last_moment_writes_nothing(settings, tmp_path, monkeypatch):
    """Everything is written and nothing committed when the posting ends; without the last look it would be kept."""
    settings.MEDIA_ROOT = str(tmp_path)
    city = make.make_city()
    clerk = make.make_user("registrar", city.city)
    kept = work(start([make_row(统一社会信用代码=make_code())], clerk))
    services.batch_confirm(batch=kept, by=clerk)
    written = services.fault

    def just_written(name: str) -> None:
        written(name)
        if name == "apply.written":
            thread = threading.Thread(target=elsewhere)
            thread.start()
            thread.join(10)

    def elsewhere() -> None:
        ends(city, clerk)
        connection.close()

    monkeypatch.setattr(services, "fault", just_written)
    monkeypatch.setattr(lease, "TICK", 600)  # no look in between hears of it
    job = job_run(job_id=kept.job_id)
    kept.refresh_from_db()
    assert (job.state, kept.state) == (State.CANCELLED, "checked") and "权限已收回" in job.message
    assert not Business.objects.exists()


@pytest.mark.django_db
def test_a_branch_stops_what_was_begun_over_it_only_where_it_leaves_the_reach():
    """Within the district it may move as it likes; what moves into the reach is only more; what left before is no loss."""
    city = make.make_city()
    branch, foreign, gone = make.make_branch(city.yuehai), make.make_branch(city.lianhua), make.make_branch(city.yuehai)
    other = organization_create(by=None, parent=city.nanshan, level=3, code="new", name="新指导站")
    owner, chief = make.make_user("registrar", city.nanshan), make.make_user("registrar", city.city)
    organization_move(organization=gone, parent=city.lianhua, by=None)
    jobs = [job_start(kind="tables.export", title="任务", by=by, params=export(by)) for by in (owner, chief)]
    organization_move(organization=branch, parent=other, by=None)
    organization_move(organization=foreign, parent=city.yuehai, by=None)
    organization_move(organization=foreign, parent=city.lianhua, by=None)
    assert [has_lost(job) for job in jobs] == [False, False]
    organization_move(organization=branch, parent=city.lianhua, by=None)
    assert [has_lost(job) for job in jobs] == [True, False]
    organization_move(organization=branch, parent=city.yuehai, by=None)
    assert [has_lost(job) for job in jobs] == [False, False]
