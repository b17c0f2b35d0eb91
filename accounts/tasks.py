from celery import shared_task


@shared_task(name="accounts.seal")
def seal() -> None:
    from accounts.seals import seal as seal_events

    seal_events()


@shared_task(name="accounts.audit_head")
def audit_head() -> None:
    """Daily: the head of the chain as a signed file, to be handed on."""
    from accounts.heads import head_export

    head_export()


@shared_task(name="accounts.idle")
def idle() -> None:
    """Daily: accounts that nobody uses."""
    from accounts.services import accounts_disable_idle

    accounts_disable_idle()


@shared_task(name="accounts.audit_check")
def audit_check() -> None:
    """Nightly, after the head."""
    from accounts.checking import audit_check as check

    check()


@shared_task(name="accounts.records_check")
def records_check() -> None:
    """Nightly, after the chain."""
    from accounts.checking import records_check as check

    check()


@shared_task(name="accounts.session_retention")
def session_retention() -> None:
    from accounts.retention import retention_ran
    from accounts.services import sessions_remove_old

    retention_ran("sessions", sessions=sessions_remove_old())


@shared_task(name="accounts.audit_retention")
def audit_retention() -> None:
    """Daily, after the head."""
    from accounts.audit_retention import events_remove_old
    from accounts.retention import retention_ran

    retention_ran("audit", events=events_remove_old())
