"""Behind a service point's QR: what the place offers, one more guest, a check-in by member code.

It never asks whether somebody is a member, and no answer says whether a code belongs to one: the same status, the same
body, the same work on the way.
"""

import uuid

from django.http import Http404, HttpResponse
from django.shortcuts import render

from members import inbox
from members.limits import may_post
from members.models import Poster
from stations import forms
from stations.models import CheckIn, FootfallTally, ServicePoint

LONGEST_CODE = 40
TOLD = ("name", "kind", "address", "hours", "facilities", "poster", "closed_on")  # all that this page reads of a place


def service_point(request, poster: Poster) -> HttpResponse:
    """GET shows the place; POST with `code` checks in, POST with `kind` counts one more."""
    place = ServicePoint.objects.filter(poster=poster).only(*TOLD).first()
    if place is None:
        raise Http404
    if request.method != "POST" or place.closed_on is not None:
        return _page(request, place)
    if not may_post(request, poster=poster.code):
        return render(request, "stations/public_limited.html", {"place": place}, status=429)
    try:
        return _check_in(request, place) if "code" in request.POST else _footfall(request, place)
    except forms.Refused as refused:
        return _page(request, place, error=str(refused), status=400)


def _page(request, place: ServicePoint, *, error: str = "", status: int = 200) -> HttpResponse:
    context = {
        "place": place,
        "kinds": FootfallTally.Kind.choices,
        "purposes": CheckIn.Purpose.choices,
        "purpose": CheckIn.Purpose.REPORT,
        "nonce": uuid.uuid4(),
        "error": error,
    }
    return render(request, "stations/public.html", context, status=status)


def _check_in(request, place: ServicePoint) -> HttpResponse:
    code, purpose = request.POST["code"].strip(), request.POST.get("purpose") or CheckIn.Purpose.REPORT
    if not code or len(code) > LONGEST_CODE:
        raise forms.Refused("请输入党员码。党员码在您的报到回执页面上。")
    if purpose not in CheckIn.Purpose.values:
        raise forms.Refused("请选择事由。")
    nonce, when = forms.parse_nonce(request.POST.get("nonce")), forms.parse_when(request.POST.get("occurred_at"))
    sent = {
        "place": place.pk, "member_code": code, "purpose": purpose, "nonce": str(nonce),
        "occurred_at": when.isoformat() if when else "",
    }  # fmt: skip
    inbox.send("check_in", sent, key=str(nonce))
    return render(request, "stations/public_received.html", {"place": place, "what": "check_in"})


def _footfall(request, place: ServicePoint) -> HttpResponse:
    kind, nonce = forms.parse_footfall(request.POST)
    inbox.send("footfall", {"place": place.pk, "kind": kind, "nonce": str(nonce)}, key=str(nonce))
    return render(request, "stations/public_received.html", {"place": place, "what": "footfall"})
