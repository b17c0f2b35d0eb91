"""A file of leads and the forms of the same persons at the same time: nobody is registered twice."""

import threading
import uuid
from datetime import datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.utils import timezone

from accounts.wall import everywhere
from members import services
from members.imports import lead_undo, leads
from members.models import Receipt, Registration
from members.services.agreed import Agreement
from members.services.leads import Opening, registrations_take
from members.services.staged import StagedLeads
from tables.models import Batch
from tables.register import Cannot
from tables.services import batch_apply, batch_check, batch_confirm, batch_start, batch_take_back, batch_undo
from tests import factories
from tests.markets import files
from tests.members import make
from tests.members.test_import_leads import lead

NEEDED = frozenset({"membership", "home_verify"})


@pytest.fixture
def city(db):
    return factories.make_city()


class Beside(threading.Thread):
    """Work in a thread of its own, with a connection of its own."""

    def __init__(self, work) -> None:
        super().__init__(daemon=True)
        self.work, self.found, self.error = work, None, None
        self.start()

    def run(self) -> None:
        try:
            self.found = self.work()
        except Exception as error:  # noqa: BLE001  handed to the test
            self.error = error
        finally:
            connection.close()

    def result(self):
        self.join(20)
        assert not self.is_alive()
        if self.error:
            raise self.error
        return self.found


def race(city) -> tuple[bool, Receipt]:
    """A form of somebody whom a file has written but not committed: did it wait, and what came of it?"""
    notice, poster = make.notice(), make.station_poster(city.yuehai)
    answers = services.Answers(name="张三丰", phone=make.phone(), home_unknown=True)
    written, go_on = threading.Event(), threading.Event()

    def file() -> None:
        agreement = Agreement(answers.phone, notice.version, timezone.now())
        origin = services.Origin(
            channel="intake", confirmation="reference", guidance_station=city.yuehai, agreement=agreement
        )
        with transaction.atomic():
            staged = StagedLeads()
            staged.open([Opening(answers, NEEDED, notice, origin, agreement)])
            leads.lock_people([{"phone": answers.phone}])
            staged.write(lambda *_: None)
            written.set()
            go_on.wait(20)

    def form() -> Receipt:
        return services.registration_submit(
            form_token=uuid.uuid4(),
            answers=answers,
            consents=set(NEEDED),
            notice=notice,
            origin=services.Origin(poster=poster),
        )

    writing = Beside(file)
    assert written.wait(20)
    sending = Beside(form)
    sending.join(0.5)
    waited = sending.is_alive()
    go_on.set()
    writing.result()
    return waited, sending.result()


@pytest.mark.django_db(transaction=True)
def test_a_form_waits_for_a_file_and_joins(city):
    waited, receipt = race(city)
    assert waited and receipt.is_joined and Registration.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_control_without_the_locks_the_same_person_is_registered_twice(city, monkeypatch):
    monkeypatch.setattr(services.submit, "lock_keys", lambda *keys: None)
    waited, receipt = race(city)
    assert not waited and not receipt.is_joined and Registration.objects.count() == 2


@pytest.mark.parametrize("known", [False, True])
def test_who_reports_or_withdraws_while_a_file_waits_for_them_is_judged_as_they_stand_then(
    city, tmp_path, monkeypatch, known
):
    make.notice()
    row = lead(身份证号="")
    mine = make.registration(city.lianhua, phone=row["手机号"]) if known else None
    lock = leads.lock_people

    def locking(said):
        if mine:
            services.registration_withdraw(registration=mine, by=None)
        else:
            make.registration(city.yuehai, phone=row["手机号"])
        lock(said)

    monkeypatch.setattr(leads, "lock_people", locking)
    officer = factories.make_user("officer", city.city)
    path = files.write(tmp_path / "file.csv", [row, lead()])
    answer = files.import_file(path, officer, target="lead")
    assert (answer["new"], answer["duplicate"], answer["joined"]) == ((2, 0, 0) if known else (1, 1, 1))
    assert Registration.objects.showing_a_person().count() == 2


def test_a_file_is_not_written_when_one_of_its_persons_reported_since_it_was_checked(city, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    make.notice()
    row, by = lead(身份证号=""), factories.make_user("officer", city.yuehai)
    upload = SimpleUploadedFile("线索.csv", files.to_csv([row, lead()]).encode())
    batch = batch_start(by=by, target_name="lead", uploads=[upload])
    batch_check(batch=batch)
    assert batch.counts["new"] == 2
    make.registration(city.yuehai, phone=row["手机号"])
    batch_confirm(batch=batch, by=by)
    with pytest.raises(Cannot, match="请重新检查"):
        batch_apply(batch=batch)
    assert not Registration.objects.filter(channel="intake").exists()


@pytest.mark.parametrize("meanwhile", ["nothing", "reports", "withdraws", "is_told_by_an_event"])
def test_a_long_file_is_judged_without_locks_and_refused_where_one_of_its_persons_acted_meanwhile(
    city, tmp_path, monkeypatch, meanwhile
):
    notice, officer = make.notice(), factories.make_user("officer", city.city)
    monkeypatch.setattr(leads.LeadReading, "at_once", 2)
    row, known, lock = lead(身份证号=""), make.registration(city.lianhua), leads.lock_everybody

    def locking():
        make.registration(city.yuehai)  # somebody of whom the file says nothing
        if meanwhile == "reports":
            make.registration(city.yuehai, phone=row["手机号"])
        elif meanwhile == "withdraws":
            services.registration_withdraw(registration=known, by=None)
        elif meanwhile == "is_told_by_an_event":  # and withdrew since
            agreed_at = timezone.make_aware(datetime.fromisoformat(row["同意时间"]))
            agreement = Agreement(row["手机号"], notice.version, agreed_at)
            origin = services.Origin(
                channel="intake", confirmation="reference", guidance_station=city.yuehai, agreement=agreement
            )
            answers = services.Answers(name="张示例", phone=row["手机号"], home_unknown=True)
            (taken,) = registrations_take([Opening(answers, NEEDED, notice, origin, agreement)])
            services.registration_withdraw(registration=taken.registration, by=None)
        lock()

    monkeypatch.setattr(leads, "lock_everybody", locking)
    path = files.write(tmp_path / "file.csv", [row, lead(), lead(手机号=known.phone, 身份证号="")])
    answer = files.import_file(path, officer, target="lead")
    if meanwhile == "nothing":
        assert (answer["new"], answer["joined"]) == (2, 1) and Registration.objects.count() == 4
        assert list(known.receipts.order_by("pk").values_list("is_joined", flat=True)) == [False, True]
    else:
        assert answer["error"] == leads.CHANGED_MEANWHILE
        assert not Registration.objects.exclude(pk=known.pk).exists()  # the transaction's, ours of the test too


@pytest.mark.parametrize("mode", ["check", "write"])
def test_a_file_in_pieces_is_judged_as_one(city, tmp_path, monkeypatch, mode):
    """Who stands twice, what was agreed to twice and who is known, whichever piece they are in; also where the pieces
    before are written already."""
    make.notice()
    monkeypatch.setattr(leads.LeadReading, "at_once", 2)
    known = make.registration(city.lianhua)
    first, third = lead(), lead(身份证号="")
    rows = [
        first,
        lead(),
        first | {"手机号": make.phone()},  # the same number
        third,
        lead(手机号=first["手机号"], 身份证号=""),  # the first one's phone
        first | {"身份证号": make.id_number()},  # the first one's consent
        lead(手机号=known.phone, 身份证号=""),
        third,
        lead(),
    ]
    options = ["--dry-run"] if mode == "check" else []
    path, officer = files.write(tmp_path / "file.csv", rows), factories.make_user("officer", city.city)
    answer = files.import_file(path, officer, *options, target="lead")
    assert (answer["new"], answer["duplicate"], answer["joined"]) == (4, 5, 1)
    reasons = {error["row"]: error["reason"] for error in answer["errors"]}
    assert {row: "第 2 行" in reason for row, reason in reasons.items()} == {
        4: True, 6: True, 7: True, 8: False, 9: False,
    } and "第 5 行" in reasons[9]  # fmt: skip
    assert Registration.objects.count() == (1 if mode == "check" else 5)
    if mode == "write":
        again = files.import_file(path, officer, target="lead")
        assert (again["new"], again["unchanged"], again["duplicate"], again["joined"]) == (0, 5, 4, 0)


def test_one_consent_of_one_phone_opens_one_registration(city, tmp_path):
    make.notice()
    row = lead()
    path = files.write(tmp_path / "file.csv", [row, row | {"身份证号": make.id_number(), "姓名": "李示例"}])
    answer = files.import_file(path, factories.make_user("officer", city.city), target="lead")
    assert (answer["new"], answer["duplicate"]) == (1, 1) and "第 2 行" in answer["errors"][0]["reason"]
    assert Registration.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_undo_asks_without_locks_and_leaves_who_reported_or_is_worked_on_meanwhile(city, tmp_path, monkeypatch):
    make.notice()
    officer, rows = factories.make_user("officer", city.city), [lead(), lead(), lead()]
    files.import_file(files.write(tmp_path / "file.csv", rows), officer, target="lead")
    reports, verified, _ = (Registration.objects.get(phone_tail=row["手机号"][-4:]) for row in rows)
    lock, held, go_on = lead_undo.lock_keys, threading.Event(), threading.Event()
    before: list[int] = []
    holding: list[Beside] = []

    def hold() -> None:
        """Who verifies has the row, and asks for the person's lock next."""
        with transaction.atomic(), everywhere():
            Registration.objects.select_for_update().get(pk=verified.pk)
            held.set()
            go_on.wait(20)

    def locking(*indexes):
        before.extend(Registration.objects.values_list("pk", flat=True))
        Beside(lambda: make.registration(city.yuehai, phone=rows[0]["手机号"])).result()
        holding.append(Beside(hold))
        assert held.wait(20)
        lock(*indexes)

    monkeypatch.setattr(lead_undo, "lock_keys", locking)
    batch = Batch.objects.get()
    batch_undo(batch=batch, by=officer)
    batch.refresh_from_db()
    batch_take_back(batch=batch, by=officer)
    go_on.set()
    holding[0].result()
    assert len(before) == 3  # nothing was taken away until everybody was locked
    assert dict(batch.conflicts.values_list("record_id", "kind")) == {reports.pk: "referred", verified.pk: "edited"}
    assert set(Registration.objects.values_list("pk", flat=True)) == {reports.pk, verified.pk}
