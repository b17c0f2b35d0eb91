from celery import shared_task


@shared_task(name="accounts.seal")
def seal() -> None:
    from accounts.seals import seal as seal_events

    seal_events()
