"""What is erased together with a person, and what else a person gets in the copy of their own data.

Rooms that keep something about a person (uploads, before-images, exports, check-ins) register here in
AppConfig.ready(); the callbacks run inside the erasing transaction and must be safe to run twice.
"""

from collections.abc import Callable, Iterable

from members.models import Member, Registration

Eraser = Callable[[list[Member], list[Registration]], None]
Copier = Callable[[Member], list[tuple[str, str]]]
_erasers: list[Eraser] = []
_copiers: list[Copier] = []


def on_erase(eraser: Eraser) -> None:
    """`eraser(members, registrations)` removes whatever names them. Called before their own fields are emptied."""
    if eraser not in _erasers:
        _erasers.append(eraser)


def on_copy(copier: Copier) -> None:
    """`copier(member)` returns (label, text) lines for the person's own copy."""
    if copier not in _copiers:
        _copiers.append(copier)


def erase_elsewhere(members: Iterable[Member], registrations: Iterable[Registration]) -> None:
    members, registrations = list(members), list(registrations)
    for eraser in _erasers:
        eraser(members, registrations)


def copy_elsewhere(member: Member) -> list[tuple[str, str]]:
    return [line for copier in _copiers for line in copier(member)]
