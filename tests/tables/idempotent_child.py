"""A process that is killed in the middle of its work: `python -m tests.tables.idempotent_child KEY`."""

import sys
import time

import django

django.setup()

from jobs.models import Job  # noqa: E402
from tables.idempotency import answer_once  # noqa: E402


def work() -> tuple[int, str]:
    Job.objects.create(kind="tests.once", title="一半")
    print("working", flush=True)
    time.sleep(60)
    return 200, "{}"


answer_once(key=sys.argv[1], body=b"x", work=work, scope="test")
