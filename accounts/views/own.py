"""The own password, the own tokens."""

from datetime import datetime, time

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.mixins import LoginRequiredMixin
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.debug import sensitive_post_parameters

from accounts.forms import OwnPasswordForm, TokenForm
from accounts.services import password_change, token_create, token_revoke


@method_decorator(sensitive_post_parameters(), name="dispatch")
class PasswordChange(LoginRequiredMixin, View):
    """The own password. This session stays, every other one of the person ends."""

    def get(self, request):
        return self._page(OwnPasswordForm(request.user))

    def post(self, request):
        form = OwnPasswordForm(request.user, request.POST)
        if not form.is_valid():
            return self._page(form)
        password_change(
            user=request.user, password=form.cleaned_data["new_password1"], by=request.user, request=request
        )
        update_session_auth_hash(request, request.user)
        messages.success(request, "密码已修改。其他设备上的登录已退出。")
        return redirect(settings.LOGIN_REDIRECT_URL)

    def _page(self, form):
        context = {"form": form, "submit_label": "修改密码", "cancel_url": settings.LOGIN_REDIRECT_URL}
        return render(self.request, "accounts/password_change.html", context)


class Tokens(LoginRequiredMixin, View):
    """The own tokens: list, make one (shown once, in this answer only), revoke."""

    def get(self, request):
        return self._page(TokenForm())

    def post(self, request):
        if request.POST.get("action") == "revoke":
            return self._revoke(request.POST.get("token", ""))
        form = TokenForm(request.POST)
        if not form.is_valid():
            return self._page(form)
        end = datetime.combine(form.cleaned_data["expires_on"], time(23, 59, 59))  # the last day is a whole one
        _, plain = token_create(
            user=request.user,
            label=form.cleaned_data["label"],
            expires_at=timezone.make_aware(end),
            request=request,
        )
        return self._page(TokenForm(), new_token=plain)

    def _revoke(self, number: str):
        pk = int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0
        token = get_object_or_404(self.request.user.api_tokens, pk=pk)
        token_revoke(token=token, by=token.user, request=self.request)
        messages.success(self.request, f"令牌“{token.label}”已作废，使用它的系统不能再读取数据。")
        return redirect("accounts:tokens")

    def _page(self, form, new_token: str = ""):
        context = {"form": form, "tokens": self.request.user.api_tokens.order_by("-pk"), "new_token": new_token}
        return render(self.request, "accounts/tokens.html", context)
