from celery import shared_task


@shared_task(name="tables.retention")
def retention() -> None:
    """Daily: uploads are not kept longer than a week."""
    from tables.services import retention as remove_old

    remove_old()
