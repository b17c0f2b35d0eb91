import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import AuditEvent, User
from jobs import lease
from jobs.listening import Cancelled
from jobs.models import Job
from jobs.runner import MAX_ATTEMPTS, claim, job_run
from jobs.services import job_cancel, job_start
from tests import factories as make
from tests.jobs import kinds  # noqa: F401

State = Job.State


def make_job(kind: str = "test.count", **more) -> Job:
    more = {"owner": more.get("owner") or make.make_user(), "title": "数一数", "params": {"rows": 3}, **more}
    return Job.objects.create(kind=kind, **more)


def in_minutes(minutes: float):
    return timezone.now() + timedelta(minutes=minutes)


@pytest.mark.django_db
def test_a_job_ends_done_with_its_result_and_full_progress():
    job = job_run(job_id=make_job().pk)
    assert (job.state, job.result["rows"], job.attempts) == (State.DONE, 3, 1)
    assert (job.done, job.total, job.percent, job.lease_until) == (3, 3, 100, None)
    assert job.finished_at >= job.started_at
    assert (job.finished_url, job.message) == ("/somewhere/", "")  # it is at no step any more


@pytest.mark.django_db
def test_starting_a_job_is_audited_and_sent_after_commit(django_capture_on_commit_callbacks):
    user = make.make_user()
    with django_capture_on_commit_callbacks() as callbacks:
        job = job_start(kind="test.count", title="数一数", by=user, params={"rows": 1})
    assert len(callbacks) == 1
    event = AuditEvent.objects.get(act="jobs.job.start")
    assert (event.actor, event.subjects) == (user, [job.pk])


@pytest.mark.django_db
def test_the_owner_reads_why_it_was_refused():
    job = job_run(job_id=make_job("test.refuse").pk)
    assert (job.state, job.message) == (State.FAILED, "文件里没有数据行，请检查后重新上传。")


@pytest.mark.django_db
def test_an_unexpected_error_is_told_in_chinese_and_kept_for_administrators_without_data(caplog):
    job = job_run(job_id=make_job("test.crash").pk)
    assert job.state == State.FAILED
    assert "系统内部错误" in job.message and str(job.pk) in job.message
    assert "IntegrityError 23505 accounts_user_username_key" in job.error
    assert "kinds.py" in job.error
    assert "left-over" not in job.error + caplog.text and "张三" not in job.error + caplog.text
    assert not User.objects.filter(username="left-over").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["test.no_such_kind", ""])
def test_an_unknown_kind_fails(kind):
    assert job_run(job_id=make_job(kind).pk).state == State.FAILED


@pytest.mark.django_db
def test_the_job_of_somebody_who_was_deactivated_is_not_run():
    job = job_run(job_id=make_job(owner=make.make_user(is_active=False)).pk)
    assert (job.state, job.done) == (State.FAILED, 0)
    assert "已停用" in job.message


@pytest.mark.django_db
def test_a_database_that_is_away_means_three_attempts_and_then_the_truth():
    pk = make_job("test.away").pk
    for attempt in range(1, MAX_ATTEMPTS):
        job = job_run(job_id=pk)
        assert (job.state, job.attempts, job.lease_until) == (State.QUEUED, attempt, None)
    job = job_run(job_id=pk)
    assert (job.state, job.attempts) == (State.FAILED, MAX_ATTEMPTS)
    assert f"已尝试 {MAX_ATTEMPTS} 次" in job.message
    assert job_run(job_id=pk) is None


@pytest.mark.django_db
def test_a_full_disk_of_the_database_is_told_at_once():
    job = job_run(job_id=make_job("test.full").pk)
    assert (job.state, job.attempts) == (State.FAILED, 1) and "磁盘空间不够" in job.message


@pytest.mark.django_db
@pytest.mark.parametrize("state", [State.DONE, State.FAILED, State.CANCELLED])
def test_what_has_ended_is_not_run_again(state):
    assert job_run(job_id=make_job(state=state).pk) is None


@pytest.mark.django_db
def test_a_running_job_is_taken_only_when_its_lease_has_run_out():
    job = make_job(state=State.RUNNING, attempts=1, lease_until=in_minutes(0.1))
    assert claim(job.pk) is None
    Job.objects.filter(pk=job.pk).update(lease_until=in_minutes(-0.1))
    assert claim(job.pk).attempts == 2


@pytest.mark.django_db
def test_more_done_than_there_is_is_cut_and_a_long_message_too():
    job = make_job()
    with lease.reporting(claim(job.pk)) as progress:
        progress(9, 5, "字" * 300)
    job.refresh_from_db()
    assert (job.done, job.total, len(job.message)) == (5, 5, 200)


@pytest.mark.django_db
def test_cancelling_stops_the_work_at_its_next_word():
    claimed = claim(make_job().pk)
    with lease.reporting(claimed) as progress:
        progress(1, 3)
        assert job_cancel(job=claimed, by=claimed.owner)
        with pytest.raises(Cancelled):
            progress(2, 3)
    assert AuditEvent.objects.filter(act="jobs.job.cancel", actor=claimed.owner).exists()


@pytest.mark.django_db
def test_a_waiting_job_is_cancelled_at_once_and_an_ended_one_never():
    waiting, ended = make_job(), make_job(state=State.DONE)
    assert job_cancel(job=waiting, by=waiting.owner)
    assert not job_cancel(job=ended, by=ended.owner)
    waiting.refresh_from_db()
    ended.refresh_from_db()
    assert (waiting.state, ended.state, ended.cancel_requested) == (State.CANCELLED, State.DONE, False)
    assert job_run(job_id=waiting.pk) is None


@pytest.mark.django_db
def test_who_lost_the_lease_stops_and_writes_nothing():
    claimed = claim(make_job().pk)
    with lease.reporting(claimed) as progress:
        Job.objects.filter(pk=claimed.pk).update(attempts=2, done=0)  # another worker's claim
        with pytest.raises(lease.LeaseLost):
            progress(2, 3, "旧的")
    claimed.refresh_from_db()
    assert (claimed.done, claimed.message) == (0, "")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("job_done_within_total", {"done": 2, "total": 1}),
        ("job_running_has_lease", {"state": State.RUNNING, "lease_until": None}),
    ],
)
def test_the_database_refuses(constraint, columns):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        make_job(**columns)


def test_time_left_follows_the_speed_so_far():
    started = timezone.now() - timedelta(seconds=30)
    job = Job(state=State.RUNNING, done=25, total=100, started_at=started)
    assert (job.percent, job.seconds_left) == (25.0, 90)
    assert Job(state=State.RUNNING, done=0, total=100, started_at=started).seconds_left is None
    assert Job(state=State.RUNNING, done=5, total=None, started_at=started).percent is None


# --- over real connections -------------------------------------------------------------------------------------------


def run_in_thread(job_id: int) -> threading.Thread:
    def run():
        try:
            job_run(job_id=job_id)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def wait_for(condition, seconds: float = 10):
    deadline = timezone.now() + timedelta(seconds=seconds)
    pause = threading.Event()
    while timezone.now() < deadline:
        if found := condition():
            return found
        pause.wait(0.05)
    raise AssertionError("did not happen in time")


@pytest.mark.django_db(transaction=True)
def test_progress_is_seen_while_the_transaction_of_the_work_is_open_and_cancel_rolls_it_back():
    job = make_job("test.slow", params={"steps": 300})
    thread = run_in_thread(job.pk)
    seen = wait_for(lambda: Job.objects.filter(pk=job.pk, done__gt=2).first())
    assert (seen.total, seen.message) == (300, f"第 {seen.done} 步")
    assert not User.objects.filter(username__startswith="made-by").exists()
    job_cancel(job=seen, by=seen.owner)
    thread.join(5)
    seen.refresh_from_db()
    assert seen.state == State.CANCELLED
    assert 2 < seen.done < 300
    assert not User.objects.filter(username__startswith="made-by").exists()


@pytest.mark.django_db(transaction=True)
def test_writes_are_few_however_often_the_work_reports():
    claimed = claim(make_job().pk)
    writes = []
    with lease.reporting(claimed) as progress:
        original = progress.write
        progress.write = lambda: (writes.append(1), original())
        end = timezone.now() + timedelta(seconds=1.3)
        calls = 0
        while timezone.now() < end:
            progress(calls := calls + 1)
    assert calls > 1000
    assert 1 <= len(writes) <= 3


@pytest.mark.django_db(transaction=True)
def test_the_lease_is_renewed_during_one_long_statement(monkeypatch):
    monkeypatch.setattr(lease, "RENEW", 0.2)
    job = make_job("test.silent", params={"seconds": 2})
    thread = run_in_thread(job.pk)
    first = wait_for(lambda: Job.objects.filter(pk=job.pk, state=State.RUNNING).first()).lease_until
    wait_for(lambda: Job.objects.filter(pk=job.pk, lease_until__gt=first, state=State.RUNNING).exists(), 2)
    thread.join(5)


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_claim_at_once_run_the_job_once():
    for _ in range(5):
        job = make_job("test.slow", params={"steps": 2})
        threads = [run_in_thread(job.pk) for _ in range(4)]
        for thread in threads:
            thread.join(10)
        job.refresh_from_db()
        assert (job.state, job.attempts) == (State.DONE, 1)
        assert list(User.objects.filter(username__startswith=f"made-by-{job.pk}-")) != []
        assert User.objects.filter(username__startswith=f"made-by-{job.pk}-").count() == 1


@pytest.mark.django_db(transaction=True)
def test_control_without_the_conditional_update_the_job_would_run_more_than_once(monkeypatch):
    """The test above can fail: with a claim that does not look, every worker runs."""
    job = make_job("test.slow", params={"steps": 2})
    attempts = iter(range(1, 5))

    def blind_claim(job_id):
        taken = Job.objects.select_related("owner").get(pk=job_id)
        taken.attempts = next(attempts)
        Job.objects.filter(pk=job_id).update(state=State.RUNNING, attempts=taken.attempts, lease_until=in_minutes(1))
        return taken

    monkeypatch.setattr("jobs.runner.claim", blind_claim)
    threads = [run_in_thread(job.pk) for _ in range(4)]
    for thread in threads:
        thread.join(10)
    assert User.objects.filter(username__startswith=f"made-by-{job.pk}-").count() > 1
