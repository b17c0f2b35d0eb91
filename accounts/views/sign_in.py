"""The way in and the way out. Which step comes next is decided in signing_in.py."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views
from django.db import transaction
from django.http import JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts import oidc, passkeys, sign_ins, signing_in
from accounts.forms import CodeForm, FirstPasswordForm, RecoveryCodeForm, SignInForm
from accounts.services import code_check, locked_until, passkey_use, password_change

BY_PASSKEY = "passkey"


class SignIn(views.LoginView):
    """By account and password. Too many failures lock the account for this address (axes, answer 429)."""

    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm

    def dispatch(self, request, *args, **kwargs):
        """Somebody signed in is led on, unless asked to show once more who they are."""
        self.redirect_authenticated_user = "again" not in request.GET
        return super().dispatch(request, *args, **kwargs)

    def post(self, request, *args, **kwargs):
        if sign_ins.too_many(request, request.POST.get("username", "")):
            return sign_ins.busy_page(request)
        return super().post(request, *args, **kwargs)

    def get_context_data(self, **more):
        return super().get_context_data(
            passkey_domain=passkeys.domain(self.request),
            oidc_label=settings.OIDC_LABEL if settings.OIDC_ISSUER else "",
            has_admin_networks=bool(settings.ADMIN_NETWORKS),  # told to everybody: nobody learns who is one
            **more,
        )

    @transaction.atomic
    def form_valid(self, form):
        return signing_in.begin(self.request, form.get_user(), target=self.get_success_url())

    def form_invalid(self, form):
        tried = form.cleaned_data.get("username"), form.cleaned_data.get("password")
        if all(tried):  # a field left empty is no try
            sign_ins.refused(self.request, tried[0])
        return super().form_invalid(form)


class PasskeySignIn(SignIn):
    """By a passkey alone: the device has verified the person, so possession and person are both shown."""

    http_method_names = ["post", "options"]

    def post(self, request, *args, **kwargs):
        try:
            passkey, count = passkeys.used(request, request.POST.get("credential", ""), None)
        except passkeys.PasskeyError as error:
            return self._refused(str(error))
        if not passkey_use(passkey=passkey, sign_count=count, request=request):
            return self._refused("这个通行密钥可能被复制过，已拒绝。请改用密码登录，并删去它重新登记。")
        return signing_in.begin(request, passkey.user, target=self.get_success_url(), factor=BY_PASSKEY)

    def _refused(self, text: str):
        messages.error(self.request, text)
        return redirect("accounts:sign_in")


class PasskeyOptions(View):
    """What the browser asks the device: any passkey, or on the way in one of that person."""

    http_method_names = ["post", "options"]

    def post(self, request):
        if not passkeys.domain(request):
            return JsonResponse({"error": "这个地址不能用通行密钥。"}, status=409)
        way = signing_in.current(request) if request.POST.get("step") else None
        return JsonResponse(passkeys.options_to_use(request, way.user if way else request.idle_user))


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class StepView(View):
    """A page of the way in, open to those only whose next step it is."""

    step = ""
    template_name = ""

    def dispatch(self, request, *args, **kwargs):
        way = signing_in.current(request)
        if way is None or way.next_step != self.step:
            return signing_in.advance(request)
        self.way = way
        return super().dispatch(request, *args, **kwargs)

    def page(self, form, **more):
        context = {"form": form, "person": self.way.user, "passkey_domain": passkeys.domain(self.request), **more}
        return render(self.request, self.template_name, context)


class SecondFactor(StepView):
    """A code of the app or of the paper, or a passkey."""

    step = "accounts:second_factor"
    template_name = "accounts/second_factor.html"

    @property
    def form_class(self):
        return RecoveryCodeForm if "recovery" in self.request.GET or not self._has_authenticator() else CodeForm

    def get(self, request):
        return self._page(self.form_class())

    def post(self, request):
        if "credential" in request.POST:
            return self._by_passkey(request.POST["credential"])
        form = self.form_class(request.POST)
        if not form.is_valid():
            return self._page(form)
        kind = code_check(user=self.way.user, code=form.cleaned_data["code"], request=request)
        if kind:
            signing_in.shown(request, self.way.user, kind)
            return signing_in.advance(request)
        form.add_error("code", self._refusal())
        return self._page(form)

    def _refusal(self) -> str:
        until = locked_until(self.way.user)
        if until:
            return f"连续输错 5 次，验证码已锁定，{sign_ins.clock(until)} 后可以再试；急用请联系安全管理员。"
        if self.form_class is RecoveryCodeForm:
            return "恢复码不对或已经用过。请核对后重新输入，或换一个没有用过的。"
        return "验证码不对或已经用过。请输入应用里正在显示的 6 位数字，用过的要等下一个；手机不在身边可改用恢复码。"

    def _by_passkey(self, text: str):
        try:
            passkey, count = passkeys.used(self.request, text, self.way.user)
        except passkeys.PasskeyError as error:
            messages.error(self.request, str(error))
            return redirect(self.step)
        if not passkey_use(passkey=passkey, sign_count=count, request=self.request):
            messages.error(self.request, "这个通行密钥可能被复制过，已拒绝。请用验证码或恢复码。")
            return redirect(self.step)
        signing_in.shown(self.request, self.way.user, BY_PASSKEY)
        return signing_in.advance(self.request)

    def _has_authenticator(self) -> bool:
        return hasattr(self.way.user, "authenticator")

    def _page(self, form):
        return self.page(
            form,
            has_passkeys=self.way.user.passkeys.exists(),
            has_authenticator=self._has_authenticator(),
            by_recovery=isinstance(form, RecoveryCodeForm),
        )


class FirstPassword(StepView):
    """The password that somebody else chose is replaced by one's own."""

    step = "accounts:first_password"
    template_name = "accounts/first_password.html"

    def get(self, request):
        return self.page(FirstPasswordForm(self.way.user))

    @transaction.atomic
    def post(self, request):
        form = FirstPasswordForm(self.way.user, request.POST)
        if not form.is_valid():
            return self.page(form)
        user = self.way.user
        password_change(user=user, password=form.cleaned_data["new_password1"], by=user, request=request)
        signing_in.password_chosen(request, self.way)
        return signing_in.advance(request)


class NextStep(View):
    """From the page of recovery codes onwards."""

    http_method_names = ["post", "options"]

    def post(self, request):
        return signing_in.advance(request)


class SignOut(views.LogoutView):
    http_method_names = ["post", "options"]

    @transaction.atomic
    def post(self, request, *args, **kwargs):
        user, leaving = request.user, request.session.get(oidc.LEAVING, {})
        response = super().post(request, *args, **kwargs)
        if user.is_authenticated:
            sign_ins.signed_out(request, user)
        # else whoever sits down here next is signed in by the provider
        there = oidc.farewell(leaving, back_to=request.build_absolute_uri(reverse("accounts:sign_in")))
        return redirect(there) if there else response
