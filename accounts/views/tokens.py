"""Tokens for the API: one's own, and anybody's for the security administrator, who can only revoke."""

from datetime import datetime, time

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from accounts import scopes
from accounts.forms import TokenForm
from accounts.models import User
from accounts.people import crumbs, signed_in
from accounts.services import token_create, token_revoke


def rows(user: User) -> list[dict]:
    """Newest first, with what each may do in words."""
    now = timezone.now()
    return [
        {"token": token, "scopes": scopes.labels_of(token.scopes), "is_over": token.expires_at <= now}
        for token in user.api_tokens.order_by("-pk")
    ]


def revoke(request, user: User) -> None:
    number = request.POST.get("token", "")
    pk = int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0
    token = get_object_or_404(user.api_tokens, pk=pk)
    token_revoke(token=token, by=request.user, request=request)
    messages.success(request, f"令牌“{token.label}”已作废，使用它的系统不能再读取数据。")


@method_decorator(never_cache, name="dispatch")
class Tokens(LoginRequiredMixin, View):
    """The own tokens: list, make one (shown once, in this answer only), revoke. Who has nothing to give makes none."""

    def get(self, request):
        return self._page(self._form())

    def post(self, request):
        if request.POST.get("action") == "revoke":
            revoke(request, request.user)
            return redirect("accounts:tokens")
        form = self._form(request.POST)
        if form is None:
            raise PermissionDenied("您的岗位没有可以由其他系统读取的数据，不能建立令牌。")
        if not form.is_valid():
            return self._page(form)
        end = datetime.combine(form.cleaned_data["expires_on"], time(23, 59, 59))  # the last day is a whole one
        _, plain = token_create(
            user=request.user,
            label=form.cleaned_data["label"],
            scopes=form.cleaned_data["scopes"],
            expires_at=timezone.make_aware(end),
            request=request,
        )
        return self._page(self._form(), new_token=plain)

    def _form(self, data=None) -> TokenForm | None:
        choices = scopes.open_to(signed_in(self.request))
        return TokenForm(data, choices=choices) if choices else None

    def _page(self, form, new_token: str = ""):
        context = {"form": form, "rows": rows(signed_in(self.request)), "new_token": new_token, "whose": None}
        return render(self.request, "accounts/tokens.html", context)


class TokensOf(LoginRequiredMixin, View):
    """Anybody's, for the security administrator: what it may do and until when, never the token itself."""

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated and not request.user.has_perm("accounts.change_user"):
            raise PermissionDenied("您的岗位没有这项权限，请联系本单位管理员。")
        return super().dispatch(request, *args, **kwargs)

    def get(self, request, pk: int):
        user = get_object_or_404(User, pk=pk)
        return render(
            request, "accounts/tokens.html", {"rows": rows(user), "whose": user, "breadcrumbs": crumbs(user, "令牌")}
        )

    def post(self, request, pk: int):
        revoke(request, get_object_or_404(User, pk=pk))
        return redirect("accounts:tokens_of", pk=pk)
