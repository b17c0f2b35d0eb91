"""How often the public pages and the intake are asked; the numbers stand in accounts/limits.py."""

from django.http import HttpRequest

from accounts.limits import WINDOW, within

__all__ = ["WINDOW", "may_miss", "may_post", "may_send", "may_send_as", "may_verify"]


def _address(request: HttpRequest) -> str:
    return request.META.get("REMOTE_ADDR", "")


def may_post(request: HttpRequest, *, poster: str = "", receipt: str = "") -> bool:
    """Whether one more public form is taken from this address, on this poster or receipt."""
    keys = {"form_address": _address(request), "form_poster": poster, "form_receipt": receipt}
    counted = [within(name, key) for name, key in keys.items() if key or name == "form_address"]
    return all(counted)  # every counter goes up, whichever refuses


def may_miss(request: HttpRequest) -> bool:
    """Whether one more code of a receipt that does not exist is answered as such for this address."""
    return within("receipt_missed", _address(request))


def may_verify(request: HttpRequest) -> bool:
    """Whether one more printed report is checked for this address."""
    return within("verify_address", _address(request))


def may_send(address: str) -> bool:
    """Whether one more request that claims to be signed is looked at from this address."""
    return within("intake_address", address)


def may_send_as(client_id: int) -> bool:
    """Whether one more request is taken from this client."""
    return within("intake_client", client_id)
