"""运行状况: whether what should run without anybody asking does run, and what to do where it does not.

Times and counts of the machinery, no business data (GB/T 22239-2019 8.1.4.2 d, 8.1.4.3 d). The machine itself and its
network are the operator's to watch.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from redis.exceptions import RedisError, ResponseError

from accounts import checking, retention, scanner
from accounts.checks import weaker
from accounts.disks import database_has_room
from accounts.models import AuditEvent
from accounts.row_codes import rights_changed
from accounts.verification import unsealed_since
from jobs.models import Job
from members import inbox
from members.ferry import book
from reports.alarms import ways
from reports.models import AlarmRound, LastCount

DATABASE = "数据库"
OK, OFF, WARN, BAD = "ok", "info", "warn", "bad"  # off: not set up, which is the operator's to decide
WAITING = timedelta(minutes=10)  # of a job; a big import before it takes as long
LOST = timedelta(minutes=2)  # of a lease of one minute that no sweep took over
FEW_FREE, LITTLE_FREE = 0.05, 0.15  # of a disk
MANY_CONNECTIONS = 0.8
SEALING, ROWS, RECORDS = "审计封存", "账号和任职的校验码", "党组织、党员和报到的校验码"
ROUND_LATE = timedelta(minutes=5)  # of a round that is due each minute
MOST_NAMED = 10
BACKGROUND = "请检查后台任务的进程（worker）和定时服务（beat）是否在运行，再看它们的日志。"


@dataclass(frozen=True)
class Check:
    """`told`: what was found; `todo`: what to do, empty where all is well."""

    name: str
    state: str
    told: str
    todo: str = ""


def checks() -> list[Check]:
    """In the order in which one fault explains the next."""
    return [look() for look in LOOKS]


def _when(at: datetime | None) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}" if at else "从来没有"


def _database() -> Check:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, pg_size_pretty(pg_database_size(current_database())),"
            " (SELECT sum(numbackends)::int FROM pg_stat_database),"  # pg_stat_activity hides those of other roles
            " current_setting('max_connections')::int"
        )
        role, size, used, most = cursor.fetchone()
    told = f"角色 {role}，{size}，连接 {used} / {most}"
    if used > most * MANY_CONNECTIONS:
        return Check(DATABASE, WARN, told, "连接快用完了：减少网页和后台进程的线程数，或调大 max_connections。")
    if not database_has_room():
        return Check(
            DATABASE, BAD, f"{told}，磁盘满了，再写不进 32 MB", "请给数据库所在的磁盘腾出空间：满了以后什么都保存不了。"
        )
    return Check(DATABASE, OK, told)


def _redis() -> Check:
    try:
        cache.set("health", 1, 5)
    except ResponseError as error:
        told, todo = (
            f"写不进去（{str(error).split(' ')[0]}）",
            "多半是 Redis 所在的磁盘或内存满了：腾出空间，再重启后台任务的进程。",
        )
        return Check("Redis", BAD, told, todo)
    except RedisError as error:
        return Check(
            "Redis", BAD, f"连不上（{type(error).__name__}）", "请启动 Redis；任务都记在数据库里，恢复后自动接着做。"
        )
    return Check("Redis", OK, "可以读写")


def _jobs() -> Check:
    now, unfinished = timezone.now(), Job.objects.exclude(state__in=Job.FINISHED)
    waiting = unfinished.filter(state=Job.State.QUEUED, created_at__lt=now - WAITING).count()
    lost = unfinished.filter(state=Job.State.RUNNING, lease_until__lt=now - LOST).count()
    if lost:
        return Check("后台任务", BAD, f"{lost} 个任务的进程已经不在，没有被接手", BACKGROUND)
    if waiting:
        todo = f"前面可能有大的导入，先看任务列表；没有的话，{BACKGROUND}"
        return Check("后台任务", WARN, f"{waiting} 个任务排队超过 {WAITING.seconds // 60} 分钟", todo)
    return Check("后台任务", OK, f"进行中 {unfinished.count()} 个，没有积压")


def _sealing() -> Check:
    late = unsealed_since(timezone.now() - timedelta(days=1))
    if late:
        return Check(SEALING, BAD, f"一天内有 {late} 条审计记录超过一分钟没有封存", BACKGROUND)
    return Check(SEALING, OK, "一天内的审计记录都已封存")


def _nightly(name: str, newest: datetime | None, todo: str) -> Check:
    if retention.is_late(newest):
        return Check(name, BAD, f"最近一次：{_when(newest)}", todo)
    return Check(name, OK, f"最近一次：{_when(newest)}" if newest else "刚安装或升级，还没有到第一次的时间")


def _rows() -> Check:
    if found := [f"{row._meta.verbose_name} {row.pk}" for row in rights_changed()]:
        told = f"{len(found)} 条在系统之外被改动过，已不起作用：{'、'.join(found[:MOST_NAMED])}"
        return Check(ROWS, BAD, told, "请告诉安全管理员和审计管理员，查清是谁改的；再运行 manage.py verify_rows。")
    return Check(ROWS, OK, "都与系统写入的一致")


def _records() -> Check:
    event = checking.last(checking.RECORDS)
    if event and (found := event.detail["findings"]):
        told = f"{_when(event.at)} 核对，{len(found)} 条在系统之外被改动或删除过：{'、'.join(found[:MOST_NAMED])}"
        return Check(
            RECORDS, BAD, told, "查清之前不能办理。请告诉审计管理员，查清是谁改的；再运行 manage.py verify_rows。"
        )
    return _nightly(
        f"{RECORDS}（每晚 02:40）", event.at if event else None, f"{BACKGROUND}也可以先运行 manage.py verify_rows。"
    )


def _heads() -> Check:
    event = AuditEvent.objects.filter(act="accounts.audit.head_export").order_by("-id").first()
    todo = f"{BACKGROUND}也可以先运行 manage.py export_audit_head。"
    return _nightly("审计链头（每晚 00:05）", event.at if event else None, todo)


def _chain() -> Check:
    event = checking.last(checking.ACT)
    todo = f"{BACKGROUND}这期间可以用 manage.py verify_audit 核对。"
    return _nightly("审计链核对（每晚 02:30）", event.at if event else None, todo)


def _counting() -> Check:
    last = LastCount.objects.order_by("-as_of").first()
    todo = f"{BACKGROUND}也可以先运行 manage.py refresh_coverage。"
    return _nightly("全部统计（每晚 01:10）", last.counted_at if last else None, todo)


def _retention() -> Check:
    if missing := retention.late():
        return Check("到期抹除（每晚）", BAD, f"没有按时清理：{'、'.join(missing)}", BACKGROUND)
    return Check("到期抹除（每晚）", OK, "都按时清理")


def _idle() -> Check:
    name = "停用久未使用的账号（每晚 02:50）"
    if not settings.IDLE_ACCOUNT_DAYS:
        return Check(
            name, WARN, "没有开启", "等保要求停用多余的账号：请设置 IDLE_ACCOUNT_DAYS（建议 90），重启全部进程。"
        )
    event = AuditEvent.objects.filter(act="accounts.idle.check").order_by("-id").first()
    return _nightly(name, event.at if event else None, BACKGROUND)


def _admin_networks() -> Check:
    name = "管理员终端的网络"
    if not settings.ADMIN_NETWORKS:
        todo = "三员在任何网络都能登录：请把管理终端的网段写进 ADMIN_NETWORKS，重启全部进程。"
        return Check(name, WARN, "没有限制", todo)
    return Check(name, OK, "、".join(map(str, settings.ADMIN_NETWORKS)))


def _signing_in() -> Check:
    name = "登录的要求"
    if not (found := weaker()):
        return Check(name, OK, "不低于等保三级")
    todo = (
        "演示环境如此；正式使用时不设 DEMO。" if settings.DEMO else "低于等保三级的要求：请改回默认值，重启全部进程。"
    )
    return Check(name, OFF if settings.DEMO else WARN, "；".join(found), todo)


def _inbox() -> Check:
    """Who registered or took back by the public face waits, and sees 已提交 meanwhile."""
    name = "公众侧的收件"
    if late := inbox.late():
        told = f"{late:,} 件等了 {inbox.LATE.seconds // 60} 分钟还没有取，群众的报到和撤回没有办"
        todo = (
            f"{BACKGROUND}都在运行的，请看数据库里是谁占着锁（pg_locks 里的 advisory），再运行 manage.py take_inbox。"
        )
        return Check(name, BAD, told, todo)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_function_privilege(%s, 'pg_advisory_lock(bigint)', 'EXECUTE')", [settings.DATABASE_PUBLIC_ROLE]
        )
        if cursor.fetchone()[0]:
            told = f"随到随取；但谁拿到 {settings.DATABASE_PUBLIC_ROLE} 的密码，都能占着锁让它停下"
            todo = "这个库是以前装的：请以数据库超级用户执行一次 deploy/postgres-init.sh 里的那段 DO（见管理员手册）。"
            return Check(name, WARN, told, todo)
    return Check(name, OK, "随到随取")


def _ferry() -> Check:
    if told := book.late():
        return Check("摆渡文件", BAD, "".join(told), "见“摆渡文件”页。")
    return Check("摆渡文件", OK, "按时往来" if settings.IS_FERRIED else "两侧直接相连，不用文件传递")


def _alarms() -> Check:
    """Whether anybody is told outside. A worker that stands still raises no alarm about itself: somebody has to look here."""
    name, last = "告警", AlarmRound.objects.first()
    if (last.looked_at if last else retention.installed_at()) < timezone.now() - ROUND_LATE:
        return Check(name, BAD, f"最近一次巡查：{_when(last.looked_at if last else None)}", BACKGROUND)
    if late := ways.late():
        todo = "请核对邮件服务器、syslog 服务器的地址和网络；系统每分钟再送一次。"
        why = next((alarm.trouble for alarm in late if alarm.trouble), "还没有试过")
        return Check(name, BAD, f"{len(late)} 条没有送出去（{why}）", todo)
    if not ways.used():
        return Check(name, OFF, "只在系统里显示，不向外告知", "需要时设置 ALARM_MAIL_TO（邮件）或 ALARM_SYSLOG。")
    return Check(name, OK, f"每分钟巡查，用{ways.labels(ways.used())}向外告知")


def _scanner() -> Check:
    name = "上传查毒"
    if not settings.UPLOAD_SCANNER:
        return Check(
            name, OFF, "没有设置，上传的文件不查毒", "需要时设置 UPLOAD_SCANNER；主机上的杀毒软件由运维另行检查。"
        )
    if not scanner.is_alive():
        return Check(
            name, BAD, "查毒服务没有应答，现在什么文件都传不上来", "请检查 clamd 是否在运行、UPLOAD_SCANNER 是否正确。"
        )
    return Check(name, OK, "查毒服务有应答")


def _disk() -> Check:
    name, place = "上传和导出的磁盘", Path(settings.MEDIA_ROOT)
    if not place.is_dir():
        return Check(
            name, WARN, "文件夹还没有建立", "第一次上传时会自动建立；已经用过的，请核对 MEDIA_ROOT 有没有挂载。"
        )
    usage = shutil.disk_usage(place)
    share = usage.free / usage.total
    told = f"剩余 {share:.0%}，{usage.free / 2**30:,.1f} GB"
    if share < LITTLE_FREE:
        return Check(name, BAD if share < FEW_FREE else WARN, told, "请清理或扩容；满了以后导入和导出都会失败。")
    return Check(name, OK, told)


def _backup() -> Check:
    """By what deploy/backup.sh leaves for us to read: "day-time kilobytes seconds", and "day-time reason" of a failure."""
    name = "备份"
    if not settings.BACKUP_DIR:
        todo = "需要系统来做时，启动 backup 服务并设置 BACKUP_DIR。"
        return Check(name, OFF, "没有设置，由运维自己备份和演练恢复", todo)
    taken, failed = _backup_told("last"), _backup_told("failed")
    newest = taken and taken[0]
    if failed or (Path(settings.BACKUP_DIR) / "failed").exists():  # it goes when one is made; empty on a full disk
        told = f"{_when(failed[0])} 没有做成：{failed[1]}" if failed else "没有做成，原因也没有写下来，多半是备份盘满了"
        return Check(name, BAD, f"{told}。最近一次做成：{_when(newest)}", "请看 backup 服务的日志和备份盘的剩余空间。")
    found = _nightly(name, newest, "请检查 backup 服务是否在运行，BACKUP_DIR 有没有挂载。")
    if taken and found.state == OK:
        kilobytes, seconds = map(int, taken[1].split())
        return replace(found, told=f"{found.told}，{kilobytes / 2**20:,.1f} GB，用了 {seconds} 秒")
    return found


def _backup_told(file: str) -> tuple[datetime, str] | None:
    try:
        at, rest = (Path(settings.BACKUP_DIR) / file).read_text("utf-8", "replace").strip().split(" ", 1)
        return timezone.make_aware(datetime.strptime(at, "%Y%m%d-%H%M%S")), rest
    except (OSError, ValueError):
        return None


def _erasures() -> Check:
    """A withdrawal goes on where its list cannot be written, so nobody else would notice."""
    place = Path(settings.ERASURE_LIST)
    target = next((each for each in (place, *place.parents) if each.exists()), place)
    if not os.access(target, os.W_OK):
        todo = "请核对 ERASURE_LIST 所在的磁盘和权限；写不进去时，恢复备份会把抹除过的人带回来。"
        return Check("抹除和撤回的清单", BAD, "写不进去", todo)
    return Check("抹除和撤回的清单", OK, "可以写入")


LOOKS: tuple[Callable[[], Check], ...] = (
    _database, _redis, _jobs, _sealing, _heads, _chain, _rows, _records, _counting, _retention, _idle, _admin_networks,
    _signing_in, _inbox, _ferry, _alarms, _scanner, _disk, _backup, _erasures,
)  # fmt: skip
