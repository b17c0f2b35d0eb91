"""From where the three administrators work (GB/T 22239-2019 8.1.4.4 c): signing in, a session, a token, from nowhere else.

The address is the one that the audit writes down (accounts/addresses.py), so no header of the sender's own counts.
"""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest

from accounts import audit
from accounts.models import User

REFUSAL = "管理员账号只能在指定的网络里登录，没有登录。请到指定的终端上登录；网络调整过的，请告诉运维。"


def lets(user: User, request: HttpRequest) -> bool:
    """Whether this person may be here at all. Without a list, and for whoever is no administrator, from anywhere."""
    return (
        not settings.ADMIN_NETWORKS or user.duty == User.Duty.STAFF or _is_inside(request.META.get("REMOTE_ADDR", ""))
    )


def _is_inside(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:  # none is known
        return False
    return any(address in network for network in settings.ADMIN_NETWORKS)


def refused(user: User, request: HttpRequest, what: str) -> None:
    """Write it down. Nobody's act: who sat there is not known. `what`: what was shown or carried there."""
    audit.record(
        "accounts.network.refuse", by=None, subjects=[user], detail={"by": what}, succeeded=False, request=request
    )
