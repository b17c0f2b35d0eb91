"""What a test asks of processes on a database of its own: `python -m tests.tables.database_child prepare ROWS|work JOB`."""

import sys

import django

django.setup()

from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: E402

from jobs import services as jobs  # noqa: E402
from jobs.models import Job  # noqa: E402
from jobs.runner import job_run  # noqa: E402
from jobs.sweep import sweep  # noqa: E402
from tables import services  # noqa: E402
from tables.models import Batch  # noqa: E402
from tests import factories  # noqa: E402
from tests.markets.files import make_code, make_row, to_csv  # noqa: E402

jobs.send = lambda job_id: None  # the broker is another test's


def prepare(rows: int) -> None:
    """A checked and confirmed file over a registry that holds every tenth of its rows already; says the job's id."""
    city = factories.make_city()
    clerk = factories.make_user("registrar", city.city)
    file = [make_row(统一社会信用代码=make_code(), 住所="新址", 监管所="粤海所") for _ in range(rows)]
    for row in file[::10]:
        factories.make_business(city.yuehai, uscc=row["统一社会信用代码"], name=row["名称"], address="旧址")
    upload = SimpleUploadedFile("主体.csv", to_csv(file).encode())
    batch = services.batch_start(by=clerk, target_name="business", uploads=[upload])
    job_run(job_id=batch.job_id)
    batch.refresh_from_db()
    print(services.batch_confirm(batch=batch, by=clerk).job_id)


def work(job_id: int) -> None:
    """As a worker that is alive after a minute: the sweep comes by, then the job is run, where it waits."""
    sweep()
    job_run(job_id=job_id)
    print(Job.objects.get(pk=job_id).state, Batch.objects.get(job=job_id).state)


what, number = sys.argv[1], int(sys.argv[2])
(prepare if what == "prepare" else work)(number)
