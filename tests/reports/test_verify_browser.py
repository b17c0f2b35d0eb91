"""The holder of a file finds out in the browser whether it is the one that was made; the file stays there."""

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from reports import monthly_making, printing
from tests import factories as make
from tests.reports.helpers import refresh

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_altered_file_is_told_apart_from_the_one_that_was_made(live_server, page, settings, tmp_path):
    cache.clear()
    settings.MEDIA_ROOT = str(tmp_path)
    city = make.make_city()
    refresh()
    document, _ = monthly_making.document_of(
        city.nanshan, timezone.localdate().replace(day=1), classification="internal", address="", by=None
    )
    printing.file_store(document=document, format="pdf", content=b"%PDF-1 12 ")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.goto(live_server.url + reverse("reports:verified", args=[document.code]))
    field, said = page.get_by_label("有 PDF 文件的，在这里选它"), page.locator("[data-file-digests] [role=status]")
    for bytes_, word in ((b"%PDF-1 13 ", "对不上"), (b"%PDF-1 12 ", "一字未改")):
        field.set_input_files({"name": "月报.pdf", "mimeType": "application/pdf", "buffer": bytes_})
        said.filter(has_text=word).wait_for()
    assert set(sent) == {"GET"}  # nothing left this machine
