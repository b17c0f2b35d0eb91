"""The QR of a service point: made here, resolved by members at the one public address."""

import segno
from django.conf import settings
from django.db import transaction
from django.urls import reverse

from accounts import audit
from members.identity import poster_code
from members.models import Poster
from stations.models import ServicePoint


@transaction.atomic
def poster_make(*, place: ServicePoint, by) -> Poster:
    """The place's QR; made if it has none, or if the last one was withdrawn."""
    place = ServicePoint.objects.select_for_update().get(pk=place.pk)
    if place.poster is not None and place.poster.withdrawn_at is None:
        return place.poster
    place.poster = Poster.objects.create(code=poster_code(), kind=Poster.Kind.SERVICE_POINT)
    place.save(update_fields=["poster"])
    audit.record("stations.poster.create", by=by, subjects=[place])
    return place.poster


def public_address(request, poster: Poster) -> str:
    """What the QR points at: the public address where one is set, else the host of this request."""
    path = reverse("members:poster", args=[poster.code])
    return settings.PUBLIC_URL.rstrip("/") + path if settings.PUBLIC_URL else request.build_absolute_uri(path)


def qr(text: str) -> str:
    """A QR code as a data URI that an img may show under the strict policy."""
    return segno.make(text, error="m").svg_data_uri(scale=8, border=2)
