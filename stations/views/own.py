"""A member's own check-ins, reached from the receipt's status page. No account: the receipt's code is the key."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views import View

from stations import own, services

SHOWN = 100


class OwnCheckInsView(View):
    """GET lists; POST with `check_in` and `act` (dispute, delete) acts on one of them."""

    def get(self, request, code: str) -> HttpResponse:
        rows = own.check_ins_of(self._receipt(code))[:SHOWN]
        return render(request, "stations/own.html", {"rows": rows, "code": code, "shown": SHOWN})

    def post(self, request, code: str) -> HttpResponse:
        pk = request.POST.get("check_in", "")
        rows = own.check_ins_of(self._receipt(code))
        row = get_object_or_404(rows, pk=int(pk) if pk.isdecimal() and len(pk) < 19 else 0)
        if request.POST.get("act") == "delete":
            services.check_in_delete(check_in=row)
            messages.success(request, "这条签到已删除。")
        else:
            services.check_in_dispute(check_in=row)
            messages.success(request, "已记下您的异议，指导站会核查。")
        return redirect("stations:own_check_ins", code=code)

    def _receipt(self, code: str):
        receipt = own.receipt_of(code)
        if receipt is None:
            raise Http404
        return receipt
