"""What this room computed, and what it was told. Everything else it only reads."""

from reports.models.figures import Goal, ReportedFigure
from reports.models.snapshots import MonthClosing, Snapshot

__all__ = ["Goal", "MonthClosing", "ReportedFigure", "Snapshot"]
