"""What only an anchor kept elsewhere can tell: events and seals rewritten alike, by somebody who holds the seal key."""

import json
import shutil
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from accounts import heads, seals
from accounts.chain import links
from accounts.models import AuditEvent, AuditSeal
from accounts.tasks import audit_head
from accounts.verification import verify
from tests import factories as make
from tests.accounts.test_seals import record
from tests.accounts.test_verification import EVENTS, SEALS, chain  # noqa: F401  (a fixture)


@pytest.fixture
def anchored(chain, settings, tmp_path):  # noqa: F811
    """Twenty sealed events, their head on disk and a copy of it outside; `anchored.tamper("UPDATE …")`."""
    settings.MEDIA_ROOT = str(tmp_path)
    path = heads.head_export()
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.copy(path, outside)
    chain.outside = outside
    return chain


def rewrite(tamper, *statements: str) -> None:
    """As the owner who holds the seal key: change what one likes, then make a chain that follows."""
    tamper(*statements)
    previous = seals.GENESIS
    for place, link in enumerate(list(links()), 1):
        previous = seals.link_hash(previous, link.row)
        tamper(
            f"UPDATE {SEALS} SET sequence = {place}, hash = '\\x{previous.hex()}' WHERE event_id = {link.event}",
        )


def named(folder) -> list[tuple]:
    known = [heads.read_head(path) for path in sorted(folder.glob("*.json"))]
    return [(found.kind, found.sequence, found.event) for found in verify(known).findings]


REWRITES = {
    "an act changed": (["UPDATE {events} SET act = 'x' WHERE id = {nine}"], ("rewritten", 9)),
    "a time changed": (["UPDATE {events} SET at = at - interval '9 minutes' WHERE id = {nine}"], ("rewritten", 9)),
    "one in the middle removed": (
        ["DELETE FROM {seals} WHERE event_id = {nine}", "DELETE FROM {events} WHERE id = {nine}"],
        ("rewritten", 9),
    ),
    "the last one removed": (
        ["DELETE FROM {seals} WHERE event_id = {last}", "DELETE FROM {events} WHERE id = {last}"],
        ("cut_off", 20),
    ),
    "two swapped": (
        [
            "UPDATE {seals} SET sequence = -1 WHERE sequence = 9",
            "UPDATE {seals} SET sequence = 9 WHERE sequence = 12",
            "UPDATE {seals} SET sequence = 12 WHERE sequence = -1",
        ],
        ("rewritten", 9),
    ),
}


@pytest.mark.parametrize("case", REWRITES)
def test_a_chain_rewritten_with_the_seal_key_is_found_by_the_anchored_head(anchored, case):
    statements, (kind, sequence) = REWRITES[case]
    names = {"events": EVENTS, "seals": SEALS, "nine": anchored.ids[8], "last": anchored.ids[19]}
    rewrite(anchored, *(statement.format(**names) for statement in statements))
    assert verify().sound  # the chain itself tells nothing: this is what the anchor is for
    assert named(anchored.outside)[0][:2] == (kind, sequence)


def test_the_heads_kept_here_are_compared_where_none_are_named(anchored):
    """Whoever holds the database alone deletes the seals; the sealer seals what they made of it anew."""
    anchored(f"DELETE FROM {SEALS}", f"UPDATE {EVENTS} SET act = 'x' WHERE id = {anchored.ids[8]}")
    seals.seal()
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_audit", stdout=out)
    assert f"第 9 号（事件 {anchored.ids[8]}）" in out.getvalue()


def test_every_rewritten_row_is_named_and_no_other(anchored):
    rewrite(anchored, f"UPDATE {EVENTS} SET purpose = 'x' WHERE id IN ({anchored.ids[3]}, {anchored.ids[16]})")
    assert named(anchored.outside) == [("rewritten", 4, anchored.ids[3]), ("rewritten", 17, anchored.ids[16])]


def test_an_event_put_in_between_with_the_seal_key_is_found(anchored):
    false = record(66)
    rewrite(
        anchored,
        f"UPDATE {SEALS} SET sequence = -sequence WHERE sequence >= 9",
        f"UPDATE {SEALS} SET sequence = 1 - sequence WHERE sequence < 0",
        f"INSERT INTO {SEALS} (sequence, event_id, hash, horizon) VALUES (9, {false.pk}, '\\x01', 0)",
    )
    assert verify().sound
    assert named(anchored.outside)[0] == ("rewritten", 9, false.pk)


def test_seals_that_were_rewritten_over_the_same_events_are_found(anchored):
    """Another horizon or key changes no event: the hash of the head itself is compared as well."""
    anchored(f"UPDATE {SEALS} SET hash = '\\x01' WHERE sequence = 20")
    known = [heads.read_head(path) for path in anchored.outside.glob("*.json")]
    assert [found.sequence for found in verify(known).findings] == [20]


def test_what_comes_after_the_head_is_no_fault(anchored):
    record(1)
    seals.seal()
    assert named(anchored.outside) == []
    known = [heads.read_head(path) for path in anchored.outside.glob("*.json")]
    assert verify(known).heads == 1


@pytest.mark.parametrize(
    ("column", "value"), [("hash", "ab" * 32), ("sequence", 19), ("leaves", ""), ("made_at", "2020-01-01T00:00:00+08")]
)
def test_a_head_that_was_changed_is_refused(anchored, column, value):
    path = next(anchored.outside.glob("*.json"))
    facts = json.loads(path.read_text("utf-8")) | {column: value}
    path.chmod(0o600)
    path.write_text(json.dumps(facts), "utf-8")
    with pytest.raises(heads.BadHead, match="改动"):
        heads.read_head(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": 1}', "\x00", '{"kind": "xgz.audit-head.1", "first": "x"}'])
def test_what_is_no_head_is_refused_with_a_sentence(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text, "utf-8")
    with pytest.raises(heads.BadHead, match="不是链头文件"):
        heads.read_head(path)
    with pytest.raises(CommandError, match="不是链头文件"):
        call_command("verify_audit", "--heads", str(path), stdout=StringIO())


def test_a_head_signed_with_another_key_is_refused(anchored, settings):
    settings.AUDIT_SEAL_KEY = b"y" * 32
    with pytest.raises(heads.BadHead, match="不是本系统"):
        heads.read_head(next(anchored.outside.glob("*.json")))


def test_heads_follow_each_other_day_by_day_and_each_tells_of_its_own_links(anchored):
    seals.seal()  # the export was an act itself
    audit_head()
    second = heads.read_head(heads.files()[-1])
    assert (second.first, second.sequence) == (21, 21)
    assert heads.head_export() is None  # its own event is not sealed yet
    assert second.hash == bytes(AuditSeal.objects.get(sequence=21).hash).hex()
    acts = AuditEvent.objects.filter(act="accounts.audit.head_export").order_by("pk").values_list("detail", flat=True)
    assert [each["sequence"] for each in acts] == [20, 21]
    assert named(heads.folder()) == []


def test_a_tail_that_was_cut_off_and_grew_again_is_found(anchored):
    anchored(f"DELETE FROM {SEALS} WHERE sequence = 20", f"DELETE FROM {EVENTS} WHERE id = {anchored.ids[19]}")
    seals.seal()  # the number is given again, to the event of the export
    assert verify().sound
    assert named(anchored.outside)[0][:2] == ("rewritten", 20)


def test_no_head_is_made_behind_one_that_was_changed(anchored):
    path = heads.files()[-1]
    path.chmod(0o600)
    path.write_text("{}", "utf-8")
    with pytest.raises(CommandError, match="没有写出新的链头"):
        call_command("export_audit_head", stdout=StringIO())


def test_no_head_is_made_over_a_gap(anchored):
    for number in range(3):
        record(number)
    seals.seal()
    anchored(f"DELETE FROM {SEALS} WHERE sequence = 22")
    with pytest.raises(CommandError, match="第 22 号"):
        call_command("export_audit_head", stdout=StringIO())
    assert len(heads.files()) == 1


def test_the_files_are_only_to_read_and_the_commands_speak(anchored):
    path = heads.files()[0]
    assert path.stat().st_mode & 0o777 == 0o440
    seals.seal()
    out = StringIO()
    call_command("export_audit_head", stdout=out)
    call_command("verify_audit", "--heads", str(heads.folder()), stdout=out)
    assert heads.public_key() in out.getvalue() and "比对链头 2 个" in out.getvalue()
    empty = anchored.outside / "empty"
    empty.mkdir()
    for place, sentence in ((empty, "没有链头文件"), (empty / "none", "No such file")):
        with pytest.raises(CommandError, match=sentence):
            call_command("verify_audit", "--heads", str(place), stdout=out)


def test_a_head_says_when_its_last_event_happened(anchored):
    head = heads.read_head(heads.files()[0])
    assert timedelta(0) <= head.made - head.last < timedelta(hours=1)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT at FROM {EVENTS} WHERE id = %s", [anchored.ids[19]])
        assert cursor.fetchone()[0] == head.last


def test_the_audit_administrator_downloads_the_newest_head_and_nobody_else(anchored, client):
    address = reverse("reports:audit_head")
    seals.seal()
    client.force_login(make.make_user(duty="security"))
    assert client.post(address).status_code == 403
    client.force_login(make.make_user(duty="audit"))
    assert "下载链头文件" in client.get(reverse("reports:audit")).content.decode()
    answer = client.post(address)
    assert b"".join(answer.streaming_content) == heads.files()[-1].read_bytes() and len(heads.files()) == 2
    assert heads.files()[-1].name in answer["Content-Disposition"]
    assert AuditEvent.objects.filter(act="accounts.audit.head_download").count() == 1
    heads.files()[-1].chmod(0o600)
    heads.files()[-1].write_text("{}", "utf-8")
    assert "不是链头文件" in client.post(address, follow=True).content.decode()
