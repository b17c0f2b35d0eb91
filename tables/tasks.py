from celery import shared_task


@shared_task(name="tables.retention")
def retention() -> None:
    """Daily: uploads, exports and answered requests are not kept longer than a week."""
    from accounts.retention import retention_ran
    from tables import services, taking
    from tables.idempotency import forget_old

    retention_ran("files", uploads=services.retention(), exports=taking.retention(), answers=forget_old())
