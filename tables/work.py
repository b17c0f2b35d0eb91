"""The two kinds of job of this room: checking a file and writing it."""

from django.urls import reverse

from jobs.models import Job
from jobs.services import JobFailed, Progress, job_kind
from tables import services
from tables.models import Batch
from tables.readers import Refused
from tables.register import Cannot, tell_applied


def _batch(job: Job) -> Batch:
    return Batch.objects.select_related("owner", "job").get(pk=job.params["batch"])


def _result(batch: Batch) -> dict:
    return {"url": reverse("tables:batch", args=[batch.pk]), **batch.counts}


@job_kind("tables.check")
def check(job: Job, progress: Progress) -> dict:
    batch = _batch(job)
    if batch.state == Batch.State.READING:
        services.batch_check(batch=batch, progress=progress)
    return _result(batch)


@job_kind("tables.apply")
def apply(job: Job, progress: Progress) -> dict:
    """Writes once: a job that is taken over after its commit finds the batch applied and only reports."""
    batch = _batch(job)
    if batch.state == Batch.State.APPLYING:
        try:
            outcome = services.batch_apply(batch=batch, progress=progress)
        except (Refused, Cannot) as refused:
            _back(batch)
            raise JobFailed(str(refused)) from refused
        except Exception:
            _back(batch)
            raise
        tell_applied(batch.target, outcome.units)
        services.forget(batch)
    return _result(batch)


def _back(batch: Batch) -> None:
    """Nothing was written: the batch waits for a decision again."""
    Batch.objects.filter(pk=batch.pk, state=Batch.State.APPLYING).update(state=Batch.State.CHECKED)
