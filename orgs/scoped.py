"""The door, built into views, API viewsets and the admin. Outside a person's scope a row answers like a missing one."""

from django.contrib.auth.mixins import AccessMixin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from rest_framework.exceptions import PermissionDenied as ApiPermissionDenied

from accounts import scopes
from orgs.api_base import ReadViewSet
from orgs.scoped_admin import ScopedAdmin

__all__ = ["DoorMixin", "ScopedAdmin", "ScopedMixin", "ScopedViewSet"]


class DoorMixin(AccessMixin):
    """A staff page: signed in, and holding `permission` somewhere. What rows it shows is the queryset's business."""

    permission: str
    request: HttpRequest

    def dispatch(self, request, *args, **kwargs):
        if not request.user.is_authenticated:
            return self.handle_no_permission()
        if not request.user.has_perm(self.permission):
            raise PermissionDenied("您的岗位没有这项权限，请联系本单位管理员。")
        return super().dispatch(request, *args, **kwargs)


class ScopedMixin(DoorMixin):
    """A staff page over rows of `model`: only those on which the person holds `permission`; any other is 404."""

    def get_queryset(self):
        return self.model._default_manager.visible_to(self.request.user, self.permission)


class ScopedViewSet(ReadViewSet):
    """Read access through the API: the same door, 404 outside it; cursor pages and strict filters (api_base.py)."""

    permission: str

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        if not request.user.has_perm(self.permission):
            raise ApiPermissionDenied(scopes.refusal(request.user))

    def get_queryset(self):
        return self.queryset.visible_to(self.request.user, self.permission)
