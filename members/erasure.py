"""What is erased together with a person.

Rooms that keep something about a person (uploads, before-images, exports, check-ins) register here in
AppConfig.ready(); the callbacks run inside the erasing transaction and must be safe to run twice.
"""

from collections.abc import Callable, Iterable

from members.models import Member, Registration

Eraser = Callable[[list[Member], list[Registration]], None]
_erasers: list[Eraser] = []


def on_erase(eraser: Eraser) -> None:
    """`eraser(members, registrations)` removes whatever names them. Called before their own fields are emptied."""
    if eraser not in _erasers:
        _erasers.append(eraser)


def erase_elsewhere(members: Iterable[Member], registrations: Iterable[Registration]) -> None:
    members, registrations = list(members), list(registrations)
    for eraser in _erasers:
        eraser(members, registrations)
