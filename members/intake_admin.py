"""The intake in the admin. Keys are grants of access, so the security administrator issues, changes and takes them back,
as with postings, and sees nothing that came in through them. Registrars see the events of their own businesses.

Neither page shows whether an event is still open: with a placed business that would say that somebody there registered.
"""

from functools import partial

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import path, reverse

from accounts.admin_door import DoorAdmin
from members.errors import Refused
from members.models import IntakeClient, IntakeEvent
from members.services.intake_clients import intake_client_issue, intake_client_revoke, intake_client_rotate
from orgs.kinds import Level
from orgs.models import Organization
from orgs.scoped import ScopedAdmin
from orgs.scoped_admin import QuietLogMixin

ACTS = {
    "rotate": ("更换密钥", "换上一把新密钥；现在这把再有效 7 天，供对方系统切换。"),
    "revoke": ("停用", "两把密钥立即失效，不能恢复；已经收到的事项保留。需要时请另签发一把。"),
}


@admin.register(IntakeClient)
class IntakeClientAdmin(QuietLogMixin, DoorAdmin):
    """Issued once, then changed over or taken back on a page of its own."""

    fields = ("name", "source_department", "organization", "algorithm")
    list_display = ("key_id", "name", "source_department", "organization", "algorithm", "made_at", "revoked_at")
    list_filter = ("source_department", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("organization",)
    ordering = ("-pk",)
    change_form_template = "admin/members/intakeclient/change_form.html"

    def has_add_permission(self, request) -> bool:
        return self._may(request, "add")

    def get_fields(self, request, obj=None):
        return (*self.fields, "key_id", "made_by", "made_at", "former_until", "revoked_at") if obj else self.fields

    def get_readonly_fields(self, request, obj=None):
        return self.get_fields(request, obj) if obj else ()

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name == "organization":
            kwargs["queryset"] = Organization.objects.open().filter(level__lt=Level.GRASSROOTS).order_by("path")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request, obj, form, change) -> None:
        intake_client_issue(client=obj, by=request.user)

    def response_add(self, request, obj, post_url_continue=None):
        return self._secret(request, obj, obj.secret, "已签发")

    def change_view(self, request, object_id, form_url="", extra_context=None):
        client = self.get_object(request, object_id)
        may = client is not None and client.revoked_at is None and self._may(request, "change")
        acts = [(f"admin:members_intakeclient_{name}", title) for name, (title, _) in ACTS.items()] if may else []
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "acts": acts})

    def get_urls(self):
        pages = [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(partial(self._act, name=name)),
                name=f"members_intakeclient_{name}",
            )
            for name in ACTS
        ]
        return pages + super().get_urls()

    def _act(self, request, object_id, name):
        """Asked first, then done by POST. A new secret stands in that answer and nowhere else."""
        if not self._may(request, "change"):
            raise PermissionDenied
        client = self.get_object(request, object_id)
        if client is None:
            raise Http404
        title, text = ACTS[name]
        if request.method != "POST":
            return self._page(request, client, title=title, text=text)
        try:
            if name == "rotate":
                return self._secret(request, client, intake_client_rotate(client=client, by=request.user), "已更换")
            intake_client_revoke(client=client, by=request.user)
            messages.success(request, f"{client}：密钥已停用。")
        except Refused as error:
            messages.error(request, str(error))
        return redirect(reverse("admin:members_intakeclient_change", args=[client.pk]))

    def _secret(self, request, client, secret: str, done: str):
        return self._page(request, client, title=f"{done}，密钥只显示这一次", secret=secret)

    def _page(self, request, client, **more):
        context = {**self.admin_site.each_context(request), "opts": self.opts, "original": client, **more}
        return render(request, "admin/members/intakeclient/act.html", context)


@admin.register(IntakeEvent)
class IntakeEventAdmin(ScopedAdmin):
    """What came in about the businesses of the own unit; read only."""

    fields = readonly_fields = ("client", "event_id", "kind", "occurred_at", "received_at", "business")
    list_display = ("event_id", "kind", "occurred_at", "received_at", "business", "client")
    list_filter = ("kind",)
    list_select_related = ("client", "business")
    search_fields = ("event_id__exact", "business__uscc__exact")
    search_help_text = "事项编号或信用代码（完整）"
    ordering = ("-pk",)

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False
