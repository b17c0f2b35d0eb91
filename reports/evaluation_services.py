"""Composing a sheet, releasing it, and withdrawing what was released: each at the unit that compares, nowhere else."""

from collections.abc import Sequence
from decimal import Decimal

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

from accounts import audit
from orgs.doors import postings_with
from reports import evaluation_sheets, goal_services
from reports.digests import digest_of
from reports.models import Evaluation, EvaluationLine, EvaluationRelease, EvaluationWithdrawal

MOST_LINES = 20
CHANGE, RELEASE = "reports.change_evaluation", "reports.release_evaluation"


class EvaluationRefused(ValueError):
    """What was asked for cannot be done; the text is for the person who asked."""


def holds(user, permission: str, evaluation: Evaluation) -> bool:
    """Whether the person holds the right at the very unit that composes the sheet."""
    return any(posting.organization_id == evaluation.organization_id for posting in postings_with(user, permission))


def _must_hold(by, permission: str, evaluation: Evaluation) -> None:
    if not holds(by, permission, evaluation):
        raise PermissionDenied(f"这份评价由「{evaluation.organization}」办理，您的岗位不能办这一步。")


def _is_released(evaluation: Evaluation) -> bool:
    return EvaluationRelease.objects.filter(evaluation=evaluation).exists()


@transaction.atomic
def evaluation_save(*, evaluation: Evaluation, lines: Sequence[EvaluationLine], by) -> Evaluation:
    """Create or edit a draft with its lines. Raises ValidationError, PermissionDenied, EvaluationRefused."""
    is_new = evaluation.pk is None
    _must_hold(by, "reports.add_evaluation" if is_new else CHANGE, evaluation)
    goal_services.one_by_one(evaluation.organization_id)
    if is_new:
        evaluation.composed_by = by
    else:
        was = Evaluation.objects.select_for_update().get(pk=evaluation.pk)
        if _is_released(was):
            raise EvaluationRefused("这份评价已经发布，不能再改。要更正，请撤回并另拟一份。")
        _must_hold(by, CHANGE, was)
    evaluation.full_clean()
    check_lines(lines)
    evaluation.save()
    evaluation.lines.all().delete()
    for position, line in enumerate(lines, 1):
        line.pk, line.evaluation, line.position = None, evaluation, position
        line.full_clean()
        line.save(force_insert=True)
    _record("create" if is_new else "edit", evaluation, by, lines=[f"{line.metric}={line.weight}" for line in lines])
    return evaluation


def check_lines(lines: Sequence[EvaluationLine]) -> None:
    """Raises ValidationError: each metric once, all weights together 100."""
    if not lines:
        raise ValidationError("请至少填一个指标。")
    if len(lines) > MOST_LINES:
        raise ValidationError(f"最多 {MOST_LINES} 个指标，请合并或去掉一些。")
    for line in lines:
        line.clean_fields(exclude=["evaluation", "position"])
        line.clean()
    keys = [line.metric for line in lines]
    if twice := next((line for line in lines if keys.count(line.metric) > 1), None):
        raise ValidationError(f"「{twice}」填了两次，请只留一行。")
    weight = sum((line.weight for line in lines), Decimal(0))
    if weight != 100:
        raise ValidationError(f"权重合计是 {evaluation_sheets.plain(weight)}%，应为 100%，请改正。")


def _record(act: str, evaluation: Evaluation, by, **detail) -> None:
    audit.record(f"reports.evaluation.{act}", by=by, subjects=[evaluation], detail=detail)


@transaction.atomic
def evaluation_release(*, evaluation: Evaluation, by, seen: str) -> EvaluationRelease:
    """Keep the sheet for good and open it to the units compared. `seen`: digest of the sheet the person looked at."""
    evaluation = Evaluation.objects.select_for_update(of=("self",)).select_related("organization").get(pk=evaluation.pk)
    _must_hold(by, RELEASE, evaluation)
    if _is_released(evaluation):
        raise EvaluationRefused("这份评价已经发布过了。")
    check_lines(list(evaluation.lines.all()))
    try:
        sheet = evaluation_sheets.sheet_of(evaluation)
    except evaluation_sheets.NoNumbers as none:
        raise EvaluationRefused(str(none)) from none
    if digest_of(sheet) != seen:
        raise EvaluationRefused("您打开页面以后，指标或数字有变动。请看过现在的评价表再发布。")
    sheet, at = evaluation_sheets.released_now(sheet, by)
    release = EvaluationRelease.objects.create(
        evaluation=evaluation, sheet=sheet, units=[unit["id"] for unit in sheet["units"]],
        digest=digest_of(sheet), released_at=at, released_by=by,
    )  # fmt: skip
    _record("release", evaluation, by, digest=release.digest, units=len(release.units))
    return release


@transaction.atomic
def evaluation_withdraw(*, evaluation: Evaluation, by, reason: str) -> EvaluationWithdrawal:
    """A released sheet stays to be read, marked as withdrawn with the reason."""
    evaluation = Evaluation.objects.select_for_update().get(pk=evaluation.pk)
    _must_hold(by, RELEASE, evaluation)
    release = EvaluationRelease.objects.filter(evaluation=evaluation).first()
    if release is None:
        raise EvaluationRefused("这份评价还没有发布，不用撤回。")
    if EvaluationWithdrawal.objects.filter(release=release).exists():
        raise EvaluationRefused("这份评价已经撤回过了。")
    if not reason.strip():
        raise EvaluationRefused("请写明撤回的原因，参评单位会看到。")
    withdrawal = EvaluationWithdrawal.objects.create(release=release, reason=reason.strip()[:200], withdrawn_by=by)
    _record("withdraw", evaluation, by, digest=release.digest)
    return withdrawal
