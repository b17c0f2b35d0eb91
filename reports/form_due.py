"""Filling forms without being asked: every active form for the months that were closed and have no filled form yet."""

from datetime import date

from django.db import connection, transaction
from django.utils import timezone

from jobs.models import Job
from jobs.services import JobFailed, Progress, job_kind, job_start
from reports import form_filling, monthly
from reports.form_filling import FillRefused
from reports.models import FilledForm, MonthClosing, ReportForm
from tables.workbooks import Refused

KIND = "reports.fill_forms"
DUE_LOCK = 7_809  # pg_advisory_xact_lock: two schedulers do not queue the same work
MONTHS_BACK = 12


def missing() -> list[tuple[int, date]]:
    """(form, month) of active forms with bindings: months closed since the form came, and the one over before it."""
    months = list(MonthClosing.objects.order_by("-month").values_list("month", flat=True).distinct()[:MONTHS_BACK])
    forms = ReportForm.objects.filter(is_active=True, bindings__isnull=False, organization__closed_on=None)
    made = set(FilledForm.objects.filter(month__in=months).values_list("form", "month"))
    return [
        (form.pk, month)
        for form in forms.distinct().order_by("pk")
        for month in sorted(months)
        if month >= monthly.month_over(timezone.localdate(form.uploaded_at)) and (form.pk, month) not in made
    ]


@transaction.atomic
def forms_due() -> Job | None:
    """Queue what is missing. None: nothing is, or the work is under way already."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [DUE_LOCK])
    todo = missing()
    if not todo or Job.objects.filter(kind=KIND).exclude(state__in=Job.FINISHED).exists():
        return None
    return job_start(kind=KIND, title=f"报表自动填报：{len(todo)} 份", by=None, total=len(todo))


@job_kind(KIND, right=lambda params: "reports.fill_reportform")
def run(job: Job, progress: Progress) -> dict:
    """What is missing now, whatever was when it was queued: a job taken over goes on where the other stopped."""
    todo, made, refused = missing(), 0, []
    forms = ReportForm.objects.in_bulk([form for form, _ in todo])
    for number, (pk, month) in enumerate(todo):
        form = forms[pk]
        progress(min(number, job.total or 0), None, f"正在填报：{form.title} {month:%Y-%m}"[:200])
        try:
            _, is_new = form_filling.form_fill(form=form, month=month, by=None)
            made += is_new
        except (FillRefused, Refused) as problem:
            refused.append(f"{form.title}：{problem}")
    if refused and not made:
        raise JobFailed(refused[0])
    return {"made": made, "refused": len(refused)}
