from celery import shared_task


@shared_task(name="tables.retention")
def retention() -> None:
    """Daily: neither uploads nor answered requests are kept longer than a week."""
    from tables.idempotency import forget_old
    from tables.services import retention as remove_old

    remove_old()
    forget_old()
