"""Kinds of work that only tests know. A real worker gets them by `--include tests.jobs.kinds`."""

import time

import polars as pl
from django.db import OperationalError, connection, transaction

from accounts.models import User
from jobs.lease import interruptible
from jobs.services import JobFailed, job_kind
from tables.copying import beside, copy_in


def no_right(params):
    return ""


@job_kind("test.count", right=no_right)
def count(job, progress):
    for number in range(1, job.params["rows"] + 1):
        progress(number, job.params["rows"], f"第 {number} 行")
    return {"rows": job.params["rows"], "url": "/somewhere/"}


@job_kind("test.slow", right=no_right)
def slow(job, progress):
    """One long transaction that says how far it is; makes a user last, so that a test sees whether it was committed."""
    with transaction.atomic():
        User.objects.create_user(f"made-by-{job.pk}-{job.attempts}")
        for number in range(1, job.params["steps"] + 1):
            progress(number, job.params["steps"], f"第 {number} 步")
            time.sleep(0.1)
    return {"attempt": job.attempts}


@job_kind("test.silent", right=no_right)
def silent(job, progress):
    """One long statement, during which nothing calls progress."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [job.params["seconds"]])
    return {}


@job_kind("test.refuse", right=no_right)
def refuse(job, progress):
    raise JobFailed("文件里没有数据行，请检查后重新上传。")


@job_kind("test.crash", right=no_right)
def crash(job, progress):
    User.objects.create_user("left-over")
    User.objects.create_user("left-over", name="张三")


@job_kind("test.away", right=no_right)
def away(job, progress):
    raise OperationalError("server closed the connection")


@job_kind("test.full", right=no_right)
def full(job, progress):
    with connection.cursor() as cursor:
        cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END $$")


@job_kind("test.interruptible", right=no_right)
def interrupted(job, progress):
    """One long statement, or a COPY from another thread, that may be ended until the commit; then another statement."""
    with transaction.atomic(), interruptible():
        User.objects.create_user(f"made-by-{job.pk}-{job.attempts}")
        with connection.cursor() as cursor:
            if job.params.get("copy"):
                cursor.execute("CREATE TEMP TABLE slow (n int, said text DEFAULT pg_sleep(20)::text) ON COMMIT DROP")
                with beside():
                    copy_in("slow", pl.DataFrame({"n": [1]}))
            else:
                cursor.execute("SELECT pg_sleep(%s)", [job.params["before"]])
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [job.params["after"]])
    return {}
