"""The Celery application, its two queues and the whole schedule.

`prompt` takes what must happen within seconds (sealing the audit, one touched guidance station);
`long` takes jobs of minutes (imports, the nightly refresh), so that an import never delays a seal.
"""

import os

from celery import Celery
from celery.contrib.django.task import DjangoTask
from celery.schedules import crontab
from celery.signals import after_setup_logger, after_setup_task_logger, worker_init

from config.logs import quiet

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class CityTask(DjangoTask):
    """What runs by itself counts and cares for the whole city; a job narrows it to its owner (jobs/runner.py)."""

    abstract = True

    def __call__(self, *args, **kwargs):
        from accounts import wall

        with wall.everywhere():
            return super().__call__(*args, **kwargs)


app = Celery("config", task_cls=CityTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

app.conf.beat_scheduler = "config.beat:KeepingScheduler"
app.conf.task_default_queue = "prompt"
app.conf.task_routes = {
    "jobs.run": {"queue": "long"},
    "reports.refresh_coverage": {"queue": "long"},
    "reports.keep_withheld": {"queue": "long"},
    "reports.monthly": {"queue": "long"},
    "accounts.audit_head": {"queue": "long"},
    "accounts.idle": {"queue": "long"},
    "accounts.audit_check": {"queue": "long"},
    "accounts.records_check": {"queue": "long"},
    "accounts.audit_retention": {"queue": "long"},
    "reports.weekly": {"queue": "long"},
    "members.answers": {"queue": "long"},
    "members.answers_missing": {"queue": "long"},
    "members.answers_of": {"queue": "long"},
}
app.conf.beat_schedule = {
    # nothing to do unless a public face stands apart
    "take what the public face sent": {"task": "members.inbox", "schedule": 1.0, "options": {"expires": 3}},
    "write answers that are missing": {"task": "members.answers_missing", "schedule": 60.0, "options": {"expires": 50}},
    "write the answers of receipts anew": {"task": "members.answers", "schedule": crontab(hour=5, minute=30)},
    "seal the audit": {"task": "accounts.seal", "schedule": 0.5, "options": {"expires": 2}},
    "take over jobs whose worker died": {"task": "jobs.sweep", "schedule": 15.0, "options": {"expires": 10}},
    "count what was touched": {"task": "reports.refresh_touched", "schedule": 60.0, "options": {"expires": 30}},
    "keep ready what is withheld": {"task": "reports.keep_withheld", "schedule": 60.0, "options": {"expires": 50}},
    "write down the head of the audit": {"task": "accounts.audit_head", "schedule": crontab(hour=0, minute=5)},
    "remove audit events past their time": {"task": "accounts.audit_retention", "schedule": crontab(hour=0, minute=35)},
    "check the chain of the audit": {"task": "accounts.audit_check", "schedule": crontab(hour=2, minute=30)},
    "check the codes of what is kept": {"task": "accounts.records_check", "schedule": crontab(hour=2, minute=40)},
    "raise and send alarms": {"task": "reports.alarms", "schedule": 60.0, "options": {"expires": 50}},
    "switch off accounts that nobody uses": {"task": "accounts.idle", "schedule": crontab(hour=2, minute=50)},
    "nightly coverage": {"task": "reports.refresh_coverage", "schedule": crontab(hour=1, minute=10)},
    # The first's; on the other days only what is still missing
    "close the month and print its reports": {
        "task": "reports.monthly",
        "schedule": crontab(day_of_month="1-7", hour=4, minute=20),
    },
    "fill the forms of closed months": {"task": "reports.fill_forms", "schedule": crontab(hour=5, minute=10)},
    # Monday's sheets; on the other days only what is still missing
    "print the week's sheets": {"task": "reports.weekly", "schedule": crontab(hour=4, minute=40)},
    "remove old printed files": {"task": "reports.printed_retention", "schedule": crontab(hour=3, minute=50)},
    "remove old alarms": {"task": "reports.alarm_retention", "schedule": crontab(hour=0, minute=45)},
    "remove old sessions": {"task": "accounts.session_retention", "schedule": crontab(hour=3, minute=30)},
    "remove old uploads": {"task": "tables.retention", "schedule": crontab(hour=3, minute=40)},
    "drop forms that were never sent": {"task": "members.drafts", "schedule": crontab(minute=25)},
    "erase what is due": {"task": "members.retention", "schedule": crontab(hour=3, minute=20)},
    "old check-ins become counts": {"task": "stations.retention", "schedule": crontab(hour=3, minute=40)},
}


after_setup_logger.connect(quiet)
after_setup_task_logger.connect(quiet)


@worker_init.connect
def refuse_another_index_key(**_) -> None:
    from accounts.index_key import index_key_check

    index_key_check()
