"""Documents on record: editions, digests, codes, files, and their end."""

import os
from datetime import date, timedelta

import pytest
from django.db import ProgrammingError, transaction
from django.utils import timezone

from accounts.models import AuditEvent
from reports import printing
from reports.models import PrintedDocument, PrintedFile
from tests import factories as make
from tests.reports.helpers import today

pytestmark = pytest.mark.django_db
MONTH = date(2026, 10, 1)


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)


@pytest.fixture
def city():
    return make.make_city()


def create(unit, source="a", **more):
    return printing.document_create(
        **{
            "kind": "monthly", "unit": unit, "period": MONTH, "as_of": date(2026, 10, 31), "title": "月报",
            "body": {"lines": [1, 2]}, "source": source, "classification": "internal", "by": None, **more,
        }
    )  # fmt: skip


def test_a_document_is_kept_whole_with_its_number_and_written_down(city):
    leader = make.make_user("leader", city.city)
    document, is_new = create(city.yuehai, by=leader)
    assert is_new and document.number == f"YB202610-Z{city.yuehai.code}-01"
    assert document.content["document"]["number"] == document.number and document.content["lines"] == [1, 2]
    document.refresh_from_db()
    assert printing.is_whole(document)
    document.content["lines"] = [1, 3]
    assert not printing.is_whole(document)
    event = AuditEvent.objects.get(act="reports.printed.make")
    assert event.actor == leader and event.detail["digest"] == document.digest


def test_the_same_source_makes_no_further_edition_and_another_takes_its_place(city):
    first, _ = create(city.yuehai)
    again, is_new = create(city.yuehai)
    assert (again, is_new) == (first, False)
    second, _ = create(city.yuehai, source="b")
    assert second.edition == 2 and second.content["document"]["replaces"] == first.number
    assert (printing.standing(first), printing.standing(second)) == ("superseded", "valid")
    elsewhere, _ = create(city.lianhua)
    line, _ = create(city.divisions["yuehai"])
    assert elsewhere.edition == line.edition == 1 and printing.standing(elsewhere) == "valid"


def test_a_void_document_holds_no_more_and_the_one_before_it_holds_again(city):
    leader = make.make_user("leader", city.city)
    first, _ = create(city.yuehai)
    second, _ = create(city.yuehai, source="b")
    with pytest.raises(printing.PrintRefused, match="写明"):
        printing.document_void(document=second, by=leader, reason="  ")
    printing.document_void(document=second, by=leader, reason="单位名称有误")
    assert (printing.standing(first), printing.standing(second)) == ("valid", "void")
    with pytest.raises(printing.PrintRefused, match="已经作废"):
        printing.document_void(document=second, by=leader, reason="再来一次")
    third, is_new = create(city.yuehai, source="b")
    assert is_new and third.edition == 3


def test_nobody_changes_or_removes_a_document(city):
    document, _ = create(city.yuehai)
    for act in (
        lambda: PrintedDocument.objects.filter(pk=document.pk).update(title="别的"),
        lambda: PrintedDocument.objects.filter(pk=document.pk).delete(),
    ):
        with pytest.raises(ProgrammingError), transaction.atomic():
            act()


def test_a_code_is_read_however_it_is_typed():
    code = printing.new_code()
    assert printing.read_code(printing.spoken_code(code).lower()) == code
    assert printing.read_code(f"　{printing.spoken_code(code)} ".translate({45: "－"})) == code
    assert printing.read_code("…") == ""


def test_files_are_kept_with_their_digest_and_removed_in_time(city, settings):
    document, _ = create(city.yuehai)
    first = printing.file_store(document=document, format="pdf", content=b"%PDF-1")
    second = printing.file_store(document=document, format="pdf", content=b"%PDF-2")
    assert printing.kept_file(document, "pdf") == second
    assert printing.path_of(second).read_bytes() == b"%PDF-2"
    assert printing.path_of(second).stat().st_mode & 0o777 == 0o600
    assert printing.retention() == 0  # what was just written may belong to work under way
    later = timezone.localdate() + timedelta(days=2)
    with today(later):
        assert printing.retention() == 1  # the first one's bytes
    assert printing.kept_file(document, "pdf") == second
    with today(later + timedelta(days=printing.KEPT_DAYS)):
        assert printing.retention() == 1
    assert printing.kept_file(document, "pdf") is None
    assert os.listdir(f"{settings.MEDIA_ROOT}/printed") == []
    assert PrintedFile.objects.get(digest=first.digest).document == document  # a copy is still recognised
