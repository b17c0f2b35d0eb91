"""What the staff pages of this room share: one event for a page that shows persons, acts with a result screen."""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.generic import View

from accounts import audit
from members import identity
from members.errors import Conflict, Refused
from members.models import Member, Registration
from orgs.scoped import ScopedMixin


def note_shown(request: HttpRequest, act: str, rows, *, purpose: str = "") -> None:
    """One audit event for a page that shows persons, with their ids."""
    rows = list(rows)
    if rows:
        audit.record(act, by=request.user, subjects=rows, purpose=purpose, detail={"rows": len(rows)}, request=request)


SHOWN_AS: dict[type, str] = {Member: "members.member.list", Registration: "members.registration.list"}


def note_choices(request: HttpRequest, form: forms.Form) -> None:
    """Who can be chosen on a page is shown there, masked."""
    for choice in form.fields.values():
        rows = getattr(choice, "queryset", None)
        if rows is not None and rows.model in SHOWN_AS:
            note_shown(request, SHOWN_AS[rows.model], rows)


RESULT_KEY = "members_result"


@dataclass(frozen=True)
class Link:
    label: str
    url: str


@dataclass(frozen=True)
class Result:
    """A full-screen answer: what was done, in three lines, and where to go on."""

    title: str
    lines: list[str]
    links: list[Link]
    kind: str = "ok"
    icon: str = "circle-check"
    facts: list[tuple[str, str]] = field(default_factory=list)
    status: int = 200

    def response(self, request: HttpRequest) -> HttpResponse:
        return render(request, "members/result.html", {"result": self}, status=self.status)

    def moved(self, request: HttpRequest) -> HttpResponse:
        """Answer by an address of its own, so that back and reload work. Clear data (`facts`) is shown at once and only
        once; anything else waits in the session until the next result."""
        if self.facts:
            return self.response(request)
        request.session[RESULT_KEY] = [request.path, asdict(self)]
        return redirect(f"{request.path}?done=1")

    @classmethod
    def waiting(cls, request: HttpRequest) -> Self | None:
        """What `moved` left for this address."""
        waiting = request.session.get(RESULT_KEY) if "done" in request.GET else None
        if waiting is None or waiting[0] != request.path:
            return None
        saved: dict[str, Any] = waiting[1]
        return cls(**saved | {"links": [Link(**link) for link in saved["links"]]})


def refused(request: HttpRequest, error: Exception, links: list[Link]) -> HttpResponse:
    status = 409 if isinstance(error, Conflict) else 422
    return Result(
        "没有办成", [str(error).removeprefix("没有办成：")], links, kind="bad", icon="alert-triangle", status=status
    ).response(request)


class ActView(ScopedMixin, View):
    """One act on one row: GET asks (a form or a question), POST does it and shows the result.

    A subclass names `model`, `permission`, `heading`, and `do(row, form)` which returns a Result, or where to go on.
    """

    form_class: type[forms.Form] | None = None
    template_name = "generic/form.html"
    heading = ""
    submit_label = "确认"

    def get_object(self):
        return get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])

    def get_form(self, data=None) -> forms.Form:
        return (self.form_class or forms.Form)(data, **self.form_arguments())

    def form_arguments(self) -> dict:
        return {}

    def back(self) -> Link:
        raise NotImplementedError

    def do(self, row, form) -> Result | HttpResponse:
        raise NotImplementedError

    def context(self) -> dict:
        return {}

    def show(self, form, status: int = 200) -> HttpResponse:
        back = self.back()
        context = {
            "form": form,
            "heading": self.heading,
            "submit_label": self.submit_label,
            "confirm_label": self.submit_label,
            "cancel_url": back.url,
            "breadcrumbs": [{"label": back.label, "url": back.url}, {"label": self.heading, "url": None}],
        } | self.context()
        return render(self.request, self.template_name, context, status=status)

    def get(self, request, *args, **kwargs):
        if result := Result.waiting(request):
            return result.response(request)  # first: the row may be out of reach by now
        self.object = self.get_object()
        return self.show(self.get_form())

    def post(self, request, *args, **kwargs):
        self.object = self.get_object()
        form = self.get_form(request.POST)
        if not form.is_valid():
            return self.show(form, status=422)
        try:
            result = self.do(self.object, form)
        except (Refused, identity.IdentityError) as error:
            return refused(request, error, [self.back()])
        return result.moved(request) if isinstance(result, Result) else result


def detail_url(name: str, row) -> str:
    return reverse(f"members:{name}", args=[row.pk])
