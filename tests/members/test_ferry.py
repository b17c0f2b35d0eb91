"""Files carried between two databases that no line joins: what arrives, what is refused, and what a killed run leaves."""

import base64
import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection

from accounts import index_key
from accounts.models import AuditEvent, IndexKey
from members import answers, ferry, identity, inbox
from members.ferry import book, outgoing
from members.ferry.files import SIGNED_AS
from members.models import Answer, FerryFile, Notice, Poster, Receipt, Submission
from tests import factories
from tests.conftest import as_owner
from tests.members import make
from tests.setup.test_public_role import RIGHTS

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def heard(monkeypatch):
    given: list = []
    monkeypatch.setitem(inbox._handlers, "tried", lambda content, sent_at: given.append(content["number"]))
    return given


def test_everything_goes_there_and_back(sides, heard):
    city = factories.make_city()
    notice = make.notice()
    poster = make.station_poster(city.yuehai)
    receipt = make.submit(poster)
    answers.write_all()
    for number in (1, 2):
        sides.send("tried", {"number": number}, str(number))
    sides.turn()
    assert heard == [1, 2] and sides.waiting() == []
    code = identity.receipt_code(receipt.form_token)
    with sides.public("public_web"):
        assert answers.read(code, "page")["standing"]["label"] == "已收到"
        assert Poster.objects.on_the_wall().get().organization.name == poster.organization.name
        assert Notice.objects.get().digest == notice.digest

    sides.send("tried", {"number": 2}, "2")  # the phone sends it again
    poster.withdrawn_at = make.days_ago(0)
    poster.save()
    Receipt.objects.all().delete()
    answers.write_all()
    sides.turn()
    assert heard == [1, 2] and Answer.objects.get().sealed == b""
    with sides.public("public_web"):
        assert answers.read(code, "page") is None and not Poster.objects.on_the_wall().exists()
    sides.turn()
    answers.write_all()
    assert not Answer.objects.exists()

    told = {(event.act, event.detail["number"]) for event in AuditEvent.objects.filter(act__startswith="members.ferry")}
    assert told == {(f"members.ferry.{act}", number) for act in ("make", "take") for number in (1, 2, 3)}


def test_only_what_changed_is_sent_again_until_it_is_told_to_be_there(sides):
    poster = make.station_poster(factories.make_city().yuehai)
    receipts = [make.submit(poster) for _ in range(2)]
    answers.write_all()
    lost, second = sides.out(), sides.out()
    assert count(lost) == count(second) == 2
    answers.write(receipts[:1])
    third = sides.out()
    assert count(third) == 2
    with sides.public():
        with pytest.raises(ferry.FerryRefused, match="缺第 1、2 号文件"):
            ferry.ferry_in(third)
        ferry.ferry_in(third, lost=[1, 2])
    ferry.ferry_in(sides.public_out())
    assert count(sides.out()) == 0
    answers.write(receipts[:1])
    assert count(sides.out()) == 1 and count(sides.out(whole=True)) == 2


def count(path: Path, name: str = "members_answer") -> int:
    return json.loads(path.read_text().splitlines()[0])["counts"].get(name, 0)


# --- refusals ---------------------------------------------------------------------------------------------------------


def rewritten(path: Path, key=None, **changes) -> None:
    """The header said otherwise, and signed again where `key` is given."""
    head, signature, rows = path.read_bytes().split(b"\n", 2)
    head = json.dumps(json.loads(head) | changes).encode()
    signature = base64.b64encode(key.sign(SIGNED_AS + head)) if key else signature
    path.write_bytes(b"\n".join((head, signature, rows)))


def flipped(path: Path, place: int) -> None:
    text = bytearray(path.read_bytes())
    text[place] ^= 1
    path.write_bytes(text)


DAMAGE = {
    "a row": (lambda path, sides: flipped(path, -20), "与签名不符"),
    "the header": (lambda path, sides: rewritten(path, number=1, counts={}), "签名不对"),
    "cut off": (lambda path, sides: path.write_bytes(path.read_bytes()[:-30]), "不完整"),
    "one more row": (lambda path, sides: path.write_bytes(path.read_bytes() + b'["members_submission", {}]\n'), "与签名不符"),
    "empty": (lambda path, sides: path.write_bytes(b""), "不是摆渡文件"),
    "something else": (lambda path, sides: path.write_bytes(b"\x00\xff" * 9000), "不是摆渡文件"),
    "number in words": (lambda path, sides: rewritten(path, number="1"), "不是摆渡文件"),
    "nested without end": (lambda path, sides: path.write_bytes(b"[" * 9000), "不是摆渡文件"),
    "a key that writes to the screen": (
        lambda path, sides: path.write_bytes(path.read_bytes().replace(b'"key": "', b'"key": "\\u001b[2J', 1)), "不是摆渡文件",
    ),
    "more than the book takes": (lambda path, sides: rewritten(path, sides.key["public"], heard=2**31), "不是摆渡文件"),
    "counts in words": (lambda path, sides: rewritten(path, sides.key["public"], counts={"a": "1"}), "不是摆渡文件"),
    "a later format": (lambda path, sides: rewritten(path, sides.key["public"], format=2), "格式是第 2 版"),
    "the other direction": (lambda path, sides: rewritten(path, sides.key["public"], direction="to-public"), "方向不对"),
    "the other direction, by the own key": (
        lambda path, sides: rewritten(path, sides.key["staff"], direction="to-public"), "换成另一侧生成的文件",
    ),
    "a gap": (lambda path, sides: rewritten(path, sides.key["public"], number=3), "缺第 1、2 号文件"),
    "a gap without end": (lambda path, sides: rewritten(path, sides.key["public"], number=2**31 - 1), "缺第 1 到 2147483646 号"),
    "the key of nobody": (
        lambda path, sides: setattr(sides.settings, "FERRY_TRUSTED", sides.trusted["staff"]), "不在 FERRY_TRUSTED",
    ),
}  # fmt: skip


def test_what_is_not_as_it_was_made_is_refused_and_nothing_is_written(sides, heard):
    sides.send("tried", {"number": 1}, "1")
    good = sides.public_out().read_bytes()
    for name, (damage, told) in DAMAGE.items():
        path = sides.disk / "carried.jsonl"
        path.write_bytes(good)
        damage(path, sides)
        with pytest.raises(ferry.FerryRefused, match=told):
            ferry.ferry_in(path)
        sides.settings.FERRY_TRUSTED = sides.trusted["public"]
        assert not Submission.objects.exists() and not FerryFile.objects.exists(), name
    assert AuditEvent.objects.filter(act="members.ferry.refuse", succeeded=False).count() == len(DAMAGE)
    path.write_bytes(good)  # the control
    assert not ferry.ferry_in(path).is_repeated and Submission.objects.count() == 1


def test_rows_that_do_not_fit_take_the_good_ones_with_them(sides, monkeypatch):
    good = {
        "id": "6f2c1c1e-5a0e-4f8e-9d52-6f7f0d6d2a10",
        "kind": "tried",
        "box": "\\x00",
        "received_at": "2026-11-01T00:00Z",
    }
    for bad in ({"kind": "x" * 21}, {"box": None}, {"id": "no"}, {"kind": "a\x00b"}):
        rows = [
            ("members_submission", json.dumps(row))
            for row in (good, good | {"id": bad.get("id", good["id"][::-1])} | bad)
        ]
        monkeypatch.setattr(outgoing, "_of_the_public", lambda rows=rows: iter(rows))
        path = sides.public_out()
        rewritten(path, sides.key["public"], number=1)
        with pytest.raises(ferry.FerryRefused, match="全部没有写入"):
            ferry.ferry_in(path)
    for row in (("members_member", "{}"), ("members_submission", "[" * 100_000)):
        monkeypatch.setattr(outgoing, "_of_the_public", lambda row=row: iter([row]))
        path = sides.public_out()
        rewritten(path, sides.key["public"], number=1)
        with pytest.raises(ferry.FerryRefused, match="不认识的内容"):
            ferry.ferry_in(path)
    assert not Submission.objects.exists() and not FerryFile.objects.exists()


def test_a_file_that_comes_again_is_told_so_long_after_the_inbox_forgot_it(sides, heard):
    sides.send("tried", {"number": 1}, "1")
    first = sides.public_out()
    ferry.ferry_in(first)
    inbox.take_all()
    Submission.objects.update(taken_at=make.days_ago(61))
    assert inbox.forget() == 0  # it may come again: the public side has not been told
    ferry.ferry_in(sides.public_out())
    inbox.take_all()
    assert heard == [1]
    sides.public_in(sides.out())
    ferry.ferry_in(sides.public_out())
    Submission.objects.update(taken_at=make.days_ago(61))
    assert inbox.forget() == 1
    assert ferry.ferry_in(first).is_repeated and not Submission.objects.exists() and heard == [1]
    rewritten(first, sides.key["public"], digest="0" * 64)
    with pytest.raises(ferry.FerryRefused, match="与签名不符"):
        ferry.ferry_in(first)


def test_a_public_side_that_was_put_back_goes_on_after_what_is_known(sides, heard):
    for number in (1, 2):
        sides.send("tried", {"number": number}, str(number))
        ferry.ferry_in(sides.public_out())
    with sides.public("owner"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM members_ferryfile")
        cursor.execute("DELETE FROM members_submission")
    sides.send("tried", {"number": 3}, "3")
    with pytest.raises(ferry.FerryRefused, match="已经取过，但不是这一份"):
        ferry.ferry_in(sides.public_out())
    sides.out()
    sides.public_in(sides.out(whole=True))  # a number is missing before it: it needs none
    ferry.ferry_in(sides.public_out())
    inbox.take_all()
    assert heard == [1, 2, 3] and book.last(FerryFile.Direction.TO_STAFF) == 3


# --- killed in between ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["write_file", "note", "_name"])
def test_killed_while_a_file_is_made_nothing_is_lost_and_nothing_goes_twice(sides, heard, monkeypatch, place):
    """write_file: the file is half-way; note: it is whole, the book does not know; _name: the book knows, it has no name."""
    sides.send("tried", {"number": 1}, "1")

    def die(*args, **kwargs):
        if place == "write_file":
            args[0].write_bytes(b'{"format": 1, "num')
        raise Killed

    where = {"write_file": outgoing.files, "note": outgoing.book, "_name": outgoing}[place]
    with monkeypatch.context() as patch:
        patch.setattr(where, place, die)
        with pytest.raises(Killed):
            sides.public_out()
    assert not list(sides.disk.glob("*.jsonl"))  # the control: killed, there is no file to carry
    sides.send("tried", {"number": 2}, "2")
    with sides.public():
        made = ferry.ferry_out(sides.disk, sides.key["public"])
    assert [path.name[-10:] for path in made] == ["0001.jsonl", "0002.jsonl"][: 2 if place == "_name" else 1]
    assert sorted(sides.disk.iterdir()) == made
    for path in made:
        ferry.ferry_in(path)
    inbox.take_all()
    assert heard == [1, 2]


def test_a_second_run_that_names_the_file_first_is_no_failure(sides, monkeypatch):
    write_file = outgoing.files.write_file

    def overtaken(part, *args):
        """As the run that waited for us would, between our commit and our naming."""
        write_file(part, *args)
        part.rename(part.with_suffix(".jsonl"))

    monkeypatch.setattr(outgoing.files, "write_file", overtaken)
    assert sides.public_out().exists()


def test_killed_while_a_file_is_taken_it_is_taken_whole_the_next_time(sides, heard, monkeypatch):
    sides.send("tried", {"number": 1}, "1")
    path = sides.public_out()
    with monkeypatch.context() as patch:
        patch.setattr("members.ferry.incoming._enter", lambda header: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            ferry.ferry_in(path)
    assert not Submission.objects.exists()
    assert not ferry.ferry_in(path).is_repeated and ferry.ferry_in(path).is_repeated
    assert len(sides.waiting()) == 1  # no acknowledgement came back: it stays, and comes again
    ferry.ferry_in(sides.public_out())
    inbox.take_all()
    assert heard == [1]
    back = sides.out()
    with monkeypatch.context() as patch:
        patch.setattr("members.ferry.incoming._enter", lambda header: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            sides.public_in(back)
    assert len(sides.waiting()) == 1
    sides.send("tried", {"number": 2}, "2")
    sides.public_in(back)
    (left,) = sides.waiting()
    assert left not in {str(pk) for pk in Submission.objects.values_list("pk", flat=True)}  # only what arrived went


# --- who may what -----------------------------------------------------------------------------------------------------


def test_the_public_database_has_these_tables_and_its_roles_these_rights(sides):
    with sides.public("owner"), connection.cursor() as cursor:
        call_command("ferry_database", stdout=StringIO())  # again: nothing to do
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        tables = {name for (name,) in cursor.fetchall()}
        assert tables == {table for table, _ in RIGHTS} | {"members_answer", "members_ferryfile"}
        cursor.execute(
            "SELECT c.relname, r, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0,"
            " unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) r WHERE c.relkind = 'r'"
            " AND c.relnamespace = 'public'::regnamespace AND has_column_privilege('public_web', c.oid, a.attname, r)"
        )
        found: dict = {}
        for table, right, column in cursor.fetchall():
            found.setdefault((table, right), set()).add(column)
        assert found == RIGHTS
        cursor.execute(
            "SELECT t, has_table_privilege('public_ferry', t, 'UPDATE'), has_table_privilege('public_ferry', t, 'DELETE')"
            " FROM unnest(ARRAY['members_ferryfile', 'members_submission']) t"
        )
        assert cursor.fetchall() == [("members_ferryfile", False, False), ("members_submission", False, True)]


def test_a_public_side_with_another_key_of_receipts_does_not_start_once_the_staff_side_was_heard(sides, settings):
    kept = {"fingerprint": index_key.fingerprint(), "receipts": index_key.fingerprint(settings.RECEIPT_KEY)}
    with as_owner():
        IndexKey.objects.update_or_create(pk=1, defaults=kept)
    path, right = sides.out(), settings.RECEIPT_KEY
    with sides.public():
        call_command("ferry_in", path)
    with sides.public("public_web"):
        index_key.index_key_check()
        settings.RECEIPT_KEY = b"o" * 32
        with pytest.raises(ImproperlyConfigured, match="公众侧和工作侧要相同"):
            index_key.index_key_check()
    settings.RECEIPT_KEY = right


def test_a_key_that_others_can_read_is_not_used(sides, capsys):
    sides.staff_key_file.chmod(0o640)
    with pytest.raises(CommandError, match="chmod 600"):
        call_command("ferry_out", sides.disk)
    with pytest.raises(CommandError, match="没有覆盖"):
        call_command("ferry_keys", sides.staff_key_file.parent)
    sides.staff_key_file.chmod(0o600)
    call_command("ferry_out", sides.disk)
    with sides.public():
        call_command("ferry_in", sides.disk / "xgz-to-public-000001.jsonl")
        call_command("ferry_in", sides.disk / "xgz-to-public-000001.jsonl")
    told = capsys.readouterr().out
    assert "第 1 号已取" in told and "第 1 号已经取过，没有再写入" in told


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_tells_numbers_and_what_did_not_come(sides, client):
    client.force_login(factories.make_user(duty="system"))
    assert "一份也没有取过" not in client.get("/ferry/").content.decode()  # the database of the tests is new
    sides.settings.FERRY_LATE_HOURS = -1
    assert "一份也没有取过" in client.get("/ferry/").content.decode()
    sides.settings.FERRY_LATE_HOURS = 24
    lost, second = sides.public_out(), sides.public_out()
    ferry.ferry_in(second, lost=[1])
    sides.out()
    page = client.get("/ferry/").content.decode()
    assert "登记为遗失" in page and "对方还没有告知收到" in page and "传递停了" not in page
    assert json.loads(second.read_text().splitlines()[0])["digest"][:16] in page and str(lost) not in page
    sides.settings.FERRY_LATE_HOURS = -1
    page = client.get("/ferry/").content.decode()
    assert "没有取到公众侧的文件" in page and "第 1 号起，公众侧超过" in page
    sides.public_in(sides.disk / "xgz-to-public-000001.jsonl")
    ferry.ferry_in(sides.public_out())
    page = client.get("/ferry/").content.decode()
    assert "对方已收到" in page and "公众侧超过" not in page
    assert 'href="/ferry/"' in client.get("/me/").content.decode()


def test_where_the_sides_are_joined_there_is_no_such_page_in_the_menu(db, client):
    client.force_login(factories.make_user(duty="system"))
    assert "直接相连" in client.get("/ferry/").content.decode()
    assert 'href="/ferry/"' not in client.get("/me/").content.decode()
