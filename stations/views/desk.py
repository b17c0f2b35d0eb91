"""The officer's desk: check a member in in at most three taps, count footfall by one."""

import json
import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views import View

from accounts import audit
from members.identity import mask_name
from members.models import Member
from orgs.scoped import DoorMixin
from stations import forms, selectors, services
from stations.models import CheckIn, ServicePoint


def _place_asked(request) -> ServicePoint | None:
    """The service point named in the address, else the counter of the own guidance station, else the only one."""
    places = selectors.desk_places(request.user)
    if asked := request.GET.get("place") or request.POST.get("place"):
        place = places.filter(pk=int(asked)).first() if asked.isdecimal() and len(asked) < 19 else None
        if place is None:
            raise Http404
        return place
    own = selectors.own_guidance_station(request.user)
    if own is not None:
        return services.counter_for(own, by=request.user)
    return places.first()


def _people(request, place: ServicePoint | None) -> dict:
    """Masked members to pick from, only when asked for: showing them is recorded."""
    tail = request.GET.get("tail", "").strip()
    if place is None or "pick" not in request.GET:
        return {"tail": "", "people": None}
    if tail and not (tail.isdecimal() and len(tail) == 4):
        return {"tail": tail, "people": None, "tail_error": "手机尾号是 4 位数字。"}
    people = list(selectors.members_to_pick(user=request.user, place=place, tail=tail)[: selectors.PICK_LIMIT + 1])
    shown = people[: selectors.PICK_LIMIT]
    audit.record("stations.desk.list", by=request.user, subjects=shown, subject_type="members.member", purpose="签到")
    masked = [
        {"pk": row.pk, "name": mask_name(row.name), "tail": row.phone_tail, "nonce": uuid.uuid4()} for row in shown
    ]
    return {"tail": tail, "people": masked, "more": len(people) > len(shown)}


def _desk(request, *, error: str = "", status: int = 200) -> HttpResponse:
    place = _place_asked(request)
    places = list(selectors.desk_places(request.user)[: selectors.PLACES_LIMIT + 1])
    purpose = request.POST.get("purpose") or request.GET.get("purpose")
    context: dict[str, Any] = {
        "heading": "签到登记",
        "subtitle": f"{timezone.localtime():%m-%d %H:%M}",
        "place": place,
        "places": places[: selectors.PLACES_LIMIT],
        "more_places": len(places) > selectors.PLACES_LIMIT,
        "purposes": CheckIn.Purpose.choices,
        "purpose": purpose if purpose in CheckIn.Purpose.values else CheckIn.Purpose.REPORT,
        "nonce": uuid.uuid4(),
        "code": request.POST.get("code", ""),
        "error": error,
        "counts_footfall": request.user.has_perm("stations.add_footfalltally"),
        **_people(request, place),
    }
    if place is not None:
        context |= {"footfall": selectors.footfall_today(place), "today": selectors.check_ins_today(place)}
    return render(request, "stations/desk.html", context, status=status)


class DeskView(DoorMixin, View):
    permission = "stations.add_checkin"

    def get(self, request) -> HttpResponse:
        return _desk(request)


class CheckInView(DoorMixin, View):
    """One check-in, as a plain form or as JSON. The hot path: it parses, asks the door, calls the service."""

    permission = "stations.add_checkin"

    def post(self, request) -> HttpResponse:
        as_json = request.content_type == "application/json"
        try:
            sent = forms.parse_check_in(_body(request) if as_json else request.POST)
            place = selectors.desk_place(request.user, sent.place)
            row, created = services.check_in(
                member=None if sent.code else self._picked(sent, place),
                code=sent.code,
                place=place,
                purpose=sent.purpose,
                channel=sent.channel,
                nonce=sent.nonce,
                occurred_at=sent.occurred_at,
                by=request.user,
            )
        except (forms.Refused, services.CheckInRefused) as refused:
            if as_json:
                return JsonResponse({"detail": str(refused)}, status=400)
            return _desk(request, error=str(refused), status=400)
        result = reverse("stations:check_in_result", args=[row.pk])
        if as_json:
            return JsonResponse({"id": row.pk, "created": created, "url": result}, status=201 if created else 200)
        return redirect(result)

    def _picked(self, sent: forms.Sent, place: ServicePoint) -> Member:
        member = selectors.members_to_pick(user=self.request.user, place=place).filter(pk=sent.member).first()
        if member is None:
            raise services.CheckInRefused("名单里没有这个人，请刷新名单后再选。")
        return member


def _body(request) -> dict:
    try:
        body = json.loads(request.body)
    except ValueError:
        raise forms.Refused("请求的内容不是 JSON。") from None
    if not isinstance(body, dict):
        raise forms.Refused("请求的内容应是一个 JSON 对象。")
    return body


class ResultView(DoorMixin, View):
    """Full-screen answer with three lines and 撤销. Shown to the officer who made it; masked and recorded."""

    permission = "stations.add_checkin"

    def get(self, request, pk: int) -> HttpResponse:
        row = get_object_or_404(
            CheckIn.objects.visible_to(request.user, self.permission).select_related("member", "place"), pk=pk
        )
        audit.record("stations.check_in.read", by=request.user, subjects=[row.member_id], subject_type="members.member")
        may_undo = row.by_id == request.user.pk and timezone.now() - row.received_at < services.UNDO_WITHIN
        context = {"row": row, "name": mask_name(row.member.name), "may_undo": may_undo}
        return render(request, "stations/result.html", context)


class UndoView(DoorMixin, View):
    permission = "stations.add_checkin"

    def post(self, request, pk: int) -> HttpResponse:
        row = get_object_or_404(CheckIn.objects.visible_to(request.user, self.permission), pk=pk)
        desk = f"{reverse('stations:desk')}?place={row.place_id}"
        try:
            services.check_in_undo(check_in=row, by=request.user)
        except services.UndoRefused as refused:
            messages.error(request, str(refused))
            return redirect(desk)
        messages.success(request, "已撤销这次签到。")
        return redirect(desk)


class FootfallView(DoorMixin, View):
    """One tap is one more. Answers htmx with the fragment of the buttons, a plain form with the desk."""

    permission = "stations.add_footfalltally"

    def post(self, request, pk: int) -> HttpResponse:
        place = get_object_or_404(ServicePoint.objects.visible_to(request.user, self.permission), pk=pk)
        try:
            kind, nonce = forms.parse_footfall(request.POST)
        except forms.Refused as refused:
            return HttpResponseBadRequest(str(refused))
        services.footfall_add(place=place, kind=kind, nonce=nonce, by=request.user)
        if not request.htmx:
            return redirect(f"{reverse('stations:desk')}?place={place.pk}")
        context = {"place": place, "footfall": selectors.footfall_today(place), "nonce": uuid.uuid4()}
        return render(request, "stations/_footfall.html", context)
