import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from jobs.models import Job
from tests import factories as make
from tests.jobs.test_runner import make_job

pytestmark = pytest.mark.django_db
State = Job.State


@pytest.fixture
def owner(client):
    user = make.make_user()
    client.force_login(user)
    return user


def test_the_list_shows_the_own_jobs_only_with_as_many_queries_for_one_as_for_three(client, owner):
    stranger = make_job(title="别人的任务")
    queries = []
    for number in range(3):
        make_job(owner=owner, title=f"导入第{number}份")
        with CaptureQueriesContext(connection) as captured:
            page = client.get(reverse("jobs:list")).content.decode()
        queries.append(len(captured))
        assert page.count("导入第") == number + 1
        assert stranger.title not in page
    assert queries[0] == queries[2] <= 6


def test_an_empty_list_says_why(client, owner):
    assert "还没有发起过任务" in client.get(reverse("jobs:list")).content.decode()


def test_the_list_turns_pages_by_key(client, owner):
    jobs = [make_job(owner=owner, title=f"任务甲{number:02d}") for number in range(31)]
    first = client.get(reverse("jobs:list")).content.decode()
    assert jobs[0].title not in first and jobs[1].title in first
    second = client.get(f"{reverse('jobs:list')}?before={jobs[1].pk}").content.decode()
    assert jobs[0].title in second and jobs[1].title not in second
    assert client.get(f"{reverse('jobs:list')}?before=x").status_code == 200


def test_detail_shows_bar_state_and_cancel(client, owner):
    job = make_job(
        owner=owner, state=State.RUNNING, lease_until="2099-01-01T00:00Z", done=1, total=4, message="第 1 行"
    )
    page = client.get(reverse("jobs:detail", args=[job.pk])).content.decode()
    assert 'value="25"' in page and "1 / 4" in page and "第 1 行" in page
    assert reverse("jobs:progress", args=[job.pk]) in page
    assert reverse("jobs:cancel", args=[job.pk]) in page


def test_an_ended_job_offers_its_result_and_no_cancel(client, owner):
    job = make_job(owner=owner, state=State.DONE, result={"url": "/batches/7/"})
    page = client.get(reverse("jobs:detail", args=[job.pk])).content.decode()
    assert 'href="/batches/7/"' in page
    assert reverse("jobs:cancel", args=[job.pk]) not in page


def test_progress_answers_what_the_script_reads(client, owner):
    job = make_job(owner=owner, state=State.DONE, done=4, total=4, result={"url": "/batches/7/"}, message="完成")
    assert client.get(reverse("jobs:progress", args=[job.pk])).json() == {
        "state": "done", "done": 4, "total": 4, "percent": 100.0, "seconds_left": None, "message": "完成",
        "finished_url": "/batches/7/",
    }  # fmt: skip


def test_cancel_is_a_post_and_stops_a_waiting_job(client, owner):
    job = make_job(owner=owner)
    address = reverse("jobs:cancel", args=[job.pk])
    assert client.get(address).status_code == 405
    page = client.post(address, follow=True).content.decode()
    job.refresh_from_db()
    assert job.state == State.CANCELLED
    assert "已请求取消" in page


@pytest.mark.parametrize(("name", "method"), [("detail", "get"), ("progress", "get"), ("cancel", "post")])
def test_the_job_of_somebody_else_answers_like_a_missing_one(client, owner, name, method):
    job = make_job()
    theirs = getattr(client, method)(reverse(f"jobs:{name}", args=[job.pk]))
    missing = getattr(client, method)(reverse(f"jobs:{name}", args=[job.pk + 999]))
    assert theirs.status_code == missing.status_code == 404
    assert theirs.content == missing.content
    job.refresh_from_db()
    assert job.state == State.QUEUED


@pytest.mark.parametrize("name", ["list", "detail", "progress", "cancel"])
def test_who_is_not_signed_in_is_sent_to_sign_in(client, name):
    address = reverse(f"jobs:{name}", args=[] if name == "list" else [make_job().pk])
    answer = client.post(address) if name == "cancel" else client.get(address)
    assert answer.status_code == 302
    assert "/accounts/" in answer.url or "sign" in answer.url


@pytest.mark.parametrize(("duty", "status"), [("system", 200), ("security", 403), ("audit", 403), ("staff", 403)])
def test_only_the_system_administrator_reads_technical_errors(client, duty, status):
    job = make_job("test.crash", title="导入 张三.xlsx", error="IntegrityError 23505", state=State.FAILED)
    client.force_login(make.make_user(duty=duty))
    answer = client.get(reverse("admin:jobs_job_change", args=[job.pk]))
    assert answer.status_code == status
    if status == 200:
        assert "IntegrityError 23505" in answer.content.decode()
        assert "张三" not in answer.content.decode()


def test_without_scripts_an_unfinished_job_offers_to_look_again(client, owner):
    for state, anew in ((State.QUEUED, True), (State.DONE, False)):
        job = make_job(owner=owner, state=state, finished_at=None if anew else timezone.now())
        page = client.get(reverse("jobs:detail", args=[job.pk])).content.decode()
        assert ("看现在的进度" in page) == anew
