"""To the unified sign-in and back: to come in, or to bind it to one's account while signed in."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View
from django.views.decorators.cache import never_cache

from accounts import audit, limits, oidc, sign_ins, signing_in
from accounts.people import signed_in
from accounts.services import FactorError, identity_bind, identity_unbind, identity_used
from accounts.views.factors import sign_in_again

BEGUN = "oidc_begun"  # in the session while the browser is away: of each tab, by its state
TABS = 5  # the newest; whoever begins more often has left the others
STRONG = "oidc"  # the factor, where the provider's counts


def back_to(request) -> str:
    return request.build_absolute_uri(reverse("accounts:oidc_back"))


@method_decorator(never_cache, name="dispatch")
class OidcView(View):
    """Without an issuer in the settings there are no such addresses."""

    def dispatch(self, request, *args, **kwargs):
        if not settings.OIDC_ISSUER:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def refused(self, error: oidc.OidcError):
        detail = {"reason": error.reason}
        audit.record("accounts.oidc.refuse", by=None, detail=detail, succeeded=False, request=self.request)
        context = {"text": str(error), "is_unbound": error.reason == "unbound"}
        status = 503 if error.reason == "away" else 403
        return render(self.request, "accounts/oidc_refused.html", context, status=status)

    def leave(self, **more):
        try:
            address, kept = oidc.begin(back_to=back_to(self.request))
        except oidc.OidcError as error:
            return self.refused(error)
        begun = self.request.session.get(BEGUN, {}) | {kept["state"]: kept | more}
        self.request.session[BEGUN] = dict(list(begun.items())[-TABS:])
        return redirect(address)


class Leave(OidcView):
    """To sign in. `next`: where the person wanted to go."""

    def get(self, request):
        if not limits.within("oidc_address", request.META.get("REMOTE_ADDR", "")):
            return sign_ins.busy_page(request)
        target = request.GET.get("next", "")
        if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
            target = settings.LOGIN_REDIRECT_URL
        return self.leave(target=target)


class Bind(OidcView):
    """By whoever signed in just now; and taking it away again."""

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated and sign_ins.is_fresh(request):
            return super().dispatch(request, *args, **kwargs)
        return sign_in_again(request) if request.user.is_authenticated else redirect("accounts:sign_in")

    def get(self, request):
        return self.leave(bind=str(request.user.pk))

    def post(self, request):
        identity_unbind(user=signed_in(request), by=signed_in(request), request=request)
        messages.success(request, f"已解除，不能再用{settings.OIDC_LABEL}登录。")
        return redirect("accounts:factors")


class Back(OidcView):
    """The browser brings the provider's answer. What the session kept is used once."""

    def get(self, request):
        begun = request.session.get(BEGUN, {})
        kept = begun.pop(request.GET.get("state", ""), None)
        if kept is not None:  # else nothing is written for whoever asks unasked
            request.session[BEGUN] = begun
        try:
            person = oidc.finish(answer=request.GET.dict(), kept=kept, back_to=back_to(request))
        except oidc.OidcError as error:
            return self.refused(error)
        if "bind" in kept:
            return self._bound(person, kept["bind"])
        user = identity_used(issuer=person.issuer, subject=person.subject)
        if user is None:
            text = f"这个{settings.OIDC_LABEL}账号没有绑定本系统的账号，或账号已停用。"
            return self.refused(oidc.OidcError("unbound", text))
        answer = signing_in.begin(request, user, target=kept["target"], factor=STRONG if person.is_strong else "")
        request.session[oidc.LEAVING] = person.leaving
        return answer

    def _bound(self, person: oidc.Person, pk: str):
        """To the account that asked, if it is still the one signed in here."""
        if str(self.request.user.pk) != pk:
            return self.refused(oidc.OidcError("other", "绑定期间换了登录的人，没有绑定。请重新登录后再绑定。"))
        try:
            identity_bind(
                user=signed_in(self.request), issuer=person.issuer, subject=person.subject, request=self.request
            )
        except FactorError as error:
            messages.error(self.request, str(error))
        else:
            messages.success(self.request, f"已绑定，下次可以用{settings.OIDC_LABEL}登录。")
        return redirect("accounts:factors")
