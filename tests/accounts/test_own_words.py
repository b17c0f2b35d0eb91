"""Nobody's number gets into what is kept in somebody's own words: it would stand in clear in the audit, for three years."""

import pytest
from django import forms
from django.contrib.admin import site
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import get_resolver

from accounts.models import AuditEvent, User
from accounts.own_words import KeptWordsField
from tables.models import Batch
from tests import factories as make
from tests.test_architecture import ORDER

WORDS = {"reason", "purpose", "note", "title", "document", "asked_by", "label", "text"}
OTHER = {
    "members.forms.staff.RefuseForm",  # erased with the person (members/services/retention.py)
    "members.forms.admin.DecideTransferForm",  # erased with the person (members/forgetting.py)
    "members.forms.admin.NoticeForm",  # everybody reads it; the bureau's telephone stands in it
    "tables.forms.GroupForm",  # the kind of a mistake, sent back as it was listed
}

# Columns of the admin that hold no own words: what a thing is called, by which code it is known, where it is.
NAMES_AND_PLACES = {
    "accounts.User": {"username", "name", "password1", "password2"},
    "orgs.Organization": {"code", "name", "short_name", "superior_name"},
    "orgs.Division": {"code", "gb2260", "mca_code", "name", "type"},
    "markets.Business": {"name", "uscc", "legacy_registration_no", "industry", "address"},
    "markets.Market": {"code", "name", "organiser", "organiser_uscc", "address"},
    "markets.BusinessCoverage": {"local_mode_name"},
    "markets.GroupOrganization": {"name"},
    "markets.IndustryArea": {"code", "industry", "name"},
    "markets.Platform": {"name", "uscc"},
    "markets.DeliverySite": {"name", "address"},
    "members.IntakeClient": {"name"},
    "members.Instructor": {"name"},
    "members.Notice": {  # everybody reads it; the bureau's telephone stands in it
        "version", "handler", "purpose", "kinds", "retention", "rights", "sensitive", "joint", "change",
    },
    "members.Transfer": {"elsewhere", "number"},  # erased with the person (members/forgetting.py)
    "stations.ServicePoint": {"code", "name", "address", "hours", "facilities"},
    "reports.ReportedFigure": {"unit"},
}  # fmt: skip


@pytest.mark.parametrize("said", ["本人来电 138 0013 8000 要求", "证件 440306199001011234", "＋86-13800138000"])
def test_a_number_of_a_person_is_refused_and_said(said):
    with pytest.raises(ValidationError, match="不能抹除"):
        KeptWordsField().clean(said)


@pytest.mark.parametrize(
    "said", ["季度例行自检", "文号 粤市监〔2026〕12 号，2026-11-28", "统一社会信用代码 91440300MA5EXAMPLE"]
)
def test_other_words_and_numbers_stay(said):
    assert KeptWordsField().clean(said) == said


@pytest.mark.parametrize("said", ["", " \u3000", "\u200b\u200b", "——", "。。"])
def test_what_says_nothing_is_nothing(said):
    with pytest.raises(ValidationError, match="必填"):
        KeptWordsField().clean(said)


def test_every_form_of_the_product_asks_so():
    get_resolver().url_patterns  # noqa: B018  (all rooms are loaded)
    known, found = [forms.BaseForm], set()
    for form in known:
        known += form.__subclasses__()
        free = {name for name, field in getattr(form, "base_fields", {}).items() if type(field) is forms.CharField}
        if form.__module__.partition(".")[0] in ORDER and free & WORDS:
            found.add(f"{form.__module__}.{form.__qualname__}")
    assert found == OTHER


@pytest.mark.django_db
def test_the_admin_asks_so_too(rf):
    """Every column that it lets one write freely; what is new there is one or the other."""
    for person in (make.make_user("registrar", make.make_city().city), make.make_user(duty=User.Duty.SECURITY)):
        request = rf.get("/")
        request.user = person
        for model, page in site._registry.items():
            if page.has_add_permission(request) or page.has_change_permission(request):
                fields = page.get_form(request).base_fields.items()
                free = {name for name, field in fields if type(field) is forms.CharField}
                assert free <= NAMES_AND_PLACES.get(model._meta.label, set()), model._meta.label


@pytest.mark.django_db
def test_a_file_that_is_called_after_a_number_is_not_taken_in(client):
    client.force_login(make.make_user("registrar", make.make_city().nanshan))
    file = SimpleUploadedFile("名册 138-0013-8000.csv", "姓名\n何无关\n".encode())
    answer = client.post("/batches/upload/", {"target": "business", "file": file, "is_full": "no"})
    assert answer.status_code == 422 and "文件名里像有" in answer.content.decode()
    assert not Batch.objects.exists()


@pytest.mark.django_db
def test_an_export_with_a_number_in_its_purpose_leaves_no_file_and_no_event(client):
    client.force_login(make.make_user("registrar", make.make_city().nanshan))
    answer = client.post("/lists/business/export/", {"purpose": "给 13800138000", "format": "csv"})
    assert answer.status_code == 422 and "不能抹除" in answer.content.decode()
    assert not AuditEvent.objects.filter(act__endswith=".export").exists()
