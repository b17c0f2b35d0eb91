"""Named points at which a test kills the process for real, to see what is left. In service they do nothing."""

import os
import signal

POINTS = frozenset(
    {
        "upload.stored", "upload.queued",
        "check.judged", "check.kept", "check.committed",
        "apply.locked", "apply.planned", "apply.bare", "apply.rows_in", "apply.rebuilt", "apply.written",
        "apply.audited", "apply.committed", "apply.told",
        "undo.locked", "undo.planned", "undo.halfway", "undo.audited", "undo.committed",
    }
)  # fmt: skip


def fault(point: str) -> None:
    """Dies here when the environment says so. Raises ValueError for a point that no test would find."""
    if point not in POINTS:
        raise ValueError(f"no fault point {point}")
    if os.environ.get("FAULT_POINT") == point:
        os.kill(os.getpid(), signal.SIGKILL)
