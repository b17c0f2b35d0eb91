"""Sections of other rooms on the pages of a business and of a market, fetched by URL. Filled in AppConfig.ready()."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse


@dataclass(frozen=True)
class Slot:
    title: str
    url_name: str  # takes the key of the row
    permission: str


_business: list[Slot] = []
_market: list[Slot] = []


def business_slot(title: str, *, url_name: str, permission: str) -> None:
    _business.append(Slot(title, url_name, permission))


def market_slot(title: str, *, url_name: str, permission: str) -> None:
    _market.append(Slot(title, url_name, permission))


def slots_of(kind: str, row: Any, user) -> list[dict]:
    """What templates/generic/detail.html takes: only sections that the person may open."""
    chosen = _business if kind == "business" else _market
    return [
        {"title": slot.title, "url": reverse(slot.url_name, args=[row.pk])}
        for slot in chosen
        if user.has_perm(slot.permission)
    ]
