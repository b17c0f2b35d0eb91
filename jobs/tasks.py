"""The one task that runs every kind of job, and the sweep that takes over those whose worker died."""

from celery import shared_task


@shared_task(name="jobs.run")
def run(*, job_id: int) -> None:
    from jobs.runner import job_run

    job_run(job_id=job_id)


@shared_task(name="jobs.sweep")
def sweep() -> None:
    from jobs.sweep import sweep as sweep_jobs

    sweep_jobs()
