"""The own password."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.mixins import LoginRequiredMixin
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.debug import sensitive_post_parameters

from accounts import sign_ins
from accounts.forms import OwnPasswordForm
from accounts.services import password_change


@method_decorator(sensitive_post_parameters(), name="dispatch")
class PasswordChange(LoginRequiredMixin, View):
    """The own password. This session stays, every other one of the person ends, and their tokens with them."""

    def get(self, request):
        return self._page(OwnPasswordForm(request.user, request=request))

    def post(self, request):
        if sign_ins.too_many(request, request.user.username):
            return sign_ins.busy_page(request)
        form = OwnPasswordForm(request.user, request.POST, request=request)
        if not form.is_valid():
            return self._page(form)
        password_change(
            user=request.user, password=form.cleaned_data["new_password1"], by=request.user, request=request
        )
        update_session_auth_hash(request, request.user)
        messages.success(request, "密码已修改。其他设备上的登录已退出，接口令牌已作废。")
        return redirect(settings.LOGIN_REDIRECT_URL)

    def _page(self, form):
        context = {"form": form, "submit_label": "修改密码", "cancel_url": settings.LOGIN_REDIRECT_URL}
        return render(self.request, "accounts/password_change.html", context)
