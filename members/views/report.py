"""党员自主报到: what the poster of a market or guidance station opens. Server-rendered steps, each saved as it is sent;
the form's token makes one registration and one receipt however often it is sent."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from accounts import wall
from members import answers, identity, inbox, limits, services
from members.forms.public import STEPS, Step
from members.models import Consent, Draft, Member, Poster, Registration
from members.posters import view_of
from members.selectors import changes_since, current_notice
from members.views.receipt import busy

CHECK = "check"
DISCARD = "discard"
FORMS = {step.key: step for step in STEPS}
SESSION_KEY = "report_forms"
AGAIN_KEY = "report_again"
TYPED = "typed"  # in a draft: what was sent wrongly, by step, until it is put right
LONGEST_TYPED = 300
LABELS = {
    "name": "姓名", "sex": "性别", "phone": "手机号", "id_number": "身份号码", "standing": "党员类别",
    "occupation": "职业", "workplace": "工作单位或摊位", "home_place": "组织关系所在地", "home_branch": "党组织名称",
    "home_unknown": "组织关系",
}  # fmt: skip


@never_cache
@wall.everywhere()
def poster(request: HttpRequest, code: str) -> HttpResponse:
    """The one address of every public QR. Unknown and withdrawn codes answer alike."""
    row = Poster.objects.on_the_wall().filter(code__in={code, code.upper()}).first()
    view = view_of(row.kind) if row else None
    if row is None or view is None:
        return render(request, "members/public/no_poster.html", status=404)
    return view(request, row)


def expired(request: HttpRequest, poster: Poster) -> HttpResponse:
    return render(request, "members/public/expired.html", {"poster": poster}, status=410)


def report(request: HttpRequest, poster: Poster) -> HttpResponse:
    if current_notice() is None:
        return render(request, "members/public/closed.html", {"poster": poster}, status=503)
    return _sent(request, poster) if request.method == "POST" else _shown(request, poster)


# --- reading ----------------------------------------------------------------------------------------------------------


def _shown(request: HttpRequest, poster: Poster) -> HttpResponse:
    key = request.GET.get("step", STEPS[0].key)
    token = _session_token(request, poster)
    draft = services.draft_find(token) if token else None
    if key == STEPS[0].key or key not in {*FORMS, CHECK} or draft is None:
        return _first_screen(request, poster, token, draft)
    content = services.draft_content(draft)
    missing = _first_missing(content)
    if missing and (key == CHECK or _position(key, content) > _position(missing, content)):
        return redirect(_address(poster, missing))
    if key == CHECK:
        return _check_page(request, poster, draft)
    if key not in _keys(content):
        return redirect(_address(poster, CHECK))
    typed = content.get(TYPED, {}).get(key)
    form = FORMS[key](initial=content.get(key)) if typed is None else FORMS[key](typed)
    return _step_page(request, poster, form, draft.form_token, content)


def _first_screen(request, poster: Poster, token: uuid.UUID | None, draft: Draft | None) -> HttpResponse:
    if token is None or answers.is_sent(identity.receipt_code(token)):
        token = uuid.uuid4()
        request.session[SESSION_KEY] = request.session.get(SESSION_KEY, {}) | {poster.code: token.hex}
    content = services.draft_content(draft) if draft else {}
    again = request.session.pop(AGAIN_KEY, {}).get(poster.code) if "again" in request.GET else None
    return _step_page(request, poster, STEPS[0](again), token, content)  # ticks start empty, also on the way back


def _step_page(request, poster: Poster, form: Step, token: uuid.UUID, content: dict) -> HttpResponse:
    keys = _keys(content)
    place = keys.index(form.key)
    back = keys[place - 1] if place else None
    context = {
        "poster": poster,
        "form": form,
        "form_token": token,
        "notice": current_notice() if form.key == STEPS[0].key else None,
        "position": place + 1,
        "total": len(keys) + 1,
        "back_url": _address(poster, back) if back else None,
        "then": CHECK if request.GET.get("then") == CHECK else "",
        "is_saved": bool(content),
        "via": "invitation" if request.GET.get("via") == "invitation" else "",
    }
    first = form.key == STEPS[0].key
    return render(request, "members/public/first.html" if first else "members/public/step.html", context)


def _check_page(request, poster: Poster, draft: Draft, error: str = "") -> HttpResponse:
    content = services.draft_content(draft)
    keys = _keys(content)
    context = {
        "poster": poster,
        "form_token": draft.form_token,
        "answers": [line for key in keys[1:] for line in _lines(key, content[key], poster)],
        "consents": [Consent.Item(item).label for item in content["notice"]["consents"]],
        "consents_url": _address(poster, STEPS[0].key, then=True),
        "back_url": _address(poster, keys[-1]),
        "error": error,
        "total": len(keys) + 1,
    }
    return render(request, "members/public/check.html", context)


def _lines(key: str, saved: dict, poster: Poster) -> list[tuple[str, str, str]]:
    """(label, text, where to change it) of what was answered in one step."""
    shown = {
        "sex": lambda value: Member.Sex(value).label if value != Member.Sex.UNKNOWN else "未填",
        "standing": lambda value: Member.Standing(value).label,
        "occupation": lambda value: Member.Occupation(value).label,
        "id_number": identity.grouped,
    }
    if saved.get("home_unknown"):
        saved = {"home_unknown": "不清楚"}
    url = _address(poster, key, then=True)
    return [
        (LABELS[name], shown.get(name, str)(value) or "未填", url)
        for name, value in saved.items()
        if value is not False
    ]


# --- sending ----------------------------------------------------------------------------------------------------------


def _sent(request: HttpRequest, poster: Poster) -> HttpResponse:
    token = _posted_token(request)
    if token is None:
        return expired(request, poster)
    if answers.is_sent(identity.receipt_code(token)):
        return _to_receipt(token)
    if not limits.may_post(request, poster=poster.code):
        return busy(request)
    if token != _session_token(request, poster):
        return expired(request, poster)
    key = request.POST.get("step", "")
    if key == DISCARD:
        services.draft_drop(token)
        return redirect(_address(poster, STEPS[0].key))
    if key == CHECK:
        return _submit(request, poster, token)
    if key not in FORMS:
        return expired(request, poster)
    return _save_step(request, poster, token, FORMS[key](request.POST))


def _save_step(request, poster: Poster, token: uuid.UUID, form: Step) -> HttpResponse:
    draft = services.draft_find(token)
    content = services.draft_content(draft) if draft else {}
    if draft is None and form.key != STEPS[0].key:
        return expired(request, poster)
    if form.key not in _keys(content):
        return redirect(_address(poster, CHECK))
    if not form.is_valid():
        return _asked_again(request, poster, token, form, content)
    typed = {key: sent for key, sent in content.get(TYPED, {}).items() if key != form.key}
    answered: dict[str, Any] = {form.key: form.cleaned_data, TYPED: typed}
    if form.key == STEPS[0].key:
        notice = current_notice()
        saved = {"consents": form.consents(), "version": notice.version}  # type: ignore[attr-defined, union-attr]
        if request.POST.get("via") == "invitation":
            saved["channel"] = Registration.Channel.INVITATION
        answered[form.key] = saved
        if Consent.Item.ID_NUMBER not in saved["consents"]:
            answered["number"] = None  # a withdrawn tick takes the number along
            typed.pop("number", None)
    draft = services.draft_save(form_token=token, poster=poster, **answered)
    content = services.draft_content(draft)
    if request.POST.get("then") == CHECK:
        return redirect(_address(poster, _first_missing(content) or CHECK))
    keys = [*_keys(content), CHECK]
    return redirect(_address(poster, keys[keys.index(form.key) + 1]))


def _asked_again(request, poster: Poster, token: uuid.UUID, form: Step, content: dict) -> HttpResponse:
    """The same step by its own address, with what was typed: a page that answered a POST and may not be stored is a
    dead end for the browser's back button."""
    typed = {name: request.POST[name][:LONGEST_TYPED] for name in form.fields if name in request.POST}
    address = _address(poster, form.key, then=request.POST.get("then") == CHECK)
    if form.key != STEPS[0].key:
        services.draft_save(form_token=token, poster=poster, typed=content.get(TYPED, {}) | {form.key: typed})
        return redirect(address)
    request.session[AGAIN_KEY] = {poster.code: typed}  # not in a draft: before consent nothing is kept
    return redirect(address + "&again=1" + ("&via=invitation" if request.POST.get("via") == "invitation" else ""))


def _submit(request, poster: Poster, token: uuid.UUID) -> HttpResponse:
    draft = services.draft_find(token)
    if draft is None:  # gone a moment ago: the other of two equal posts was faster
        return _to_receipt(token) if answers.is_sent(identity.receipt_code(token)) else expired(request, poster)
    content = services.draft_content(draft)
    if missing := _first_missing(content):
        return redirect(_address(poster, missing))
    if changes_since(content["notice"]["version"]):  # while the form was being filled in: the words are read again
        services.draft_save(form_token=token, poster=poster, notice=None)
        messages.info(request, "告知书刚刚有变更：请重新阅读，再逐项勾选。")
        return redirect(_address(poster, STEPS[0].key, then=True))
    sent = {
        "form_token": str(token),
        "code": identity.receipt_code(token),
        "answers": {name: value for key in _keys(content)[1:] for name, value in content[key].items()},
        "consents": content["notice"]["consents"],
        "notice": content["notice"]["version"],
        "channel": content["notice"].get("channel", Registration.Channel.POSTER),
        "poster": poster.code,
    }
    try:
        inbox.send("registration", sent, key=str(token))
    except inbox.REFUSALS as error:
        return _check_page(request, poster, draft, str(error))
    answers.remember_sent(sent["code"])
    services.draft_drop(token)
    return _to_receipt(token)


def _to_receipt(form_token: uuid.UUID) -> HttpResponseRedirect:
    return redirect("members:receipt", code=identity.receipt_code(form_token))


# --- where one is ---------------------------------------------------------------------------------------------------


def _keys(content: dict) -> list[str]:
    """The steps of this form in order: without the tick nobody is asked for the number."""
    with_number = Consent.Item.ID_NUMBER in (content.get("notice") or {}).get("consents", [])
    return [step.key for step in STEPS if step.key != "number" or with_number]


def _first_missing(content: dict) -> str | None:
    return next((key for key in _keys(content) if not content.get(key)), None)


def _position(key: str, content: dict) -> int:
    return [*FORMS].index(key)


def _address(poster: Poster, key: str, *, then: bool = False) -> str:
    return reverse("members:poster", args=[poster.code]) + f"?step={key}" + ("&then=check" if then else "")


def _session_token(request: HttpRequest, poster: Poster) -> uuid.UUID | None:
    saved = request.session.get(SESSION_KEY, {}).get(poster.code)
    return uuid.UUID(saved) if saved else None


def _posted_token(request: HttpRequest) -> uuid.UUID | None:
    try:
        return uuid.UUID(request.POST.get("form_token", ""))
    except ValueError:
        return None
