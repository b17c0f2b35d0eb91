"""What a job's owner must hold while it runs: the permission of its kind, as far as it reached when the job was started.

Who gives rights tells in AppConfig.ready() how far one reaches, and what has left that reach since; this room knows no
postings. The second is asked for what is too many to be written down with each job: branches.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from accounts.models import User
from jobs.models import Job

_extents: list[Callable[[User, str], Iterable[str]]] = []
_losses: list[Callable[[User, str, set[str], datetime], bool]] = []


def tell_extent(extent: Callable[[User, str], Iterable[str]]) -> None:
    """`extent(user, permission)`: marks of everything by which and over which the person holds the right now."""
    _extents.append(extent)


def tell_loss(loss: Callable[[User, str, set[str], datetime], bool]) -> None:
    """`loss(user, permission, extent, since)`: has anything that the marks of then do not name left the right's reach?"""
    _losses.append(loss)


def extent_of(user: User, permission: str) -> set[str]:
    return {mark for extent in _extents for mark in extent(user, permission)}


def has_lost(job: Job) -> bool:
    """Has its owner lost any of the right by which the job was started? The system's own jobs need none."""
    if job.owner_id is None or not job.permission:
        return False
    owner = User.objects.filter(pk=job.owner_id).first()  # afresh: nothing of an earlier look
    now = extent_of(owner, job.permission) if owner else set()
    if owner is None or not now or not now.issuperset(job.extent):
        return True
    return any(loss(owner, job.permission, set(job.extent), job.created_at) for loss in _losses)
