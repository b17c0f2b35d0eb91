"""What the jobs of the night, and an hourly one, took away, as events: proof that they ran, and of what they erased. Counts
only, never whose."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent

ACT = "accounts.retention"
LATE_AFTER = timedelta(hours=30)  # they run every night
# The jobs of the product, what each removes, in the words of its counts.
JOBS: dict[str, tuple[str, dict[str, str]]] = {
    "persons": (
        "到期的报到和撤回的人员",
        {
            "erased": "抹除的人员和报到",
            "expired": "逾期未办",
            "copies": "到期的副本",
            "inbox": "公众侧送来、取过的收件",
            "pledges": "撤下满 12 个月的三亮",
        },
    ),
    "drafts": ("没提交的报到表（每小时）", {"drafts": "草稿"}),
    "files": (
        "上传和导出的文件",
        {"uploads": "上传的文件", "exports": "导出的文件", "answers": "接口应答"},
    ),
    "check_ins": ("满 24 个月的签到", {"counted": "转为人次"}),
    "printed": ("打印的文件", {"files": "文件"}),
    "forms": ("一次填报换下的和中断留下的文件", {"files": "文件"}),
    "sessions": ("过期的登录会话", {"sessions": "会话"}),
    "audit": ("满三年的审计记录", {"events": "记录"}),
    "alarms": ("处理满三年的告警", {"alarms": "告警"}),
}


def retention_ran(job: str, **counts: int) -> Mapping[str, int]:
    """Write down one run, also of one that found nothing to do."""
    words = JOBS[job][1]
    assert set(counts) == set(words), (job, counts)
    audit.record(ACT, by=None, detail={"job": job, **counts})
    return counts


def runs(job: str | None = None):
    """The events of all runs, or of one job, newest first. One of none is somebody's own: the web role adds what it likes."""
    found = AuditEvent.objects.filter(act=ACT, detail__has_key="job").order_by("-id")
    return found.filter(detail__job=job) if job else found


def installed_at() -> datetime:
    """When the product was installed or last brought to a newer version, whose jobs could not run before: by its migrations."""
    return MigrationRecorder.Migration.objects.latest("applied").applied


def is_late(ran_at: datetime | None) -> bool:
    """No night goes by without it. One that never ran is late after the first night that it could have."""
    return (ran_at or installed_at()) < timezone.now() - LATE_AFTER


def late() -> list[str]:
    """What each job removes that did not run last night."""
    newest = {job: runs(job).first() for job in JOBS}
    return [JOBS[job][0] for job, run in newest.items() if is_late(run and run.at)]
