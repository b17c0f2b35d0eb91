"""Where somebody is signed in, ending that, and re-opening a page that was left alone."""

from django.contrib import messages
from django.contrib.auth import authenticate
from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts import audit, passkeys, sign_ins
from accounts.devices import device_name
from accounts.forms import UnlockForm
from accounts.models import User
from accounts.people import crumbs
from accounts.services import code_check, passkey_use, sessions_end


def rows(user: User, current: str | None) -> list[dict]:
    return [
        {"session": row, "device": device_name(row.device), "is_current": row.session_key == current}
        for row in user.sessions.order_by("-seen_at")
    ]


class Sessions(LoginRequiredMixin, View):
    """One's own. `session`: the number of the one to end; without it all others."""

    def get(self, request):
        context = {"rows": rows(request.user, request.session.session_key), "whose": None}
        return render(request, "accounts/sessions.html", context)

    def post(self, request):
        key, number = request.session.session_key, request.POST.get("session")
        if number:
            row = get_object_or_404(request.user.sessions.exclude(session_key=key), number=_uuid(number))
            sessions_end(user=request.user, by=request.user, number=row.number, request=request)
            messages.success(request, "那台设备已退出。")
        else:
            ended = sessions_end(user=request.user, by=request.user, keep=key, request=request)
            messages.success(request, f"其他 {ended} 处登录已全部退出。" if ended else "没有其他登录。")
        return redirect("accounts:sessions")


class SessionsOf(LoginRequiredMixin, PermissionRequiredMixin, View):
    """Anybody's, for the security administrator."""

    permission_required = "accounts.change_user"
    raise_exception = True

    def handle_no_permission(self):
        return super().handle_no_permission() if self.request.user.is_authenticated else self._to_sign_in()

    def _to_sign_in(self):
        self.raise_exception = False
        return LoginRequiredMixin.handle_no_permission(self)

    def get(self, request, pk: int):
        user = get_object_or_404(User, pk=pk)
        context = {
            "rows": rows(user, request.session.session_key), "whose": user, "breadcrumbs": crumbs(user, "会话"),
        }  # fmt: skip
        return render(request, "accounts/sessions.html", context)

    def post(self, request, pk: int):
        user = get_object_or_404(User, pk=pk)
        number = request.POST.get("session")
        row = get_object_or_404(user.sessions, number=_uuid(number)) if number else None
        ended = sessions_end(user=user, by=request.user, number=row and row.number, request=request)
        messages.success(request, f"已结束 {ended} 处登录。")
        return redirect("accounts:sessions_of", pk=pk)


def _uuid(text: str) -> str:
    plain = text.replace("-", "")
    is_uuid = len(plain) == 32 and plain.isascii() and plain.isalnum() and all(s in "0123456789abcdef" for s in plain)
    return plain if is_uuid else "0" * 32


class SessionState(View):
    """How many seconds are left before the session is idle; asked by pages, so it does not count as doing something."""

    is_background = True

    def get(self, request):
        left = 0 if request.idle_user else request.session.seconds_left() if request.user.is_authenticated else -1
        return JsonResponse({"left": left}, headers={"Cache-Control": "no-store"})


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class Unlock(View):
    """Re-opens an idle session over the page as it stands: by a passkey, or by the password and a code.

    GET is the dialog's content; POST answers JSON, {"error": …} or {}.
    """

    def dispatch(self, request, *args, **kwargs):
        if request.idle_user is None:  # another tab did it, or all is over
            return JsonResponse({} if request.user.is_authenticated else {"gone": True})
        return super().dispatch(request, *args, **kwargs)

    def get(self, request):
        user = request.idle_user
        context = {
            "form": UnlockForm(needs_code=hasattr(user, "authenticator")),
            "person": user,
            "has_passkeys": user.passkeys.exists() and passkeys.domain(request),
        }
        return render(request, "accounts/_unlock.html", context)

    def post(self, request):
        error = self._by_passkey() if request.POST.get("credential") else self._by_password()
        if error:
            return JsonResponse({"error": error})
        request.user, request.idle_user = request.idle_user, None
        request.session.touch()
        audit.record("accounts.session.reopen", by=request.user, subjects=[request.user], request=request)
        return JsonResponse({})

    def _by_passkey(self):
        """What was wrong; empty when nothing."""
        try:
            passkey, count = passkeys.used(self.request, self.request.POST["credential"], self.request.idle_user)
        except passkeys.PasskeyError as error:
            return str(error)
        return "" if passkey_use(passkey=passkey, sign_count=count, request=self.request) else "已拒绝，请改用密码。"

    def _by_password(self):
        """What was wrong; empty when nothing."""
        user, given = self.request.idle_user, self.request.POST
        if sign_ins.too_many(self.request, user.username):
            return "短时间内输错密码的次数太多，请约 10 分钟后再试，或用通行密钥。"
        if authenticate(self.request, username=user.username, password=given.get("password") or "-") is None:
            locked = sign_ins.locked_out(self.request)
            sign_ins.refused(self.request, user.username)
            self.request.axes_locked_out = False  # a page would be put in place of this answer
            return "输错太多次，请过 30 分钟再试，或请安全管理员解除。" if locked else "密码不正确，请重新输入。"
        if user.has_factor and not code_check(user=user, code=given.get("code", ""), request=self.request):
            return "验证码不对或已经用过，请输入下一个；手机不在身边可输入恢复码。"
        return ""
