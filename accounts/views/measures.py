"""For the security administrator: who cannot come in, which accounts nobody uses, and what can be done to somebody's way in."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views import View

from accounts import duties, idle, passwords
from accounts.forms import ReasonForm
from accounts.locks import Lock, locks, nobodys
from accounts.models import AccountMeasure, User
from accounts.people import signed_in
from accounts.services import measures

Kind = AccountMeasure.Kind
CONSEQUENCES = {
    Kind.UNLOCK: ["输错密码、输错验证码的次数全部清零，本人可以马上再试。"],
    Kind.RESET: [
        "原有的动态验证码、通行密钥、恢复码和统一认证绑定全部作废，现有登录全部退出。",
        "本人下次登录时自己重新登记；您看不到、也不能替人登记。",
    ],
    Kind.DISABLE: [
        "现有登录全部退出，接口令牌全部作废，正在运行的任务停下；重新启用后也不恢复。",
        "任职和办过的事都保留。",
    ],
    Kind.ENABLE: ["本人可以用原来的密码登录，任职照旧。不应再有的任职请先收回。"],
}
DONE = {
    Kind.UNLOCK: "已解除锁定", Kind.RESET: "第二因素已重置", Kind.DISABLE: "账号已停用", Kind.ENABLE: "账号已启用",
}  # fmt: skip
FIRST = "请先当面，或用单位通讯录里的电话核实是本人。"


def _clock(lock: Lock, name: str) -> str:
    at = getattr(lock, name)
    return timezone.localtime(at).strftime("%m-%d %H:%M") if at else "不详" if name == "since" else "约 10 分钟内"


class SecurityView(LoginRequiredMixin, View):
    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated and not request.user.has_perm("accounts.change_user"):
            raise PermissionDenied("您的岗位没有这项权限，请联系本单位管理员。")
        return super().dispatch(request, *args, **kwargs)


class Locks(SecurityView):
    COLUMNS = ("账号", "姓名", "为什么", "失败次数", "来源地址", "锁定于", "自动解除", "办理")

    def get(self, request):
        found = locks()
        if others := nobodys():
            messages.info(request, f"另有 {others} 个不存在的账号名被锁，多是输错了账号，见管理后台的“登录失败记录”。")
        rows = [*map(self._cells, found), *map(self._untaken, passwords.untaken())]
        context = {
            "heading": "锁定的账号",
            "subtitle": "到时间会自动解除；本人急用的，核实是本人后再解除。过期的临时密码要重置",
            "table": {
                "caption": "锁定的账号",
                "columns": [{"key": label, "label": label, "numeric": label == "失败次数"} for label in self.COLUMNS],
                "rows": [{"cells": cells} for cells in rows],
            },
            "total_text": f"共 {len(rows)} 处" if rows else "",
            "empty_reason": "现在没有锁定的账号。重置第二因素、停用账号，请到管理后台的“用户”里打开那个账号。",
            "empty_url": reverse("admin:accounts_user_changelist"),
            "empty_label": "查看用户",
        }
        return render(request, "generic/list.html", context)

    def _untaken(self, user: User) -> list[dict]:
        ended = f"{timezone.localtime(passwords.given_until(user)):%m-%d %H:%M}"
        return [
            *_account(user),
            {"text": passwords.OVER, "badge": "warn", "icon": "clock-off"},
            *({"text": text} for text in ("—", "—", ended, "不会自动解除")),
            {"text": "重置密码", "url": reverse("admin:accounts_user_change", args=[user.pk])},
        ]

    def _cells(self, lock: Lock) -> list[dict]:
        user = lock.user
        is_own = user.pk == self.request.user.pk
        act = reverse("accounts:measure", args=[user.pk, Kind.UNLOCK])
        return [
            *_account(user),
            {"text": lock.why, "badge": "warn", "icon": "lock"},
            {"text": lock.failures},
            {"text": lock.address or "不详"},
            {"text": _clock(lock, "since")},
            {"text": _clock(lock, "until")},
            {"text": "请另一位安全管理员办"} if is_own else {"text": "解除", "url": act},
        ]


class Idle(SecurityView):
    """Accounts that the nightly job switched off, and those that are due within two weeks."""

    OFF = ("账号", "姓名", "职责", "最近使用", "停用于", "办理")
    SOON = ("账号", "姓名", "职责", "最近使用", "将停用")
    MOST = 200

    def get(self, request):
        now = timezone.now()
        due, off = idle.plan(now + idle.SOON), idle.switched_off()
        context = {
            "heading": "久未使用的账号",
            "subtitle": _idle_rule(),
            "kept": [one for one in due if one.is_kept],
            "off": {"caption": "已自动停用", "columns": _columns(self.OFF), "rows": [_off(user) for user in off[: self.MOST]]},
            "off_total": off.count(),
            "most": self.MOST,
            "soon": {
                "caption": "14 天内将自动停用",
                "columns": _columns(self.SOON),
                "rows": [_soon(one, now) for one in due if not one.is_kept],
            },
        }  # fmt: skip
        return render(request, "accounts/idle.html", context)


def _idle_rule() -> str:
    if not settings.IDLE_ACCOUNT_DAYS:
        return "没有开启自动停用（IDLE_ACCOUNT_DAYS=0），请定期人工清理"
    return f"连续 {settings.IDLE_ACCOUNT_DAYS} 天没有登录、令牌也没有使用的账号，每晚自动停用；重新启用的从那天起算"


def _columns(labels: tuple[str, ...]) -> list[dict]:
    return [{"key": label, "label": label, "whole": label in ("最近使用", "停用于", "将停用")} for label in labels]


def _account(user: User) -> list[dict]:
    """Name of the account, leading to it, and of the person."""
    change = reverse("admin:accounts_user_change", args=[user.pk])
    return [{"text": user.username, "url": change}, {"text": user.name or "—"}]


def _unused(user) -> list[dict]:
    """Whose account, and since when nobody uses it; `user` as idle.with_use reads it."""
    used = f"{timezone.localtime(user.used_at):%Y-%m-%d}" if user.used_at else "没有用过"
    return [*_account(user), {"text": user.get_duty_display()}, {"text": used}]


def _off(user) -> dict:
    act = reverse("accounts:measure", args=[user.pk, Kind.ENABLE])
    at = f"{timezone.localtime(user.off_at):%Y-%m-%d}"
    return {"cells": [*_unused(user), {"text": at}, {"text": "重新启用", "url": act}]}


def _soon(one: idle.Idle, now) -> dict:
    when = "今晚" if one.off_at <= now else f"{timezone.localtime(one.off_at):%Y-%m-%d} 以后"
    return {"cells": [*_unused(one.user), {"text": when, "badge": "warn"}]}


class Measure(SecurityView):
    """One of them, asked for once more, with the reason that the person will read."""

    kind: Kind
    person: User

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.named = kwargs["kind"]

    def get(self, request, pk: int, kind: str):
        return self._unfit(pk) or self._page(ReasonForm())

    def post(self, request, pk: int, kind: str):
        if unfit := self._unfit(pk):
            return unfit
        form = ReasonForm(request.POST)
        if not form.is_valid():
            return self._page(form, 422)
        try:
            measures.TAKE[self.kind](user=self.person, reason=form.cleaned_data["reason"], by=signed_in(request))
        except measures.MeasureError as error:
            form.add_error(None, str(error))
            return self._page(form, 422)
        messages.success(request, f"{self.person}：{DONE[self.kind]}。本人下次登录时会看到您写的原因。")
        return redirect(self._back())

    def _unfit(self, pk: int):
        """Finds whom and what is meant; where there is nothing to do, an answer that says so."""
        if self.named not in measures.TAKE:
            raise Http404
        self.kind, self.person = Kind(self.named), get_object_or_404(User, pk=pk)
        if self.person.pk == self.request.user.pk:
            raise PermissionDenied(measures.OWN)
        if nothing := self._nothing_to_do():
            messages.info(self.request, f"{self.person}：{nothing}")
            return redirect(self._back())
        return None

    def _nothing_to_do(self) -> str:
        if self.kind == Kind.UNLOCK and not locks([self.person]):
            return "现在没有锁定，不必解除。"
        if self.kind in (Kind.DISABLE, Kind.ENABLE) and self.person.is_active is (self.kind == Kind.ENABLE):
            return "账号已经是启用的。" if self.person.is_active else "账号已经停用。"
        return duties.why_kept(self.person) if self.kind == Kind.DISABLE else ""

    def _back(self) -> str:
        if self.kind == Kind.UNLOCK:
            return reverse("accounts:locks")
        return reverse("admin:accounts_user_change", args=[self.person.pk])

    def _page(self, form: ReasonForm, status: int = 200):
        label = self.kind.label
        context = {
            "heading": label,
            "breadcrumbs": [{"label": "锁定的账号", "url": reverse("accounts:locks")}, {"label": label}],
            "question": f"要为 {self.person}（{self.person.username}）{label}吗？",
            "consequences": [
                *self._locks(), *CONSEQUENCES[self.kind], *self._untaken(),
                *([] if self.kind == Kind.DISABLE else [FIRST]),
            ],
            "form": form,
            "confirm_label": label,
            "danger": self.kind in (Kind.RESET, Kind.DISABLE),
            "cancel_url": self._back(),
        }  # fmt: skip
        return render(self.request, "generic/confirm.html", context, status=status)

    def _untaken(self) -> list[str]:
        is_over = self.kind == Kind.ENABLE and passwords.given_is_over(self.person)
        return [f"{passwords.OVER}：启用后请在账号页再给一个。"] if is_over else []

    def _locks(self) -> list[str]:
        if self.kind != Kind.UNLOCK:
            return []
        return [
            f"{lock.why} {lock.failures} 次，来源 {lock.address or '不详'}，锁定于 {_clock(lock, 'since')}。"
            for lock in locks([self.person])
        ]
