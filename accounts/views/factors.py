"""Setting up what one signs in with besides the password: on the way in, or later by somebody who just signed in."""

import base64
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts import crypto, passkeys, sign_ins, signing_in, totp
from accounts.forms import CodeForm, PasskeyNameForm
from accounts.models import User
from accounts.services import (
    FactorError,
    authenticator_enable,
    authenticator_remove,
    passkey_add,
    passkey_remove,
    recovery_codes_renew,
)

SECRET = "authenticator_secret"  # in the session until the first code was right; encrypted there
COLUMN = "session.authenticator_secret"


def sign_in_again(request):
    """To the sign-in page and back to the list: what was asked for is pressed once more there."""
    messages.info(request, "为保护账号，修改登录方式前请再登录一次。")
    query = urlencode({"again": 1, "next": reverse("accounts:factors")})
    return redirect(f"{reverse('accounts:sign_in')}?{query}")


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class PersonView(View):
    """For whoever may set up a factor: signed in just now, or on the way in with that as the next step."""

    person: User
    on_the_way: bool

    def dispatch(self, request, *args, **kwargs):
        self.on_the_way = not request.user.is_authenticated
        if self.on_the_way:
            way = signing_in.current(request)
            if way is None or way.next_step != signing_in.SET_UP:
                return signing_in.advance(request)
            self.person = way.user
        elif not sign_ins.is_fresh(request):
            return sign_in_again(request)
        else:
            self.person = request.user
        return super().dispatch(request, *args, **kwargs)

    def page(self, template: str, **context):
        context |= {"person": self.person, "on_the_way": self.on_the_way}
        return render(self.request, f"accounts/{template}.html", context)

    def done(self, factor: str, text: str):
        """A first factor comes with recovery codes, shown in this answer only."""
        if self.on_the_way:
            signing_in.shown(self.request, self.person, factor)
        if not self.person.recovery_codes.filter(used_at__isnull=True).exists():
            return self.page("recovery_codes", codes=recovery_codes_renew(user=self.person), done=text)
        messages.success(self.request, text)
        return signing_in.advance(self.request) if self.on_the_way else redirect("accounts:factors")


class FactorSetUp(PersonView):
    """Which of the two."""

    def get(self, request):
        return self.page("factor_set_up", passkey_domain=passkeys.domain(request))


class AuthenticatorSetUp(PersonView):
    """The code to scan, the same to type, and the first code as proof. The secret stays the same until then."""

    def get(self, request):
        return self._page(CodeForm())

    def post(self, request):
        form = CodeForm(request.POST)
        if not form.is_valid():
            return self._page(form)
        try:
            authenticator_enable(
                user=self.person, secret=self._secret(), code=form.cleaned_data["code"], request=request
            )
        except FactorError as error:
            form.add_error("code", str(error))
            return self._page(form)
        del request.session[SECRET]
        return self.done("authenticator", "动态验证码已启用，下次登录时使用。")

    def _secret(self) -> str:
        session = self.request.session
        try:
            return crypto.decrypt(base64.b64decode(session[SECRET]), column=COLUMN)
        except (KeyError, crypto.CannotDecrypt):  # the first look, or the key ring has turned meanwhile
            secret = totp.new_secret()
            session[SECRET] = base64.b64encode(crypto.encrypt(secret, column=COLUMN)).decode()
            return secret

    def _page(self, form):
        secret = self._secret()
        return self.page(
            "authenticator", form=form, qr=totp.qr(secret, self.person.username), secret=totp.in_groups(secret)
        )


class PasskeySetUp(PersonView):
    def get(self, request):
        return self._page(PasskeyNameForm())

    def post(self, request):
        form = PasskeyNameForm(request.POST)
        if not form.is_valid():
            return self._page(form)
        try:
            kept = passkeys.added(request, request.POST.get("credential", ""))
            passkey_add(user=self.person, name=form.cleaned_data["name"], request=request, **kept)
        except (passkeys.PasskeyError, FactorError) as error:
            form.add_error(None, str(error))
            return self._page(form)
        return self.done("passkey", "通行密钥已登记，下次登录时使用。")

    def _page(self, form):
        return self.page("passkey", form=form, passkey_domain=passkeys.domain(self.request))


class PasskeySetUpOptions(PersonView):
    http_method_names = ["post", "options"]

    def post(self, request):
        if not passkeys.domain(request):
            return JsonResponse({"error": "这个地址不能用通行密钥。"}, status=409)
        return JsonResponse(passkeys.options_to_add(request, self.person))


class RecoveryCodes(PersonView):
    """New ones; asked for by a button of the list."""

    http_method_names = ["post", "options"]

    def post(self, request):
        if not self.person.has_factor:
            messages.error(request, "请先登记动态验证码或通行密钥，再生成恢复码。")
            return redirect("accounts:factors")
        return self.page(
            "recovery_codes", codes=recovery_codes_renew(user=self.person, request=request), done="旧的恢复码已经作废。"
        )


class FactorRemove(PersonView):
    """One passkey (`passkey`: its number) or the app."""

    http_method_names = ["post", "options"]

    def post(self, request):
        number = request.POST.get("passkey", "")
        try:
            if number:
                pk = int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0
                passkey_remove(passkey=get_object_or_404(self.person.passkeys, pk=pk), request=request)
            else:
                authenticator_remove(user=self.person, request=request)
        except FactorError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, "已删去，不能再用它登录。")
        return redirect("accounts:factors")


class Factors(LoginRequiredMixin, View):
    """What the person signs in with."""

    def get(self, request):
        user = request.user
        context = {
            "authenticator": getattr(user, "authenticator", None),
            "passkeys": user.passkeys.order_by("pk"),
            "codes_left": user.recovery_codes.filter(used_at__isnull=True).count(),
            "passkey_domain": passkeys.domain(request),
            "oidc_label": settings.OIDC_LABEL if settings.OIDC_ISSUER else "",
            "identity": user.identities.filter(issuer__startswith=settings.OIDC_ISSUER.rstrip("/")).first(),
        }
        return render(request, "accounts/factors.html", context)
