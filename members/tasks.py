"""What this room does by itself."""

import logging

from celery import shared_task
from django.conf import settings

logger = logging.getLogger(__name__)


@shared_task(name="members.inbox")
def inbox() -> None:
    """Every second: what the public face sent."""
    from members.inbox import take_all

    if settings.FACE == "staff":
        take_all()


@shared_task(name="members.answers")
def answers() -> None:
    """Nightly: what changed by time alone stands right on the public face too."""
    from members.answers import write_all

    if settings.FACE == "staff":
        logger.info("answers written: %s", write_all())


@shared_task(name="members.answers_missing")
def answers_missing() -> None:
    """Every minute: receipts that were written in bulk are on the public face too."""
    from members.answers import write_missing

    if settings.FACE == "staff":
        write_missing()


@shared_task(name="members.answers_of")
def answers_of(receipts: list[int]) -> None:
    """Many at once, after an act on many."""
    from members.answers import write_of

    write_of(receipts)


@shared_task(name="members.drafts")
def drafts() -> None:
    """Hourly: forms that were never sent. They are promised to be kept a day, or half an hour at the window."""
    from accounts.retention import retention_ran
    from members.services.drafts import drafts_expire

    retention_ran("drafts", drafts=drafts_expire())


@shared_task(name="members.retention")
def retention() -> None:
    """Erase what is due, expire what nobody handled; then see which events ended."""
    from accounts.retention import retention_ran
    from members.intake.feedback import settle_all
    from members.services import retention_run

    logger.info("retention: %s", retention_ran("persons", **retention_run()))
    logger.info("events completed: %s", settle_all())
