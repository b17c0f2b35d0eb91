"""The audit: recording an act, and the register of who hears of sealed events.

`record` writes one AuditEvent in the caller's transaction. A single-flight sealer (accounts/seals.py) chains events
within a second and then calls the listeners with what it sealed; the reports app registers one that refreshes the
guidance stations whose numbers were touched.
"""

from collections.abc import Callable, Iterable

from django.contrib.auth.models import AnonymousUser

from accounts import addresses
from accounts.models import AuditEvent, User

# `record` for a statement that does the act itself and tells it in the same breath: a SELECT of these columns follows.
INSERT_INTO_EVENTS = """INSERT INTO accounts_auditevent
    (act, actor_id, subject_type, subjects, units, purpose, detail, succeeded, address)"""

Listener = Callable[[list[AuditEvent]], None]
_listeners: list[Listener] = []


def on_sealed(listener: Listener) -> None:
    """Register a listener, called in order after every sealed batch, outside its transaction."""
    if listener not in _listeners:
        _listeners.append(listener)


def listeners() -> tuple[Listener, ...]:
    return tuple(_listeners)


def record(
    act: str,
    *,
    by: User | AnonymousUser | None,
    subjects: Iterable = (),
    subject_type: str = "",
    units: Iterable[int | None] = (),
    purpose: str = "",
    detail: dict | None = None,
    succeeded: bool = True,
    request=None,
) -> AuditEvent:
    """Write down one act.

    `act` is a dotted English name such as "members.registration.verify". `subjects` are model instances of one model
    or plain ids (then give `subject_type`). `units` are ids of the organizations whose numbers the act may change.
    `detail` holds counts and names of columns only: never a person's data. The source address is that of the request
    being answered; none in a task or a command.
    """
    rows = list(subjects)
    ids = [row if isinstance(row, int) else row.pk for row in rows]
    if rows and not isinstance(rows[0], int):
        subject_type = subject_type or rows[0]._meta.label_lower
    return AuditEvent.objects.create(
        act=act,
        actor=by if by is not None and by.is_authenticated else None,
        subject_type=subject_type,
        subjects=ids,
        units=sorted({unit for unit in units if unit is not None}),
        purpose=purpose,
        detail=detail or {},
        succeeded=succeeded,
        address=addresses.current.get() if request is None else request.META.get("REMOTE_ADDR") or None,
    )
