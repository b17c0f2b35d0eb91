from celery import shared_task


@shared_task(name="tables.retention")
def retention() -> None:
    """Daily: uploads, exports and answered requests are not kept longer than a week."""
    from tables import services, taking
    from tables.idempotency import forget_old

    services.retention()
    taking.retention()
    forget_old()
