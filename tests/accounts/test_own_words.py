"""Nobody's number gets into what is kept in somebody's own words: it would stand in clear in the audit, for three years."""

import pytest
from django import forms
from django.contrib.admin import site
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import get_resolver

from accounts.models import AuditEvent
from accounts.own_words import KeptWordsField
from markets.models import MarketPlan
from members.models import Instructor
from reports.models import ReportedFigure
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
    registrar = make.make_user("registrar", make.make_city().city)
    request = rf.get("/")
    request.user = registrar
    for model, columns in {
        MarketPlan: {"text", "responsible"},
        Instructor: {"background"},
        ReportedFigure: {"source"},
    }.items():
        fields = site._registry[model].get_form(request).base_fields
        assert all(isinstance(fields[name], KeptWordsField) for name in columns)


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
