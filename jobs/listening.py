"""For what takes long far below a job's work and knows nothing of its progress: is the work still wanted?"""

from contextvars import ContextVar
from typing import Protocol


class Cancelled(Exception):
    """The owner asked to stop. The work's transaction rolls back."""


class LeaseLost(Exception):
    """Another worker has taken the job over: this one must stop and write nothing more."""


STOPPED = (Cancelled, LeaseLost)


class Listener(Protocol):
    def check(self) -> None:
        """Raises Cancelled or LeaseLost where the work shall stop."""


listening: ContextVar[Listener | None] = ContextVar("job_listener", default=None)  # of the job that runs here


def listen() -> None:
    """Between two pieces: raises Cancelled or LeaseLost where the running job shall stop. Without a job it does nothing."""
    if (listener := listening.get()) is not None:
        listener.check()
