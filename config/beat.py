"""The clock of the schedule, which keeps what the broker did not take."""

from time import monotonic

from celery.beat import PersistentScheduler, ScheduleEntry, SchedulingError
from celery.schedules import crontab, schedstate

AGAIN = 10.0  # seconds until it is tried once more


class KeepingScheduler(PersistentScheduler):
    """Celery's own counts as sent what Redis, away for a moment, did not take: the jobs of the night would wait a day, those
    of the first of the month a month. Here they stay due, over a restart too. What is due each minute or sooner comes again
    by itself."""

    def __init__(self, *args, **kwargs) -> None:
        self._not_before: dict[str, float] = {}  # by monotonic()
        super().__init__(*args, **kwargs)

    def is_due(self, entry: ScheduleEntry) -> schedstate:
        wait = self._not_before.get(entry.name, 0.0) - monotonic()
        return schedstate(False, wait) if wait > 0 else super().is_due(entry)

    def apply_async(self, entry: ScheduleEntry, *args, **kwargs):
        try:
            return super().apply_async(entry, *args, **kwargs)
        except SchedulingError:
            if isinstance(entry.schedule, crontab):
                self._keep(entry)
            raise

    def _keep(self, entry: ScheduleEntry) -> None:
        self.schedule[entry.name] = entry  # with the time of its last run, by which it is due
        self._not_before[entry.name] = monotonic() + AGAIN
        self._heap = None  # the next tick makes it anew
