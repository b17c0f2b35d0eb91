"""The inbox of the staff side and the box that fills it, without a second process."""

import base64
import json
import re
import uuid
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError, connection
from django.utils import timezone

from accounts.crypto import CannotDecrypt
from accounts.models import AuditEvent
from accounts.sealed_box import fill, fingerprint, key_pair, open_box
from members import answers, identity, inbox, sealing, services
from members.errors import Refused
from members.models import Answer, Receipt, Registration, Submission
from tests import factories
from tests.members import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(settings):
    public, private = key_pair()
    settings.FACE, settings.INBOX_PRIVATE_KEYS, settings.INBOX_PUBLIC_KEY = "staff", [private], public
    return public


@pytest.fixture
def put(settings, pair):
    """As the public face puts it in."""

    def put(kind: str, content: dict, key: str = "") -> None:
        settings.IS_PUBLIC_FACE = True
        inbox.send(kind, content, key=key or str(uuid.uuid4()))
        settings.IS_PUBLIC_FACE = False

    return put


@pytest.fixture
def heard(monkeypatch):
    """What a kind of its own was given, in order."""
    given: list = []
    monkeypatch.setitem(inbox._handlers, "tried", lambda content, sent_at: given.append(content["number"]))
    return given


def test_a_box_opens_for_its_purpose_with_its_key_only():
    (public, private), (_, other) = key_pair(), key_pair()
    box = fill(b"x" * 100, recipient=public, what="a")
    assert open_box(box, privates=[private], what="a") == b"x" * 100
    assert box != fill(b"x" * 100, recipient=public, what="a")
    for place in range(0, len(box), 7):
        with pytest.raises(CannotDecrypt):
            open_box(box[:place] + bytes([box[place] ^ 1]) + box[place + 1 :], privates=[private], what="a")
    for changed in ({"privates": [other]}, {"what": "b"}):
        with pytest.raises(CannotDecrypt):
            open_box(box, **{"privates": [private], "what": "a", **changed})
    with pytest.raises(CannotDecrypt):
        open_box(box[:20], privates=[private], what="a")


def test_taken_once_in_the_order_it_came(put, heard):
    for number in (1, 2, 1):
        put("tried", {"number": number}, key=str(number))
    assert (inbox.take_all(), inbox.take_all(), heard) == (2, 0, [1, 2])
    assert set(Submission.objects.values_list("outcome", "box")) == {("taken", None)}


def test_a_box_moved_to_another_row_does_not_open(put, heard):
    put("tried", {"number": 1}, key="1")
    box = Submission.objects.get().box
    Submission.objects.create(kind="tried", box=bytes(box))
    inbox.take_all()
    assert heard == [1]
    assert Submission.objects.get(outcome="broken").box is not None
    assert AuditEvent.objects.get(act="members.inbox.broken").detail["kind"] == "tried"


def test_what_did_not_open_is_taken_once_the_key_is_right(put, heard, settings, capsys):
    right = settings.INBOX_PRIVATE_KEYS
    put("tried", {"number": 1})
    settings.INBOX_PRIVATE_KEYS = [key_pair()[1]]
    inbox.take_all()
    assert heard == [] and Submission.objects.get().outcome == "broken"
    settings.INBOX_PRIVATE_KEYS = right
    call_command("take_inbox", "--again")
    assert heard == [1] and "取了 1 件；打不开的 0 件" in capsys.readouterr().out


def test_the_pair_is_changed_without_a_gap(put, heard, settings, capsys, tmp_path):
    (old,), old_public = settings.INBOX_PRIVATE_KEYS, settings.INBOX_PUBLIC_KEY
    put("tried", {"number": 1})
    call_command("inbox_keys", f"--new={tmp_path / 'pair'}")
    made, told = tmp_path / "pair" / "inbox.key", capsys.readouterr().out
    assert made.stat().st_mode & 0o777 == 0o600 and made.read_text().strip() not in told
    with pytest.raises(CommandError, match="没有覆盖"):
        call_command("inbox_keys", f"--new={tmp_path / 'pair'}")
    settings.INBOX_PRIVATE_KEYS = [base64.b64decode(made.read_text()), old]
    settings.INBOX_PUBLIC_KEY = base64.b64decode(re.search(r"INBOX_PUBLIC_KEY：(\S+)", told)[1])
    put("tried", {"number": 2})
    name = fingerprint(old_public).hex()
    with pytest.raises(CommandError, match="还有 1 件收件"):
        call_command("inbox_keys", f"--retire={name}")
    with pytest.raises(CommandError, match="没有指纹为"):
        call_command("inbox_keys", "--retire=00000000")
    inbox.take_all()
    assert heard == [1, 2]
    call_command("inbox_keys")
    call_command("inbox_keys", f"--retire={name}")
    assert "可以从 INBOX_PRIVATE_KEY 删去" in capsys.readouterr().out
    with pytest.raises(CommandError, match="正在用"):
        call_command("inbox_keys", f"--retire={fingerprint(settings.INBOX_PUBLIC_KEY).hex()}")


def test_a_bug_keeps_the_box_and_a_refusal_tells_the_person(put, monkeypatch, city):
    def wrong(content, sent_at):
        raise {"bug": KeyError("x"), "no": Refused("不能办理。")}[content["how"]]

    monkeypatch.setitem(inbox._handlers, "tried", wrong)
    code = identity.receipt_code(uuid.uuid4())
    put("tried", {"how": "bug"}, key="1")
    put("tried", {"how": "no", "code": code}, key="2")
    inbox.take_all()
    kept = dict(Submission.objects.values_list("outcome", "box"))
    assert kept["refused"] is None and kept["broken"] is not None
    assert public_reads(code, answers.REFUSED) == "不能办理。"


POISON = {  # whoever took the public face over holds the key that seals, and may add rows
    "cut short": lambda said: {"raw": b'{"'},
    "nested without end": lambda said: {"raw": b"[" * 100_000},
    "no object": lambda said: {"raw": b"5"},
    "longer than its column": lambda said: {"workplace": "甲" * 500},
    "a name that no roll takes": lambda said: {"name": "甲" * 61},
    "no choice": lambda said: {"standing": "nothing"},
    "a NUL": lambda said: {"workplace": "a\0"},
    "a consent of its own": lambda said: {"consents": [*said["consents"], "nothing"]},
    "before all time": lambda said: {"at": "4000-01-01 BC"},
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_what_cannot_be_taken_is_laid_aside_and_stands_before_nobody(pair, put, heard, city, poison):
    poster, kind, pk = make.station_poster(city.yuehai), "registration", uuid.uuid4()
    said = form_of(poster)
    changed = poison(said)
    raw, at = changed.pop("raw", None), changed.pop("at", "2026-01-01")
    said |= {name: changed.pop(name) for name in list(changed) if name in said}
    said["answers"] |= changed
    box = fill(raw or json.dumps(said).encode(), recipient=pair, what=inbox.bound_to(kind, pk))
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO members_submission (id, kind, box, received_at) VALUES (%s, %s, %s, %s)",
                       [pk, kind, box, at])  # fmt: skip
    put("tried", {"number": 1})
    assert inbox.take_all() == 2 and heard == [1]
    assert Submission.objects.values_list("outcome", flat=True).get(pk=pk) == "broken"
    assert not Registration.objects.exists()
    assert AuditEvent.objects.get(act="members.inbox.broken").detail == {"kind": kind, "id": str(pk)}


def test_what_another_writer_or_an_absent_database_stopped_is_tried_again(put, monkeypatch):
    errors = [IntegrityError("x"), OperationalError("away")]
    monkeypatch.setitem(inbox._handlers, "tried", lambda content, sent_at: errors and throw(errors.pop(0)))
    put("tried", {})
    with pytest.raises(OperationalError):
        inbox.take_all()
    assert Submission.objects.get().taken_at is None and inbox.take_all() == 1
    assert Submission.objects.get().outcome == "taken"


def throw(error: Exception):
    raise error


def public_reads(code: str, name: str):
    """As the public face opens it; that its role reads it is in test_faces.py."""
    kept = Answer.objects.filter(code_index=identity.receipt_index(code)).first()
    return json.loads(sealing.unseal(kept.sealed, code=code, what=answers.WHAT)).get(name) if kept else None


def form_of(poster) -> dict:
    """What the public face sends once a form is whole."""
    token = uuid.uuid4()
    return {
        "form_token": str(token), "code": identity.receipt_code(token), "consents": sorted(make.NEEDED),
        "answers": {"name": "张三丰", "phone": "13800138000", "home_unknown": True},
        "notice": make.notice().version, "channel": "poster", "poster": poster.code,
    }  # fmt: skip


def test_a_form_counts_from_when_it_was_sent(put, city):
    content = form_of(make.station_poster(city.yuehai))
    put("registration", content)
    sent_at = timezone.now() - timedelta(days=3)
    Submission.objects.update(received_at=sent_at)
    inbox.take_all()
    receipt = Receipt.objects.get()
    assert receipt.made_at == receipt.registration.submitted_at == sent_at
    assert set(receipt.registration.consents.values_list("given_at", flat=True)) == {sent_at}
    assert public_reads(content["code"], "page")["standing"]["label"] == "已收到"


def test_both_faces_show_the_same(pair, city):
    receipt = make.submit(make.station_poster(city.yuehai))
    services.registration_verify(registration=receipt.registration, method="document", by=None)
    receipt.refresh_from_db()
    services.rights_request(receipt=receipt, kind="explain", details="为什么")
    code = identity.receipt_code(receipt.form_token)
    answers.write_all()
    assert public_reads(code, "masked") is None and public_reads(code, "check_ins") is None
    for name in ("page", "copies", "masked", "check_ins"):
        answers.wanted({"code": code, "part": name}, timezone.now())
        assert public_reads(code, name) == answers.read(code, name), name


def test_what_was_written_in_bulk_is_answered_and_what_is_gone_is_not(pair, city):
    receipts = [make.submit(make.station_poster(city.yuehai)) for _ in range(3)]
    Answer.objects.create(code_index=b"x" * 32, sealed=b"")
    assert (answers.write_missing(), answers.write_missing(), answers.write_all()) == (3, 0, 3)
    assert {bytes(one) for one in Answer.objects.values_list("code_index", flat=True)} == {
        bytes(one.code_index) for one in receipts
    }


def test_an_answer_opens_with_its_code_only(pair, city):
    receipt, other = (make.submit(make.station_poster(city.yuehai)) for _ in range(2))
    answers.write([receipt])
    wrong = identity.receipt_code(other.form_token)
    Answer.objects.update(code_index=identity.receipt_index(wrong))
    with pytest.raises(CannotDecrypt):
        public_reads(wrong, "page")


def test_an_officers_entry_is_there_for_the_tap_until_it_ends(pair, city):
    make.notice()
    token = uuid.uuid4()
    said = {"name": "张三丰", "phone": "13800138000"}
    services.counter_start(
        form_token=token, answers=said, consents=[], guidance_station=city.yuehai, by=factories.make_user()
    )
    code = identity.receipt_code(token)
    asked = public_reads(code, answers.AGREE)
    assert tuple(asked["lines"][0]) == ("姓名", "张*") and "张三丰" not in json.dumps(asked, ensure_ascii=False)
    services.draft_drop(token)
    answers.write_all()
    assert public_reads(code, answers.AGREE) is None


def test_old_submissions_go(put, heard):
    put("tried", {"number": 1})
    inbox.take_all()
    assert inbox.forget() == 0
    Submission.objects.update(taken_at=make.days_ago(61))
    assert inbox.forget() == 1
