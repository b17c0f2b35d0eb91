"""A member's own check-ins, reached from the receipt's status page. No account: the receipt's code is the key."""

import uuid

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views import View

from accounts import wall
from members import answers, inbox
from members.limits import may_post
from members.views.receipt import not_yet, on_its_way
from stations.own import SHOWN

DONE = {"delete": "这条签到已删除。", "dispute": "已记下您的异议，指导站会核查。"}


class OwnCheckInsView(View):
    """GET lists; POST with `check_in` and `act` (dispute, delete) acts on one of them."""

    @wall.everywhere()
    def dispatch(self, request, *args, **kwargs):
        return super().dispatch(request, *args, **kwargs)

    def get(self, request, code: str) -> HttpResponse:
        try:
            rows = self._rows(code)
        except answers.NotYet:
            return not_yet(request)
        return render(request, "stations/own.html", {"rows": rows, "code": code, "shown": SHOWN})

    def post(self, request, code: str) -> HttpResponse:
        pk, act = request.POST.get("check_in", ""), request.POST.get("act", "")
        act = act if act in DONE else "dispute"
        try:
            rows = self._rows(code)
        except answers.NotYet:  # it went with the last writing: shown again first
            return redirect("stations:own_check_ins", code=code)
        if pk not in {str(row["pk"]) for row in rows}:
            raise Http404
        if not may_post(request, receipt=code):
            return render(request, "members/public/busy.html", status=429)
        inbox.send("own_check_in", {"code": code, "check_in": int(pk), "name": act}, key=str(uuid.uuid4()))
        messages.success(request, on_its_way() if settings.IS_PUBLIC_FACE else DONE[act])
        return redirect("stations:own_check_ins", code=code)

    def _rows(self, code: str) -> list[dict]:
        rows = answers.read(code, "check_ins")
        if rows is None:
            raise Http404
        return rows
