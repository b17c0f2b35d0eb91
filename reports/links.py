"""Addresses of pages that stand in other rooms."""

from django.urls import reverse


def page(name: str, *args) -> str:
    return reverse(name, args=args)
