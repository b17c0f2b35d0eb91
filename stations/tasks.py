from celery import shared_task


@shared_task(name="stations.retention", acks_late=True)
def retention() -> int:
    """Person rows older than 24 months become counts. Safe to run twice."""
    from accounts.retention import retention_ran
    from stations.services import check_ins_to_counts

    return retention_ran("check_ins", counted=check_ins_to_counts())["counted"]
