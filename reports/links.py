"""Addresses of pages that stand in other rooms."""

from django.urls import NoReverseMatch, reverse


def page(name: str, *args) -> str | None:
    """The address of a page, or None where this installation does not have it."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return None
