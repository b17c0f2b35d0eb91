"""The admin site, with the product's own doors: one place signs in, signs out and changes passwords, and is audited."""

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.shortcuts import redirect
from django.urls import reverse


class Site(AdminSite):
    def login(self, request, extra_context=None):
        index = reverse("admin:index", current_app=self.name)
        if request.user.is_authenticated:
            return redirect(index)
        return redirect_to_login(request.GET.get("next") or index, reverse("accounts:sign_in"))

    def logout(self, request, extra_context=None):
        from accounts.views.sign_in import SignOut  # the site is made while the apps are still loading

        return SignOut.as_view()(request)

    def password_change(self, request, extra_context=None):
        return redirect("accounts:password_change")
