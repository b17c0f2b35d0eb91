"""The QR of a service point: made here, resolved by members at the one public address."""

from django.db import transaction
from django.urls import reverse

from accounts import audit
from members.models import Poster
from members.qr import public_address
from members.services import poster_create
from stations.models import ServicePoint


@transaction.atomic
def poster_make(*, place: ServicePoint, by) -> Poster:
    """The place's QR; made if it has none, or if the last one was withdrawn."""
    place = ServicePoint.objects.select_for_update().get(pk=place.pk)
    if place.poster is not None and place.poster.withdrawn_at is None:
        return place.poster
    place.poster = poster_create(kind=Poster.Kind.SERVICE_POINT, by=by)
    place.save(update_fields=["poster"])
    audit.record("stations.poster.create", by=by, subjects=[place])
    return place.poster


def poster_address(request, poster: Poster) -> str:
    """What the QR points at."""
    return public_address(request, reverse("members:poster", args=[poster.code]))
