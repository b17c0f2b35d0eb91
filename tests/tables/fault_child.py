"""A process that a fault point kills: `python -m tests.tables.fault_child upload USER PATH` or `… job ID`."""

import sys

import django

django.setup()

from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: E402

from accounts.models import User  # noqa: E402
from jobs.runner import job_run  # noqa: E402
from markets.imports import first_load  # noqa: E402
from tables import services  # noqa: E402

first_load.FROM_ROWS = 1
what, *rest = sys.argv[1:]
if what == "upload":
    with open(rest[1], "rb") as file:
        upload = SimpleUploadedFile("主体.csv", file.read())
    services.batch_start(by=User.objects.get(username=rest[0]), target_name="business", uploads=[upload])
else:
    job_run(job_id=int(rest[0]))
