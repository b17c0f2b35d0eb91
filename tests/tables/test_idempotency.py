"""One effect and one answer for one key: again, at once, after a kill."""

import os
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from jobs.models import Job
from tables.idempotency import KEPT, Answer, InFlight, OtherBody, answer_once, forget_old
from tables.models import IdempotencyKey
from tests import factories as make
from tests.at_once import at_once


def once(key="k", body=b"x", **more) -> Answer:
    return answer_once(key=key, body=body, work=effect, **{"scope": "test"} | more)


def effect() -> tuple[int, str]:
    job = Job.objects.create(kind="tests.once", title="做一次")
    return 201, f'{{"b": 1, "a": {job.pk}}}'


def effects() -> int:
    return Job.objects.filter(kind="tests.once").count()


@pytest.mark.django_db
def test_the_same_body_gets_the_same_answer_and_one_effect():
    first, second = once(), once()
    assert (first.status, first.body) == (second.status, second.body) and second.is_repeated
    assert effects() == 1


@pytest.mark.django_db
def test_another_body_is_told_and_does_nothing():
    once()
    with pytest.raises(OtherBody):
        once(body=b"y")
    assert effects() == 1


@pytest.mark.django_db
def test_keys_of_different_callers_are_different_keys():
    user = make.make_user()
    for who in ({"scope": "test"}, {"scope": "other"}, {"scope": "", "owner": user}, {"scope": "test", "owner": user}):
        assert not once(**who).is_repeated
    assert effects() == 4


@pytest.mark.django_db
def test_work_that_fails_leaves_nothing_and_may_be_sent_again():
    def fail():
        effect()
        raise ValueError

    with pytest.raises(ValueError):
        answer_once(key="k", body=b"x", work=fail, scope="test")
    assert effects() == 0 and not once().is_repeated


@pytest.mark.django_db
def test_old_keys_are_forgotten():
    once(), once(key="new")
    IdempotencyKey.objects.filter(key="k").update(created_at=timezone.now() - KEPT - timedelta(minutes=1))
    assert forget_old() == 1 and IdempotencyKey.objects.get().key == "new"


def slow_effect() -> tuple[int, str]:
    found = effect()
    time.sleep(0.5)
    return found


@pytest.mark.django_db(transaction=True)
def test_two_at_once_have_one_effect():
    got = at_once(*[lambda: answer_once(key="k", body=b"x", work=slow_effect, scope="test")] * 2)
    assert sorted(type(each).__name__ for each in got) == ["Answer", "InFlight"] and effects() == 1


@pytest.mark.django_db(transaction=True)
def test_control_without_the_claim_the_second_would_work_too(monkeypatch):
    monkeypatch.setattr("tables.idempotency._claim", lambda name: True)
    ran = []

    def work():
        ran.append(1)
        return slow_effect()

    at_once(*[lambda: answer_once(key="k", body=b"x", work=work, scope="test")] * 2)
    assert len(ran) == 2  # only the unique key then keeps the second effect out, with an error for an answer


@pytest.mark.django_db(transaction=True)
def test_a_killed_process_leaves_no_effect_and_no_key_in_flight():
    server = os.environ["DATABASE_URL"].rsplit("/", 1)[0]
    environment = os.environ | {
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
        "DATABASE_ROLE": "web",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    command = [sys.executable, "-m", "tests.tables.idempotent_child", "k"]
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "working\n"
        with pytest.raises(InFlight):  # the control: while it lives, the key is taken
            once()
    finally:
        child.kill()
        child.wait()
    assert _within(10, lambda: once()).status == 201
    assert effects() == 1


def _within(seconds: float, run) -> Answer:
    end = time.monotonic() + seconds
    while True:
        try:
            return run()
        except InFlight:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
