"""Two operators at once: files made and taken in one folder by several runs, each with transactions of its own."""

import contextlib
import json
import threading
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from members import answers, ferry, inbox
from members.ferry import book, files, outgoing
from members.models import Answer, FerryFile, Submission
from tests import factories
from tests.at_once import at_once, somebody_waits
from tests.jobs.test_runner import wait_for
from tests.members import make

pytestmark = pytest.mark.django_db(transaction=True)
OPERATORS, ROUNDS = 3, 6


@pytest.fixture
def heard(monkeypatch):
    given: list = []
    monkeypatch.setitem(inbox._handlers, "tried", lambda content, sent_at: given.append(content["number"]))
    return given


@pytest.fixture(params=["public", "staff"])
def side(request, sides):
    """This process as that side; `(run, trusted)`: how a thread of it acts, and whose files the other side takes."""
    if request.param == "staff":
        yield lambda work: work(), sides.trusted["staff"]
        return

    def there(work):
        with sides.public():
            return work()

    with sides.public():  # the settings; each thread has a connection of its own
        yield there, sides.trusted["public"]


def whole(path: Path, trusted) -> int:
    """The number of a file that can be taken."""
    with path.open("rb") as file:
        header = files.check(file, direction=book.outgoing(), trusted=trusted)
    assert path.name == files.file_name(header.direction, header.number)
    return header.number


def test_who_make_at_once_make_one_file_each(sides, side):
    run, trusted = side
    key = sides.key["public" if sides.settings.IS_PUBLIC_FACE else "staff"]
    for _ in range(ROUNDS):
        said = at_once(*[lambda: run(lambda: ferry.ferry_out(sides.disk, key))] * OPERATORS)
        assert [each for each in said if isinstance(each, Exception)] == []
    made = sorted(sides.disk.iterdir())  # and nothing half-made
    assert [whole(path, trusted) for path in made] == list(range(1, OPERATORS * ROUNDS + 1))
    rows = FerryFile.objects.filter(direction=book.outgoing()).order_by("number")
    digests = [json.loads(path.read_text().splitlines()[0])["digest"] for path in made]
    assert list(rows.values_list("digest", flat=True)) == digests


def test_control_without_the_lock_they_would_make_the_same_number(sides, monkeypatch):
    asked = threading.Barrier(2)
    truly = book.heard

    def slowly():
        with contextlib.suppress(threading.BrokenBarrierError):
            asked.wait(3)  # nobody has written before both have asked
        return truly()

    monkeypatch.setattr(book, "alone", transaction.atomic)
    monkeypatch.setattr(book, "heard", slowly)
    said = at_once(*[lambda: ferry.ferry_out(sides.disk, sides.key["staff"])] * 2)
    assert any(isinstance(each, IntegrityError | OSError) for each in said)


def test_a_file_that_its_maker_names_while_another_looks_is_left_to_its_maker(sides, monkeypatch):
    """The maker names it after its transaction: the next run may have it in its list already."""
    monkeypatch.setattr(outgoing, "_name", lambda part, path: None)
    ferry.ferry_out(sides.disk, sides.key["staff"])
    monkeypatch.undo()
    truly = Path.open

    def overtaken(path, mode="r", *args, **kwargs):
        if path.suffix == ".part" and mode == "rb":
            path.rename(path.with_suffix(".jsonl"))
        return truly(path, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", overtaken)
    assert [path.name[-12:] for path in ferry.ferry_out(sides.disk, sides.key["staff"])] == ["000002.jsonl"]
    monkeypatch.undo()
    assert [whole(path, sides.trusted["staff"]) for path in sorted(sides.disk.iterdir())] == [1, 2]


def test_a_file_taken_by_two_at_once_is_taken_once(sides, heard):
    for number in range(1, ROUNDS + 1):
        sides.send("tried", {"number": number}, str(number))
        path = sides.public_out()
        said = at_once(*[lambda path=path: ferry.ferry_in(path)] * OPERATORS)
        assert sorted(taken.is_repeated for taken in said) == [False] + [True] * (OPERATORS - 1)
        inbox.take_all()
    assert heard == list(range(1, ROUNDS + 1)) and Submission.objects.count() == ROUNDS


def test_a_file_taken_by_two_at_once_on_the_public_side(sides, heard):
    sides.send("tried", {"number": 1}, "1")
    ferry.ferry_in(sides.public_out())
    make.station_poster(factories.make_city().yuehai)
    path = sides.out()

    def take():
        with sides.public():
            return ferry.ferry_in(path).is_repeated

    with sides.public():
        said = at_once(*[take] * OPERATORS)
    assert sorted(said) == [False] + [True] * (OPERATORS - 1) and sides.waiting() == []


def test_control_without_the_lock_both_would_write_it(sides, monkeypatch):
    sides.send("tried", {"number": 1}, "1")
    path = sides.public_out()
    asked, truly = threading.Barrier(2), ferry.incoming._is_known

    def slowly(header):
        known = truly(header)
        asked.wait(10)
        return known

    monkeypatch.setattr(book, "alone", transaction.atomic)
    monkeypatch.setattr(ferry.incoming, "_is_known", slowly)
    said = at_once(*[lambda: ferry.ferry_in(path)] * 2)
    assert sorted(type(each).__name__ for each in said) == ["IntegrityError", "Taken"]  # only the book keeps it out


def test_files_taken_at_once_in_any_order_lose_nothing(sides, heard):
    """Who has the later one first is asked for the one before it, and runs again."""
    paths = []
    for number in (1, 2, 3):
        sides.send("tried", {"number": number}, str(number))
        paths.append(sides.public_out())
    taken: set = set()
    for _ in paths:
        said = at_once(*[lambda path=path: ferry.ferry_in(path) for path in reversed(paths)])
        assert all(not isinstance(each, Exception) or "缺第" in str(each) for each in said)
        taken |= {each.header.number for each in said if isinstance(each, ferry.incoming.Taken)}
    assert taken == {1, 2, 3}
    inbox.take_all()
    assert sorted(heard) == [1, 2, 3]


def test_one_makes_while_another_takes(sides, heard):
    """What the file tells to be here is here, and the round goes on."""
    for number in range(1, ROUNDS + 1):
        sides.send("tried", {"number": number}, str(number))
        path = sides.public_out()
        made, _ = at_once(
            lambda: ferry.ferry_out(sides.disk, sides.key["staff"])[-1], lambda path=path: ferry.ferry_in(path)
        )
        head, _, *rows = made.read_text().splitlines()
        arrived = [row for row in map(json.loads, rows) if row[0] == outgoing.ARRIVED]
        told = json.loads(head)["heard"]
        assert told in (number - 1, number) and bool(arrived) is (told > 0)
        sides.public_in(made)
        inbox.take_all()
    sides.turn()
    assert heard == list(range(1, ROUNDS + 1)) and sides.waiting() == []


def test_a_file_that_changes_while_it_waits_for_its_turn_is_not_taken(sides):
    """Another copies it once more over itself, or something else: what was checked must be what is written."""
    for number in range(50):
        sides.send("tried", {"number": number}, str(number))
    path = sides.public_out()
    holds, copied = threading.Event(), threading.Event()

    def other():
        with book.alone():
            holds.set()
            copied.wait(10)

    def copy():
        wait_for(somebody_waits)
        text = path.read_bytes()
        with path.open("r+b") as file:  # in place, as cp does
            file.write(text.replace(b'"tried"', b'"other"'))
        copied.set()

    def take():
        holds.wait(10)
        return ferry.ferry_in(path)

    said = at_once(other, copy, take)
    assert isinstance(said[2], ferry.FerryRefused) and "与签名不符" in str(said[2])
    assert not Submission.objects.exists() and not FerryFile.objects.exists()


def test_files_are_made_while_answers_are_written_in_any_order(sides):
    """As a night's writing and an act in between do: rows are locked in one order by all."""
    rows = [Answer(what="receipt", code_index=bytes([number]) * 32, sealed=b"x" * 200) for number in range(200)]
    answers._keep(rows)
    key, busy = sides.key["staff"], threading.Event()

    def write(rows):
        while not busy.is_set():
            answers._keep(rows)

    def make_files():
        try:
            for _ in range(30):
                ferry.ferry_out(sides.disk, key)
        finally:
            busy.set()

    said = at_once(make_files, lambda: write(list(rows)), lambda: write(rows[::-1]))
    assert said == [None] * 3
