"""The way in, step by step: password or passkey → second factor → first password → setting a factor up → work.

Until the last step nobody is signed in: what is kept in the session is who began and what they have shown, so every
page but those of the way answers as to a stranger.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts import networks, passwords, sign_ins
from accounts.models import AccountMeasure, User
from accounts.services.measures import measures_told

KEY = "signing_in"
LASTS = timedelta(minutes=10)
LATE = "登录步骤超过 10 分钟没有完成，请重新登录。"
SET_UP = "accounts:factor_set_up"


@dataclass(frozen=True)
class SigningIn:
    """Somebody on the way in. `factor`: what was shown besides the password; `target`: where they wanted to go."""

    user: User
    factor: str
    target: str

    @property
    def next_step(self) -> str:
        """Name of the page that comes next; empty when all is done."""
        if not self.factor and self.user.has_factor:
            return "accounts:second_factor"
        if passwords.must_change(self.user):
            return "accounts:first_password"
        return SET_UP if not self.factor and settings.SECOND_FACTOR_REQUIRED else ""


def begin(request: HttpRequest, user: User, *, target: str, factor: str = "") -> HttpResponseRedirect:
    """The password was right (or the passkey: then `factor` says so). Who comes by a password from where they may not work
    never gets here (orgs/doors.py); a passkey and the unified sign-in have shown so much that they may be told."""
    if not networks.lets(user, request):
        networks.refused(user, request, factor or "oidc")
        messages.error(request, networks.REFUSAL)
        return redirect("accounts:sign_in")
    request.session.cycle_key()
    _keep(request, SigningIn(user, factor, target))
    return advance(request)


def _keep(request: HttpRequest, way: SigningIn) -> None:
    request.session[KEY] = {
        "user": way.user.pk,
        "hash": way.user.get_session_auth_hash(),  # a password changed elsewhere ends this way in
        "resets": _resets(way.user),  # and so does a reset of what was shown or is to be shown
        "factor": way.factor,
        "target": way.target,
        "at": timezone.now().timestamp(),
    }


def _resets(user: User) -> int:
    return user.measures.filter(kind=AccountMeasure.Kind.RESET).count()


def current(request: HttpRequest) -> SigningIn | None:
    """Who is on the way in with this browser; None when nobody is, or it took too long."""
    kept = request.session.get(KEY)
    if not kept or timezone.now().timestamp() - kept["at"] > LASTS.total_seconds():
        return None
    user = User.objects.filter(pk=kept["user"]).first()
    if user is None or not user.may_enter or kept["resets"] != _resets(user):
        return None
    if not constant_time_compare(kept["hash"], user.get_session_auth_hash()):
        return None
    if not networks.lets(user, request):  # carried to another network on the way
        del request.session[KEY]
        networks.refused(user, request, "way")
        return None
    return SigningIn(user, kept["factor"], kept["target"])


def shown(request: HttpRequest, user: User, factor: str) -> None:
    """The person on the way in has shown a factor."""
    way = current(request)
    _keep(request, SigningIn(user, factor, way.target if way else settings.LOGIN_REDIRECT_URL))


def password_chosen(request: HttpRequest, way: SigningIn) -> None:
    """The person on the way in has a password of their own now: way.user is as it was saved."""
    _keep(request, way)


def advance(request: HttpRequest) -> HttpResponseRedirect:
    """To the next step, or in."""
    way = current(request)
    if way is None:
        messages.error(request, LATE)
        return redirect("accounts:sign_in")
    return redirect(way.next_step) if way.next_step else _enter(request, way)


def _enter(request: HttpRequest, way: SigningIn) -> HttpResponseRedirect:
    del request.session[KEY]
    login(request, way.user, backend=settings.AUTHENTICATION_BACKENDS[-1])  # the first one only counts failures
    request.session[sign_ins.AT] = timezone.now().timestamp()
    sign_ins.signed_in(request, way.user, way.factor)
    if way.factor == "recovery":
        left = way.user.recovery_codes.filter(used_at__isnull=True).count()
        messages.warning(request, f"您用了一个恢复码，还剩 {left} 个。手机找不回时，请在“登录方式”里重新登记。")
    for measure in measures_told(user=way.user):
        messages.warning(request, in_words(measure))
    if text := passwords.notice(way.user):
        messages.warning(request, text)
    return redirect(way.target)


def in_words(measure: AccountMeasure) -> str:
    """What its owner is told of it."""
    if measure.kind == AccountMeasure.Kind.IDLE:
        return f"{timezone.localtime(measure.at):%Y-%m-%d %H:%M}，系统自动停用过您的账号，原因：{measure.reason}。"
    who = f"安全管理员{measure.by}" if measure.by else "运维人员"
    told = f"{timezone.localtime(measure.at):%Y-%m-%d %H:%M}，{who}为您{measure.get_kind_display()}，原因：{measure.reason}"
    return f"{told.rstrip('。')}。不是您要求的，请马上修改密码，并告诉本单位负责人。"
