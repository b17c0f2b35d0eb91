"""重新取得同意: at the window, through the sealed inbox and the ferry, and what other departments tell of older words."""

import re
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from members import answers, identity, inbox
from members.models import Consent, Receipt, Registration, Submission
from tests import factories
from tests.markets import files
from tests.members import make
from tests.members.intake_tools import item, make_client, person, results
from tests.members.test_consent_anew import CHANGE, agree, changed, live, page, reported, text, url
from tests.members.test_import_leads import lead
from tests.members.test_inbox import pair, put  # noqa: F401  (fixtures)
from tests.members.test_public import Phone

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_limits")]


# --- at the window -----------------------------------------------------------------------------------------------------


def ask_at_the_window(desk, receipt: Receipt, *items: str) -> str:
    address = reverse("members:registration_anew", args=[receipt.registration_id])
    assert CHANGE in text(desk.get(address))
    response = desk.post(address, dict.fromkeys(items, "on"))
    assert response.status_code == 302, text(response)
    return response.url


def test_the_person_at_the_window_agrees_by_the_code_to_their_phone(city, desk, settings):
    settings.DEMO = True
    receipt = reported(city)
    changed()
    entry = ask_at_the_window(desk, receipt, *make.NEEDED, "id_number")
    sent = text(desk.post(entry, {"send": "1"}))
    assert identity.receipt_code(receipt.form_token) not in sent
    assert {version for _, version in live(receipt)} == {"2026-2"}
    code = re.search(r"data-demo-code>(\d{6})<", sent).group(1)
    assert desk.post(entry, {"code": f"{(int(code) + 1) % 10**6:06d}"}).status_code == 422
    assert "已重新取得同意" in text(desk.post(entry, {"code": code}, follow=True))
    kept = Consent.objects.in_force().values_list("item", "channel", "reference")
    assert {tuple(row) for row in kept} == {
        (item, "counter", "在窗口，短信确认码") for item in (*make.NEEDED, "id_number")
    }
    assert not Consent.objects.live().filter(item="check_in").exists()
    assert "请您重新决定" not in page(receipt)


def test_the_person_at_the_window_agrees_by_an_own_tap_that_opens_no_receipt(city, desk):
    receipt = reported(city)
    changed()
    entry = ask_at_the_window(desk, receipt, *make.NEEDED)
    own = reverse("members:receipt", args=[identity.receipt_code(uuid.UUID(entry.strip("/").rsplit("/", 1)[-1]))])
    person = Client()
    shown = text(person.get(own))
    assert CHANGE in shown and "张三丰" not in shown and "checked" not in shown
    person.post(own, dict.fromkeys((*make.NEEDED, "check_in"), "on"))
    assert {row.item for row in Consent.objects.in_force()} == {*make.NEEDED, "check_in"}
    after = text(person.get(own))
    assert "已经记下您的同意" in after and url(receipt, "receipt") not in after
    assert "已重新取得同意" in text(desk.get(entry))
    assert Client().get(f"{own}copy/").status_code == 404
    assert Receipt.objects.count() == 1


def test_only_who_may_act_there_asks_and_only_while_it_is_due(city, desk):
    receipt = reported(city)
    other = Client()
    other.force_login(factories.make_user("officer", city.lianhua))
    address = reverse("members:registration_anew", args=[receipt.registration_id])
    changed()
    assert other.get(address).status_code == 404
    entry = ask_at_the_window(desk, receipt, *make.NEEDED)
    assert other.get(entry).status_code == 404
    agree(receipt, *make.NEEDED)
    assert "不用重新取得同意" in text(desk.post(address, dict.fromkeys(make.NEEDED, "on")))


def test_what_the_message_named_is_what_was_agreed_to(city, desk, settings):
    """Published between the message and the code: the person heard of the version before."""
    settings.DEMO = True
    receipt = reported(city)
    changed()
    entry = ask_at_the_window(desk, receipt, *make.NEEDED)
    code = re.search(r"data-demo-code>(\d{6})<", text(desk.post(entry, {"send": "1"}))).group(1)
    changed("再改")
    desk.post(entry, {"code": code})
    assert {version for _, version in live(receipt)} == {"2026-2", "改后"} and "请您重新决定" in page(receipt)


# --- the public face ---------------------------------------------------------------------------------------------------


def test_the_answer_comes_through_the_sealed_inbox_with_its_own_time(put, city):  # noqa: F811
    receipt = reported(city)
    code = identity.receipt_code(receipt.form_token)
    answers.write_all()
    changed()
    put("anew", {"code": code, "consents": sorted({*make.NEEDED, "check_in"}), "notice": "改后"})
    sent_at = timezone.now() - timedelta(hours=3)
    Submission.objects.update(received_at=sent_at)
    assert not Consent.objects.in_force().exists()
    inbox.take_all()
    assert Submission.objects.get().outcome == "taken"
    assert set(Consent.objects.in_force().values_list("item", "given_at", "reference")) == {
        (one, sent_at, "本人在回执上") for one in (*make.NEEDED, "check_in")
    }
    assert Registration.objects.get().id_number is None


def test_a_form_that_was_being_filled_in_is_asked_again(city):
    make.notice()
    phone = Phone(make.station_poster(city.yuehai))
    phone.fill()
    make.later_notice("只改电话")
    changed()
    response = phone.send("check")
    assert "step=notice" in response.url and not Registration.objects.exists()
    assert "告知书刚刚有变更" in text(phone.client.get(response.url))
    phone.send("notice", **dict.fromkeys(make.NEEDED, "on"))
    phone.send("check")
    assert set(Consent.objects.values_list("notice__version", flat=True)) == {"改后"}


# --- told by others ----------------------------------------------------------------------------------------------------


def test_a_file_with_a_consent_to_older_words_registers_nobody(city, officer, tmp_path):
    make.notice()
    row = lead()

    def bring(row: dict) -> dict:
        return files.import_file(files.write(tmp_path / "file.csv", [row]), officer, target="lead")

    assert bring(row)["new"] == 1
    changed()
    assert bring(row)["unchanged"] == 1  # the same consent: it stands already, and is asked anew like any other
    answer = bring(lead())
    assert (answer["wrong"], Registration.objects.count()) == (1, 1)
    assert "须重新取得同意" in answer["errors"][0]["reason"] and answer["errors"][0]["column"] == "告知书版本"
    assert bring(lead(告知书版本="改后"))["new"] == 1


def test_the_intake_takes_no_consent_to_older_words(city, client):
    old = make.notice()
    sender = make_client(city.city)
    new = changed()
    given = [results(client, sender, item(persons=[person(notice)]))[0]["persons"][0] for notice in (old, new)]
    assert given[0]["code"] == "consent_missing" and "须重新取得同意" in given[0]["message"]
    assert given[1]["result"] == "received"
    assert set(Consent.objects.values_list("notice__version", flat=True)) == {"改后"}
