"""Moving, merging and closing in the admin: one page each, first what will move, then the act."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse

from orgs import life
from orgs.models import Organization
from orgs.organization_forms import PERMISSION, ActForm, CloseForm, MergeForm, MoveForm, tell
from orgs.services import TreeError, organization_close, organization_merge, organization_move

CLASH = "目标单位下有名称或编号相同的记录，没有办成。请先改名或清理重复后再办。"


@dataclass(frozen=True)
class Act:
    """`run(organization, data, by)` does it; `intro` says what it is; `done` what was done."""

    title: str
    intro: str
    done: str
    form: type[ActForm]
    run: Callable[[Organization, dict, Any], Organization]


def _move(organization: Organization, data: dict, by) -> Organization:
    return organization_move(
        organization=organization, parent=data["target"], by=by, on=data["on"], document=data["document"]
    )


def _merge(organization: Organization, data: dict, by) -> Organization:
    return organization_merge(
        source=organization, target=data["target"], by=by, on=data["on"], document=data["document"]
    )


def _close(organization: Organization, data: dict, by) -> Organization:
    return organization_close(organization=organization, by=by, on=data["on"], document=data["document"])


ACTS = {
    "move": Act("调整隶属", "连同全部下级一起移到新上级下面；所在街道和区不变。", "已调整隶属。", MoveForm, _move),
    "merge": Act("合并", "下级和名下的记录归并入的组织，然后撤销本组织。", "已合并。", MergeForm, _merge),
    "close": Act("撤销", "撤销后不再计入统计，记录和沿革保留。", "已撤销。", CloseForm, _close),
}


def may_act(user, organization: Organization) -> bool:
    """Both ends: the organization and its present parent. Nobody takes the own unit out of its superior's hands."""
    return (
        organization.parent is not None
        and organization.closed_on is None
        and user.has_perm(PERMISSION, organization)
        and user.has_perm(PERMISSION, organization.parent)
    )


def act_page(request, model_admin, object_id: str, name: str):
    act = ACTS[name]
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    organization = model_admin.get_object(request, object_id)
    if organization is None:
        raise Http404
    if not may_act(request.user, organization):
        raise PermissionDenied
    form = act.form(request.POST or None, organization=organization, user=request.user)
    is_valid = request.method == "POST" and form.is_valid()
    if is_valid and "confirm" in request.POST and _done(act, form, organization, request.user):
        messages.success(request, f"{organization.name}：{act.done}")
        return redirect(reverse("admin:orgs_organization_change", args=[organization.pk]))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"{act.title}：{organization.name}",
        "opts": model_admin.opts,
        "original": organization,
        "act": act,
        "form": form,
        "consequences": life.consequences(organization),
        "reasons": life.reasons_against_closing(organization, form.cleaned_data["on"])
        if is_valid and name == "close"
        else [],
        "to_confirm": is_valid and form.is_valid(),
    }
    return render(request, "admin/orgs/organization/act.html", context)


def _done(act: Act, form: ActForm, organization: Organization, by) -> bool:
    try:
        with transaction.atomic():
            act.run(organization, form.cleaned_data, by)
    except TreeError as error:
        tell(form, error)
        return False
    except IntegrityError:
        form.add_error(None, CLASH)
        return False
    return True
