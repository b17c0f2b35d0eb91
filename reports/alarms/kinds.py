"""What is an alarm, whose it is and where to look: a new kind is one entry here and one case in its test.

`accounts` is looked at by what was sealed since the last round, in one statement a kind; what stands still, by the lines of
运行状况 (reports/health.py). Acts of security administrators are the audit administrator's to look at, not their own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from django.conf import settings
from django.db.models import Count, F, Func, Max, Min, Q, QuerySet, TextField
from django.utils import timezone

from accounts import checking
from accounts.models import AuditEvent, User
from orgs.kinds import Level
from orgs.models import Division, Organization
from reports import health

HOUR = timedelta(hours=1)
ADMINISTRATORS = (User.Duty.SYSTEM, User.Duty.SECURITY, User.Duty.AUDIT)
FAILURES = (
    "accounts.session.refuse", "accounts.session.lock", "accounts.factor.refuse", "accounts.factor.lock",
    "accounts.passkey.refuse", "accounts.token.refuse", "accounts.oidc.refuse",
)  # fmt: skip
REFUSALS = ("accounts.door.refuse", "accounts.door.not_found")


@dataclass(frozen=True)
class Span:
    """The links of the audit's chain after one, up to another. Ids are no order: a late commit has a small one."""

    after: int
    upto: int

    @property
    def events(self) -> QuerySet[AuditEvent]:
        return AuditEvent.objects.filter(seal__sequence__gt=self.after, seal__sequence__lte=self.upto).order_by()

    @cached_property
    def checks(self) -> list[health.Check]:
        return health.checks()


@dataclass(frozen=True)
class Found:
    first: datetime
    last: datetime
    count: int = 1
    about: str = ""
    text: str = ""


Look = Callable[[Span], Iterator[Found]]


@dataclass(frozen=True)
class Kind:
    """`page`: where to look, with `query`; of the audit's list also since when. `lasts`: a state, which is no further
    occurrence while it goes on, and of which a handled alarm stays quiet for ALARM_REPEAT_HOURS."""

    label: str
    duty: User.Duty
    look: Look
    todo: str
    page: str = "reports:audit"
    query: dict[str, str] = field(default_factory=dict)
    is_grave: bool = False
    lasts: bool = False


def seen(*acts: str, where: Callable[[], Q] = Q) -> Look:
    """Each of these acts; several are one alarm with their number."""

    def look(span: Span) -> Iterator[Found]:
        rows = span.events.filter(where(), **({"act__in": acts} if acts else {}))
        told = rows.aggregate(count=Count("pk"), first=Min("at"), last=Max("at"))
        if told["count"]:
            yield Found(**told)

    return look


def each(where: Callable[[], Q]) -> Look:
    """Every one of these acts is an alarm of its own, about its event."""

    def look(span: Span) -> Iterator[Found]:
        for pk, at in span.events.filter(where()).values_list("pk", "at"):
            yield Found(at, at, about=str(pk))

    return look


class Site(Func):
    """What of an address is counted as one, as accounts/addresses.site says it."""

    template = (
        "(CASE family(%(expressions)s) WHEN 6 THEN network(set_masklen(%(expressions)s, 64))"
        " ELSE %(expressions)s END)::text"
    )
    output_field = TextField()


def many(*acts: str, by: F | Func, limit: str) -> Look:
    """So many of these acts within an hour by one account, or from one address: the setting's number."""

    def look(span: Span) -> Iterator[Found]:
        mine = span.events.filter(act__in=acts)
        fresh = dict(mine.annotate(who=by).exclude(who=None).values_list("who").annotate(Count("pk")))
        if not fresh:
            return
        until = mine.aggregate(at=Max("at"))["at"]
        hour = AuditEvent.objects.filter(act__in=acts, at__gt=until - HOUR).annotate(who=by).filter(who__in=list(fresh))
        most = getattr(settings, limit)
        for row in hour.order_by().values("who").annotate(count=Count("pk"), first=Min("at"), last=Max("at")):
            before = row["count"] - fresh[row["who"]]
            if row["count"] >= most:  # those before the limit count with the first alarm, and once
                yield Found(row["first"], row["last"], fresh[row["who"]] if before >= most else row["count"])

    return look


def stands_still(is_told: Callable[[str], bool]) -> Look:
    """The lines of 运行状况 that are 异常, in their own words."""

    def look(span: Span) -> Iterator[Found]:
        now = timezone.now()
        for check in span.checks:
            if check.state == health.BAD and is_told(check.name):
                yield Found(now, now, about=check.name, text=f"{check.name}：{check.told}。{check.todo}")

    return look


def _great_rights() -> Q:
    """A new administrator, or a posting at the city in either line."""
    city = Organization.objects.filter(level=Level.CITY).values_list("pk", flat=True)
    whole = Division.objects.filter(level=Division.Level.CITY).values_list("pk", flat=True)
    duty = Q(act__in=("accounts.user.create", "accounts.user.change"), detail__duty__in=list(ADMINISTRATORS))
    posting = Q(units__overlap=list(city)) | Q(detail__division__in=list(whole))
    return duty | Q(act="orgs.posting.grant") & posting


def _large_exports() -> Q:
    """Let go or not: who looks sees which in the audit."""
    taken = Q(act__endswith=".export", detail__rows__gte=settings.ALARM_EXPORT_ROWS)
    return taken | Q(act__endswith=".export_ask") | Q(act__endswith=".export_grant") | Q(act__endswith=".export_refuse")


CODES = (health.ROWS, health.RECORDS)
OF_THE_AUDIT = (health.SEALING, *CODES)
AUDIT, SECURITY, SYSTEM = User.Duty.AUDIT, User.Duty.SECURITY, User.Duty.SYSTEM
KINDS: dict[str, Kind] = {
    "audit_broken": Kind(
        "审计记录可能被篡改", AUDIT, seen(checking.ACT, where=lambda: Q(detail__new__gt=0)), is_grave=True,
        todo="请运行 manage.py verify_audit 看是哪些记录，保存现场，按事件处置手册办理。", query={"act": checking.ACT},
    ),
    "audit_unsealed": Kind(
        "审计记录没有及时封存", AUDIT, stands_still(lambda name: name == health.SEALING), lasts=True, is_grave=True,
        todo="请系统管理员检查封存服务；恢复前的操作仍有记录，但还没有防改动的封存。",
    ),
    "rows_changed": Kind(
        "数据在系统之外被改动或删除", AUDIT, stands_still(lambda name: name in CODES), lasts=True, is_grave=True,
        todo="改动过的不起作用，或不能办理；被删除的从备份取回。请查清是谁进过数据库，再由系统管理员用 verify_rows 逐行处理。",
    ),
    "great_rights": Kind(
        "新增管理员，或授予市级岗位", AUDIT, each(_great_rights), page="reports:audit_event",
        todo="请核对是谁批准的；没有批准的，请安全管理员立即收回。",
    ),
    "factor_removed": Kind(
        "有账号的第二因素被去掉", AUDIT,
        seen("accounts.factors.reset", "accounts.authenticator.remove", "accounts.passkey.remove"),
        todo="请核对是本人换手机，还是有人要冒用账号；由安全管理员重置的，记录里有原因。",
    ),
    "large_export": Kind(
        "大批量导出", AUDIT, seen(where=_large_exports), todo="请核对用途和批准人；申请、批准、不批准和导出各有一条记录。",
    ),
    "many_refusals": Kind(
        "一个账号短时间内多次越权或试探", AUDIT, many(*REFUSALS, by=F("actor_id"), limit="ALARM_REFUSALS"),
        todo="请看是误操作、任职刚变动，还是有人在逐个试编号；必要时请安全管理员停用账号。", query={"outcome": "refused"},
    ),
    "infected_upload": Kind(
        "上传的文件里查出恶意代码", AUDIT, seen("accounts.upload.refuse", where=lambda: Q(detail__reason="infected")),
        is_grave=True, query={"act": "accounts.upload.refuse"},
        todo="文件没有接收。请查上传人的电脑，弄清文件从哪里来。",
    ),
    "account_locked": Kind(
        "账号因多次失败被锁定", SECURITY,
        seen("accounts.session.lock", "accounts.factor.lock", where=lambda: ~Q(subjects=[])),
        page="accounts:locks", todo="请向本人核实；不是本人的，请看来源地址，必要时停用账号。",
    ),
    "many_failures": Kind(
        "一个来源地址短时间内登录失败很多次", SECURITY, many(*FAILURES, by=Site("address"), limit="ALARM_SIGN_IN_FAILURES"),
        page="admin:axes_accessattempt_changelist",
        todo="请看来源地址是哪个单位的；不认识的，请网络管理员封堵。接口令牌和统一认证的失败，请审计管理员查审计记录。",
    ),
    "stands_still": Kind(
        "系统运行异常", SYSTEM, stands_still(lambda name: name not in OF_THE_AUDIT), lasts=True,
        page="reports:health", todo="请按“运行状况”页上写的办理。",
    ),
}  # fmt: skip


def kinds_of(duty: str) -> list[str]:
    return [name for name, kind in KINDS.items() if kind.duty == duty]
