"""QR codes as images that the strict policy allows: SVG in a data: address of an <img>."""

import segno
from django.conf import settings
from django.http import HttpRequest


def qr_image(text: str, *, scale: int = 6) -> str:
    """The `src` of an <img> that shows `text` as a QR code. Error correction M: posters get dirty."""
    return segno.make(text, error="m", micro=False).svg_data_uri(scale=scale, border=2, dark="#1f2933")


def public_address(request: HttpRequest, path: str) -> str:
    """The full address of a page as a phone outside reaches it."""
    if settings.PUBLIC_URL:
        return settings.PUBLIC_URL.rstrip("/") + path
    return request.build_absolute_uri(path)
