"""What this room computed, what it was told, and what units set out to reach. Everything else it only reads."""

from reports.models.alarms import Alarm, AlarmRound
from reports.models.comparisons import ComparisonChoice
from reports.models.counted import KnownCount, OwnCount
from reports.models.evaluations import Evaluation, EvaluationLine, EvaluationRelease, EvaluationWithdrawal
from reports.models.figures import ReportedFigure
from reports.models.goals import Goal, Milestone, Plan
from reports.models.kept import ChangedBusiness, KnownBusiness, KnownPerson, LastCount, Touched
from reports.models.printed import PrintedDocument, PrintedFile, PrintedVoid
from reports.models.report_forms import FilledForm, FormBinding, ReportForm
from reports.models.screens import Screen
from reports.models.self_checks import SelfCheck
from reports.models.snapshots import MonthClosing, Snapshot

__all__ = [
    "Alarm",
    "AlarmRound",
    "ChangedBusiness",
    "ComparisonChoice",
    "Evaluation",
    "EvaluationLine",
    "EvaluationRelease",
    "EvaluationWithdrawal",
    "FilledForm",
    "FormBinding",
    "Goal",
    "KnownBusiness",
    "KnownCount",
    "KnownPerson",
    "LastCount",
    "Milestone",
    "MonthClosing",
    "OwnCount",
    "Plan",
    "PrintedDocument",
    "PrintedFile",
    "PrintedVoid",
    "ReportForm",
    "ReportedFigure",
    "Screen",
    "SelfCheck",
    "Snapshot",
    "Touched",
]
