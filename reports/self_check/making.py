"""A self-check as a job: it asks in the name of each account, keeps the answer as one row, and leaves nothing else."""

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts import audit
from accounts.models import User
from jobs.lease import interruptible
from jobs.models import Job
from jobs.services import JobFailed, Progress, job_kind, job_start
from reports import printing
from reports.digests import digest_of
from reports.models import SelfCheck
from reports.self_check import content, paper, walk
from reports.self_check.counts import Counted, count_of, questions

KIND = "reports.self_check"
MAKE = "reports.add_selfcheck"
MOST_ACCOUNTS = 20


def steps(users: list[User]) -> int:
    return len(users) * (len(questions()) + len(walk.plan()))


@transaction.atomic
def self_check_start(*, users: list[User], reason: str, address: str, by, url: str = "") -> Job:
    """Queue a run over these accounts. It is written down before it begins, whatever becomes of it."""
    ids = [user.pk for user in users]
    params = {"accounts": ids, "reason": reason, "address": address, "url": url}
    job = job_start(kind=KIND, title=f"权限自检：{len(users)} 个账号", by=by, params=params, total=steps(users))
    audit.record("reports.selfcheck.start", by=by, subjects=users, purpose=reason, detail={"job": job.pk})
    return job


@job_kind(KIND, right=lambda params: MAKE)
def run(job: Job, progress: Progress) -> dict:
    if job.is_committed:
        return job.result
    users = list(User.objects.filter(pk__in=job.params["accounts"]).order_by("username"))
    if not users or job.owner is None:
        raise JobFailed("所选的账号都已不在，没有自检。请重新选择账号。")
    done, parts, total = 0, [], steps(users)
    for user in users:
        account = walk.Walk(user)
        counts: list[Counted] = []
        walked: list[walk.Answered] = []
        for question in questions():
            progress(done, total, f"{user}：核对 {question.what}")
            counts.append(count_of(user, question))
            done += 1
        for visit in walk.plan():
            progress(done, total, f"{user}：访问 {visit.address}")
            walked += account.answers_to(visit)
            done += 1
        parts.append(content.account_part(user, counts, walked))
    body = content.body(parts, walk.unasked(), job.params["address"])
    progress(done, total, "正在排版报告")
    row = row_of(body=body, users=users, reason=job.params["reason"], job=job, by=job.owner)
    row.paper = paper.pdf_of(row)
    with transaction.atomic(), interruptible() as result:
        self_check_create(row=row, users=users)
        result |= {"url": reverse("reports:self_check", args=[row.pk])}
    return result


def row_of(*, body: dict, users: list[User], reason: str, job: Job, by: User) -> SelfCheck:
    """The row, not saved yet: its paper takes seconds, and no transaction is open meanwhile."""
    made_at = timezone.now()
    number = f"ZJ{timezone.localtime(made_at):%Y%m%d}-{job.pk:06d}"
    whole = body | {
        "document": {
            "kind": "self_check", "title": "权限自检报告", "number": number, "edition": 1, "unit": body["organization"],
            "classification": "内部", "reason": reason, "made_at": made_at.isoformat(),
            "made_by": f"{by}（{by.get_duty_display()}）", "audit": printing.audit_head(), "replaces": None,
        }
    }  # fmt: skip
    return SelfCheck(
        number=number, code=printing.new_code(), job=job, verdict=body["verdict"], reason=reason, content=whole,
        accounts=[user.pk for user in users], digest=digest_of(whole), made_at=made_at, made_by=by,
    )  # fmt: skip


@transaction.atomic
def self_check_create(*, row: SelfCheck, users: list[User]) -> None:
    row.save(force_insert=True)
    audit.record(
        "reports.selfcheck.make", by=row.made_by, subjects=users, purpose=row.reason,
        detail={"self_check": row.pk, "verdict": row.verdict, "digest": row.digest},
    )  # fmt: skip
