"""Which rows and units of the audit somebody means: by a number, by a code, or by the address of a page pasted as it is."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.apps import apps
from django.urls import Resolver404, resolve

from orgs.models import Organization

ROOMS = ("accounts", "jobs", "tables", "orgs", "markets", "members", "stations", "reports")
LARGEST = 2**63 - 1
# Pages about one row, and whose row it is. Of the admin and of the API the address itself tells.
PAGES = {
    "accounts:measure": "accounts.user",
    "accounts:sessions_of": "accounts.user",
    "accounts:tokens_of": "accounts.user",
    "jobs:detail": "jobs.job",
    "lists:approval": "tables.exportapproval",
    "lists:bulk_result": "jobs.job",
    "lists:download": "tables.export",
    "markets:business_detail": "markets.business",
    "markets:difference": "markets.sourcedifference",
    "markets:market_detail": "markets.market",
    "members:detail": "members.member",
    "members:registration": "members.registration",
    "members:rights_answer": "members.rightsrequest",
    "orgs:detail": "orgs.organization",
    "orgs:grant_end": "orgs.posting",
    "reports:alarm": "reports.alarm",
    "reports:audit_event": "accounts.auditevent",
    "reports:closing": "reports.monthclosing",
    "reports:evaluation": "reports.evaluation",
    "reports:filled_form": "reports.filledform",
    "reports:goal": "reports.goal",
    "reports:plan": "reports.plan",
    "reports:printed": "reports.printeddocument",
    "reports:report_form": "reports.reportform",
    "reports:screen_change": "reports.screen",
    "reports:self_check": "reports.selfcheck",
    "stations:detail": "stations.servicepoint",
    "tables:batch": "tables.batch",
}


class NotFound(ValueError):
    """What was typed names nothing; Chinese, for the person who typed it."""


@dataclass(frozen=True)
class Subject:
    """A row by its number. `types`: its model, and the page by which its refusals are known; none: whatever has it."""

    pk: int
    types: list[str] = field(default_factory=list)


def kinds() -> list[tuple[str, str]]:
    """Every kind of row that an event may be about: (model, what it is called)."""
    found = [model for room in ROOMS for model in apps.get_app_config(room).get_models()]
    return [(model._meta.label_lower, str(model._meta.verbose_name)) for model in found]


def kind_name(label: str) -> str:
    """What a model is called, or a page: a refusal knows its row by the page's name only."""
    return dict(kinds()).get(PAGES.get(label, label), label)


def subject_of(text: str, kind: str = "") -> Subject:
    """Raises NotFound."""
    text = text.strip()
    if number := _number(text):
        pages = [page for page, model in PAGES.items() if model == kind]
        return Subject(number, [kind, *pages] if kind else [])
    return _of_page(text)


def unit_of(text: str) -> Organization:
    """By code, by number or by the address of its page. Raises NotFound."""
    text = text.strip()
    found = Organization.objects.filter(code__iexact=text).first()
    if found is None and (number := _number(text)):
        found = Organization.objects.filter(pk=number).first()
    if found is None and "/" in text:
        subject, code = _resolved(text), _match(text).kwargs.get("code", "")
        by = {"pk": subject.pk} if subject and "orgs.organization" in subject.types else {"code": code}
        found = Organization.objects.filter(**by).first()
    if found is None:
        raise NotFound("没有这样的单位。请填单位代码、编号，或粘贴单位页面的地址。")
    return found


def with_subtree(unit: Organization) -> list[int]:
    return list(Organization.objects.within(unit).order_by().values_list("pk", flat=True))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= LARGEST else None


def _match(text: str):
    try:
        return resolve(urlsplit(text).path)
    except (Resolver404, ValueError):
        raise NotFound("认不出这个地址。请粘贴本系统里一条记录的页面地址，或填它的编号。") from None


def _of_page(text: str) -> Subject:
    if (found := _resolved(text)) is None:
        raise NotFound("这个页面不是关于某一条记录的。请粘贴一条记录自己的页面地址，或填它的编号。")
    return found


def _resolved(text: str) -> Subject | None:
    match = _match(text)
    numbers = [number for value in match.kwargs.values() if (number := _number(str(value)))]
    if not numbers:
        return None
    return Subject(numbers[-1], [name for name in (_model_of(match), match.view_name) if name])


def _model_of(match) -> str:
    view = getattr(match.func, "view_class", None) or getattr(match.func, "cls", None)
    admin = getattr(match.func, "model_admin", None)
    if admin is not None:
        return admin.model._meta.label_lower
    queryset = getattr(view, "queryset", None)
    if queryset is not None:
        return queryset.model._meta.label_lower
    return PAGES.get(match.view_name, "")
