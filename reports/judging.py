"""What units may be judged by: which metrics may be a goal, a weight of an evaluation, or a ranking.

The one predicate behind goals, evaluations and whatever else compares units. Never what is made of registrations,
check-ins, applications, members or `with_members`: nothing good or bad may hang on declaring a membership. The
database refuses the same keys by `FORBIDDEN`, should anybody write past the models.
"""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from reports import metrics

_PERSONS = frozenset({"persons", "registrations", "transfers", "check_ins", "applications", "footfall"})
_GROUPS = frozenset({"members", "registrations"})
FORBIDDEN = (
    r"^(members|registrations|registration|check_ins|checkins|applications|applicants|with_members|markets_suggested)"
    r"|@with_members"
)
SHAPE = r"^[a-z][a-z0-9_]*(@[a-z_]+)?(#[a-z_]+)?$"


def _made_of(code: str, denominator: str) -> set[str]:
    """The metrics that a value is made of: itself, the parts of its numerator, and what it is divided by."""
    metric = metrics.METRICS[code]
    parts = {code, *filter(None, metric.numerator.split("+"))}
    if metric.denominator or metric.denominators:
        parts.add(metric.denominator or denominator)
    return parts


def _is_about_persons(code: str, denominator: str) -> bool:
    if metrics.is_personal(code, denominator):
        return True
    made_of = [metrics.METRICS[part] for part in _made_of(code, denominator) if part in metrics.METRICS]
    return any(part.person or part.source in _PERSONS or part.group in _GROUPS for part in made_of)


def why_not(key: str) -> str:
    """Why nobody may be judged by this key (`metric[@denominator][#range]`), in words; empty where one may."""
    try:
        code, denominator, range = metrics.parse_key(key)
    except metrics.UnknownMetric as unknown:
        return str(unknown)
    metric = metrics.METRICS[code]
    if _is_about_persons(code, denominator):
        return (
            f"「{metric.name}」{'按有党员的主体统计' if denominator == 'with_members' else '涉及党员、报到或签到'}，"
            "不能作为目标、权重或排名，请换一个指标或口径。"
        )
    if metric.good is None:
        return f"「{metric.name}」没有好坏之分，不能作为目标、权重或排名，请换一个指标。"
    if metrics.count_key(code, denominator, range) != key:
        return f"指标请写成「{metrics.count_key(code, denominator, range)}」。"
    return ""


def may_judge(key: str) -> bool:
    return not why_not(key)


def codes() -> list[str]:
    """The metrics that may be judged by in at least one 口径, in the order of the registry."""
    return list(dict.fromkeys(metrics.parse_key(key)[0] for key in metrics.all_keys() if may_judge(key)))


def validate_key(key: str) -> None:
    """A field's validator; raises ValidationError."""
    if reason := why_not(key):
        raise ValidationError(reason)


def constraint(name: str) -> models.CheckConstraint:
    """The same for the database, on a column `metric`."""
    return models.CheckConstraint(
        name=name,
        condition=Q(metric__regex=SHAPE) & ~Q(metric__regex=FORBIDDEN),
        violation_error_message="涉及党员、报到或签到的指标不能作为目标、权重或排名。",
    )


# --- in words ---------------------------------------------------------------------------------------------------------


def metric_of(key: str) -> metrics.Metric | None:
    """The metric of a key that was kept; None where the registry knows it no more."""
    try:
        return metrics.METRICS[metrics.parse_key(key)[0]]
    except metrics.UnknownMetric:
        return None


def is_rate(key: str) -> bool:
    metric = metric_of(key)
    return metric is not None and metric.kind == metrics.RATE


def sign(key: str) -> int:
    """1 where more is better, -1 where less is."""
    metric = metric_of(key)
    return -1 if metric is not None and metric.good == "down" else 1


def basis_label(key: str) -> str:
    """The 口径 alone: "D2 实体运营 · 企业"; empty where the metric has none to choose."""
    code, denominator, range = metrics.parse_key(key)
    metric = metrics.METRICS[code]
    parts = [f"{metrics.D_NUMBERS[denominator]} {metrics.DENOMINATORS[denominator]}"] if metric.denominators else []
    if range != "all":
        parts.append(metrics.RANGES[range])
    return " · ".join(parts)


def label(key: str) -> str:
    """The metric with its 口径; a key that the registry no longer knows stays as it is written."""
    try:
        code, _, _ = metrics.parse_key(key)
    except metrics.UnknownMetric:
        return key
    basis = basis_label(key)
    return f"{metrics.METRICS[code].name}（{basis}）" if basis else metrics.METRICS[code].name
