"""The nightly work of this room."""

import logging

from celery import shared_task

logger = logging.getLogger(__name__)


@shared_task(name="members.retention")
def retention() -> None:
    """Erase what is due, expire what nobody handled, drop forms that were never sent; then see which events ended."""
    from accounts.retention import retention_ran
    from members.intake.feedback import settle_all
    from members.services import retention_run

    logger.info("retention: %s", retention_ran("persons", **retention_run()))
    logger.info("events completed: %s", settle_all())
