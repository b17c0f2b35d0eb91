"""Tampering as the owner of the tables could do it, one kind after the other; each is found and named."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from accounts import seals
from accounts.models import AuditEvent, AuditSeal
from accounts.verification import verify
from tests.accounts.test_seals import record

EVENTS, SEALS = "accounts_auditevent", "accounts_auditseal"


@pytest.fixture
def chain(db, owner_role):
    """Twenty sealed events, and the owner's hand: `chain("UPDATE …", …)`. The keys between tables are let go first."""
    ids = [record(number).pk for number in range(20)]
    seals.seal()

    def tamper(*statements: str) -> None:
        with owner_role(), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(f"ALTER TABLE {SEALS} DROP CONSTRAINT IF EXISTS {_key_to_event(cursor)}")
            for statement in statements:
                cursor.execute(statement)

    tamper.ids = ids
    assert verify().sound
    return tamper


def _key_to_event(cursor) -> str:
    cursor.execute("SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'f'", [SEALS])
    found = cursor.fetchone()
    return found[0] if found else "gone_already"


def finding():
    found = verify().finding
    return (found.kind, found.sequence, found.event) if found else None


def named() -> list[tuple]:
    return [(found.kind, found.sequence, found.event) for found in verify().findings]


CHANGES = {
    "at": "at + interval '1 microsecond'",
    "transaction": "transaction + 1",
    "actor_id": "NULL",
    "act": "'tests.thing.undo'",
    "subject_type": "'tests.other'",
    "subjects": "'{4}'",
    "units": "'{9}'",
    "purpose": "'x'",
    "detail": """'{"number": 8}'""",
    "succeeded": "NOT succeeded",
    "address": "'10.0.0.1'",
}


@pytest.mark.parametrize("column", [name for name in seals.COLUMNS if name not in ("id", "actor_id")])
def test_a_change_in_any_column_is_found(chain, column):
    chain(f"UPDATE {EVENTS} SET {column} = {CHANGES[column]} WHERE id = {chain.ids[6]}")
    assert finding() == ("changed", 7, chain.ids[6])


def test_an_act_put_on_somebody_else_is_found(chain):
    from tests import factories as make

    chain(f"UPDATE {EVENTS} SET actor_id = {make.make_user().pk} WHERE id = {chain.ids[6]}")
    assert finding() == ("changed", 7, chain.ids[6])


def test_a_changed_hash_is_found(chain):
    chain(f"UPDATE {SEALS} SET hash = '\\x00' WHERE sequence = 4")
    assert finding() == ("changed", 4, chain.ids[3])


def test_a_removed_event_is_found(chain):
    chain(f"DELETE FROM {EVENTS} WHERE id = {chain.ids[6]}")
    assert finding() == ("removed", 7, chain.ids[6])


def test_a_last_event_removed_without_its_seal_is_found(chain):
    chain(f"DELETE FROM {EVENTS} WHERE id = {chain.ids[19]}")
    assert finding() == ("removed", 20, chain.ids[19])


@pytest.mark.parametrize("sequence", [1, 7])
def test_an_event_removed_with_its_seal_is_found(chain, sequence):
    chain(
        f"DELETE FROM {SEALS} WHERE sequence = {sequence}",
        f"DELETE FROM {EVENTS} WHERE id = {chain.ids[sequence - 1]}",
    )
    assert finding() == ("removed", sequence, None)


def test_an_event_removed_with_its_seal_and_numbered_over_is_found(chain):
    chain(
        f"DELETE FROM {SEALS} WHERE sequence = 7",
        f"DELETE FROM {EVENTS} WHERE id = {chain.ids[6]}",
        f"UPDATE {SEALS} SET sequence = -sequence WHERE sequence > 7",
        f"UPDATE {SEALS} SET sequence = -sequence - 1 WHERE sequence < 0",
    )
    assert finding() == ("changed", 7, chain.ids[7])


def test_a_seal_removed_alone_is_found(chain):
    chain(f"DELETE FROM {SEALS} WHERE sequence = 7")
    assert finding() == ("removed", 7, None)


@pytest.mark.parametrize(("one", "other"), [(5, 6), (5, 12), (19, 20), (1, 2)])
def test_two_links_with_swapped_places_are_found(chain, one, other):
    chain(
        f"UPDATE {SEALS} SET sequence = -1 WHERE sequence = {one}",
        f"UPDATE {SEALS} SET sequence = {one} WHERE sequence = {other}",
        f"UPDATE {SEALS} SET sequence = {other} WHERE sequence = -1",
    )
    assert finding() == ("reordered", one, chain.ids[other - 1])


@pytest.mark.parametrize(("one", "other"), [(5, 6), (5, 12), (19, 20)])
def test_two_links_with_swapped_events_are_found(chain, one, other):
    first, second = chain.ids[one - 1], chain.ids[other - 1]
    spare = record(77)
    chain(
        f"UPDATE {SEALS} SET event_id = {spare.pk} WHERE sequence = {one}",
        f"UPDATE {SEALS} SET event_id = {first} WHERE sequence = {other}",
        f"UPDATE {SEALS} SET event_id = {second} WHERE sequence = {one}",
    )
    assert finding() == ("reordered", one, second)


@pytest.mark.parametrize("sequence", [1, 9, 20])
def test_a_link_inserted_between_is_found(chain, sequence):
    false = record(66)
    chain(
        f"UPDATE {SEALS} SET sequence = -sequence WHERE sequence >= {sequence}",
        f"UPDATE {SEALS} SET sequence = -sequence + 1 WHERE sequence < 0",
        f"INSERT INTO {SEALS} (sequence, event_id, hash, horizon) VALUES ({sequence}, {false.pk}, '\\x01', 0)",
    )
    assert finding() == ("inserted", sequence, false.pk)


def test_a_link_appended_without_the_key_is_found(chain):
    false = record(66)
    chain(f"INSERT INTO {SEALS} (sequence, event_id, hash, horizon) VALUES (21, {false.pk}, '\\x01', 0)")
    assert finding() == ("changed", 21, false.pk)


def test_an_event_slipped_in_behind_the_horizon_is_found_at_once(chain):
    false = record(66)
    chain(f"UPDATE {EVENTS} SET transaction = 5 WHERE id = {false.pk}")
    assert seals.seal() == 0
    assert finding() == ("unsealed", None, false.pk)


def test_an_event_that_nobody_sealed_for_a_minute_is_found_and_a_fresh_one_is_no_fault(chain):
    event = record(66)
    assert finding() is None
    chain(f"UPDATE {EVENTS} SET at = at - interval '61 seconds' WHERE id = {event.pk}")
    assert finding() == ("unsealed", None, event.pk)
    assert verify().unsealed == 1


def test_an_event_of_a_time_to_come_that_nobody_sealed_is_found_at_once(chain):
    event = record(66)
    chain(f"UPDATE {EVENTS} SET at = at + interval '9 days', transaction = 9000000000000000000 WHERE id = {event.pk}")
    assert named() == [("unsealed", None, event.pk)]


def test_every_one_of_several_faults_is_named(chain):
    false = record(66)
    chain(
        f"UPDATE {EVENTS} SET act = 'x' WHERE id = {chain.ids[15]}",
        f"DELETE FROM {EVENTS} WHERE id = {chain.ids[9]}",
        f"UPDATE {EVENTS} SET act = 'x' WHERE id = {chain.ids[4]}",
        f"DELETE FROM {SEALS} WHERE sequence = 13",
        f"UPDATE {SEALS} SET sequence = -1 WHERE sequence = 2",
        f"UPDATE {SEALS} SET sequence = 2 WHERE sequence = 7",
        f"UPDATE {SEALS} SET sequence = 7 WHERE sequence = -1",
        f"INSERT INTO {SEALS} (sequence, event_id, hash, horizon) VALUES (21, {false.pk}, '\\x01', 0)",
    )
    assert named() == [
        ("reordered", 2, chain.ids[6]),
        ("changed", 5, chain.ids[4]),
        ("removed", 10, chain.ids[9]),
        ("removed", 13, None),
        ("changed", 16, chain.ids[15]),
        ("changed", 21, false.pk),
    ]


def test_a_link_that_was_moved_is_named_once(chain):
    chain(
        f"UPDATE {SEALS} SET sequence = -sequence WHERE sequence BETWEEN 5 AND 12",
        f"UPDATE {SEALS} SET sequence = 5 WHERE sequence = -12",
        f"UPDATE {SEALS} SET sequence = 1 - sequence WHERE sequence < 0",
    )
    assert named() == [("inserted", 5, chain.ids[11])]


def test_a_chain_rewritten_from_its_middle_names_no_more_than_a_hundred(chain, monkeypatch):
    monkeypatch.setattr("accounts.verification.MOST", 3)
    chain(f"UPDATE {EVENTS} SET act = 'x'")
    assert [kind for kind, _, _ in named()] == ["changed"] * 3


def run(*words: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("verify_audit", *words, stdout=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def test_the_command_says_sound_with_the_head_of_the_chain(chain):
    code, text = run()
    head = bytes(AuditSeal.objects.get(sequence=20).hash).hex()
    assert code == 0 and "审计链完好：20 条" in text and head in text
    assert json.loads(run("--json")[1]) == {
        "sound": True, "links": 20, "head": head, "unsealed": 0, "findings": [], "heads": 0, "removed": 0,
    }  # fmt: skip


def test_the_command_fails_and_names_the_row(chain):
    chain(f"UPDATE {EVENTS} SET act = 'x' WHERE id = {chain.ids[4]}")
    code, text = run()
    assert code == 1 and f"事件 {chain.ids[4]}" in text
    code, text = run("--json")
    answer = json.loads(text)
    assert code == 1 and (answer["sound"], answer["findings"][0]["kind"], answer["links"]) == (False, "changed", 4)


def test_another_key_makes_nothing_of_the_chain(chain, settings):
    settings.AUDIT_SEAL_KEY = b"x" * 32
    assert finding() == ("changed", 1, chain.ids[0])


def test_no_events_is_sound(db):
    assert not AuditEvent.objects.exists()
    assert verify().sound and verify().links == 0


# --- written by hand and sealed by the sealer like any other ----------------------------------------------------------


@pytest.mark.parametrize("moved", ["- interval '61 minutes'", "+ interval '9 days'"])
def test_an_event_written_for_another_time_is_found_though_it_was_sealed(chain, moved):
    false = record(66)
    chain(f"UPDATE {EVENTS} SET at = at {moved} WHERE id = {false.pk}")
    assert seals.seal() == 1
    assert named() == [("inserted", 21, false.pk)]


def test_an_event_written_under_a_number_of_long_ago_is_found_though_it_was_sealed(chain):
    record(1), record(2)
    chain(f"UPDATE {EVENTS} SET at = at + interval '3 hours' WHERE id > {chain.ids[19]}")
    chain(f"UPDATE {SEALS} SET sealed_at = sealed_at + interval '3 hours'")
    seals.seal()
    chain(f"UPDATE {SEALS} SET sealed_at = sealed_at + interval '3 hours' WHERE sequence > 20")
    assert verify().sound
    false = record(66)
    chain(f"UPDATE {EVENTS} SET id = -7, at = at + interval '3 hours' WHERE id = {false.pk}")
    seals.seal()
    assert named() == [("inserted", 23, -7)]


def test_a_clock_that_was_put_back_is_told_once_and_what_follows_is_told_apart(chain):
    later = [record(number).pk for number in range(5)]
    chain(f"UPDATE {EVENTS} SET at = at - interval '90 minutes' WHERE id IN ({later[0]}, {later[1]}, {later[2]})")
    chain(f"UPDATE {EVENTS} SET at = at - interval '2 days' WHERE id = {later[4]}")
    seals.seal()
    assert named() == [("inserted", 21, later[0]), ("inserted", 25, later[4])]


GUARDS = {
    "行级策略": ["ALTER TABLE {events} ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON {events} USING (true)"],
    "规则": ["CREATE RULE r AS ON INSERT TO {events} WHERE NEW.act = 'x' DO INSTEAD NOTHING"],
    "触发器": [
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        "CREATE TRIGGER t BEFORE INSERT ON {events} FOR EACH ROW WHEN (NEW.act = 'x') EXECUTE FUNCTION f()",
    ],
    "改动或删除": ["GRANT UPDATE (purpose) ON {events} TO web"],
    "或删除": ["GRANT DELETE ON {seals} TO web"],
    "普通的表": ["ALTER TABLE {events} RENAME TO kept_elsewhere", "CREATE VIEW {events} AS TABLE kept_elsewhere",
              "GRANT SELECT ON {events} TO web"],
}  # fmt: skip


@pytest.mark.parametrize("word", GUARDS)
def test_a_guard_that_was_taken_away_is_told(chain, word):
    chain(*(statement.format(events=EVENTS, seals=SEALS) for statement in GUARDS[word]))
    faults = verify().findings
    assert {fault.kind for fault in faults} == {"unguarded"} and word in " ".join(fault.text for fault in faults)
