"""The clock of the schedule, while the broker is away."""

from datetime import timedelta

import pytest
from celery import Celery
from celery.schedules import crontab
from celery.utils.imports import symbol_by_name

from config import beat
from config.beat import KeepingScheduler


@pytest.fixture
def clock(tmp_path, monkeypatch):
    """Makes the clock of one schedule file: a job of the night that was not run for two days, and one of every second. Of
    its `sent` the broker takes none while it `is_away`."""
    app = Celery("clock", broker="memory://", set_as_current=False)
    app.conf.beat_schedule = {
        "night": {"task": "night", "schedule": crontab(hour=1, minute=10)},
        "second": {"task": "second", "schedule": 1.0},
    }
    clocks = []

    def send(self, task, *args, **kwargs):
        if self.is_away:
            self.tried.append(task)
            raise ConnectionError
        self.sent.append(task)

    def make() -> KeepingScheduler:
        clock = KeepingScheduler(app, schedule_filename=str(tmp_path / "beat"))
        clock.is_away, clock.tried, clock.sent = False, [], []
        clocks.append(clock)
        return clock

    monkeypatch.setattr(KeepingScheduler, "send_task", send)
    first = make()
    first.schedule["night"].last_run_at -= timedelta(days=2)
    yield first, make
    for clock in clocks:
        clock.close()


def ticks(clock: KeepingScheduler) -> None:
    for _ in range(8):
        clock.tick()


def test_a_job_of_the_night_that_the_broker_did_not_take_is_sent_when_it_is_back(clock, monkeypatch):
    clock, _ = clock
    clock.is_away = True
    ticks(clock)
    assert clock.tried.count("night") == 1  # and not without end
    clock.is_away = False
    ticks(clock)
    assert "night" not in clock.sent  # not at once
    monkeypatch.setattr(beat, "monotonic", lambda now=beat.monotonic: now() + beat.AGAIN)
    clock._heap = None  # as if that time had passed there too
    ticks(clock)
    ticks(clock)
    assert clock.sent.count("night") == 1


def test_it_stays_due_when_the_clock_is_started_again(clock):
    first, make = clock
    first.is_away = True
    ticks(first)
    first.close()
    second = make()
    ticks(second)
    assert second.sent.count("night") == 1


def test_it_is_the_clock_of_the_product():
    from config.celery import app

    assert symbol_by_name(app.conf.beat_scheduler) is KeepingScheduler
