"""What is older than three years goes as a whole beginning of the chain, and nothing else can go."""

import importlib
import sys
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts import heads, seals
from accounts.audit_retention import KEPT_AT_LEAST, events_remove_old
from accounts.chain import checkpoint_mac
from accounts.models import AuditCheckpoint, AuditEvent, AuditSeal
from accounts.tasks import audit_retention
from accounts.verification import verify
from tests.accounts.test_seals import record

EVENTS, SEALS = "accounts_auditevent", "accounts_auditseal"
OLD, YOUNG = timedelta(days=1100), timedelta(days=1090)


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
def aged(db, owner_role):
    """`aged(OLD, OLD, YOUNG)`: events of these ages, sealed in this order; their ids."""

    def make(*ages: timedelta) -> list[int]:
        events = [record(number) for number in range(len(ages))]
        with owner_role():
            for event, age in zip(events, ages, strict=True):
                at = (timezone.now() - age).isoformat()
                run(f"UPDATE {EVENTS} SET at = '{at}' WHERE id = {event.pk}")
        seals.seal()
        return [event.pk for event in events]

    return make


def kept() -> list[int]:
    return list(AuditSeal.objects.order_by("sequence").values_list("event_id", flat=True))


def kinds(*known) -> list[tuple]:
    return [(found.kind, found.sequence) for found in verify(known).findings]


def test_old_events_go_with_their_seals_and_the_chain_stays_sound(aged):
    ids = aged(*[OLD] * 5, YOUNG, YOUNG)
    audit_retention()
    assert kept() == ids[5:] and not AuditEvent.objects.filter(pk__in=ids[:5]).exists()
    point = AuditCheckpoint.objects.get()
    assert (point.first, point.sequence) == (1, 5)
    event = AuditEvent.objects.get(act="accounts.audit.remove_old")
    assert event.detail == {"first": 1, "last": 5, "rows": 5, "hash": bytes(point.hash).hex()}
    seals.seal()
    verdict = verify()
    assert (verdict.sound, verdict.links, verdict.removed) == (True, 4, 5)  # two young, the removal, the night's report
    assert events_remove_old() == 0


def test_by_batches_each_checkpoint_follows_the_one_before(aged, monkeypatch):
    monkeypatch.setattr("accounts.audit_retention.BATCH", 2)
    aged(*[OLD] * 5, YOUNG)
    assert events_remove_old() == 5
    points = AuditCheckpoint.objects.order_by("sequence").values_list("first", "sequence")
    assert list(points) == [(1, 2), (3, 4), (5, 5)]
    assert verify().sound


def test_an_old_event_behind_a_younger_one_waits_for_it(aged):
    ids = aged(OLD, YOUNG, OLD)
    assert events_remove_old() == 1
    assert kept() == ids[1:]


def test_the_newest_link_stays_so_that_the_numbers_go_on(aged):
    ids = aged(OLD, OLD)
    assert events_remove_old() == 1
    assert kept() == [ids[1]]
    seals.seal()
    assert verify().sound and AuditSeal.objects.latest("sequence").sequence == 3


def test_a_setting_keeps_longer_and_a_shorter_one_stops_the_start(aged, settings, monkeypatch):
    aged(OLD, YOUNG)
    settings.AUDIT_KEEP_DAYS = 2000
    assert events_remove_old() == 0
    monkeypatch.setenv("AUDIT_KEEP_DAYS", "1095")
    module = sys.modules["config.settings"]
    with pytest.raises(Exception, match="不得少于 1096"):
        importlib.reload(module)
    monkeypatch.delenv("AUDIT_KEEP_DAYS")
    importlib.reload(module)


def test_a_chain_that_was_tampered_with_is_left_as_it_stands(aged, owner_role):
    ids = aged(OLD, OLD, OLD, YOUNG)
    with owner_role():
        run(f"UPDATE {EVENTS} SET act = 'x' WHERE id = {ids[1]}")
    assert events_remove_old() == 0
    assert kept() == ids
    assert AuditEvent.objects.get(act="accounts.audit.remove_refused").succeeded is False


def test_a_young_event_made_to_look_old_is_not_removed(aged, owner_role):
    ids = aged(OLD, YOUNG, YOUNG)
    with owner_role():
        run(f"UPDATE {EVENTS} SET at = at - interval '99 days' WHERE id = {ids[1]}")
    assert events_remove_old() == 0 and kept() == ids


# --- the owner's function, called past the service --------------------------------------------------------------------


def point(sequence: int, first: int = 1) -> None:
    seal = AuditSeal.objects.get(sequence=sequence)
    facts = {"first": first, "sequence": sequence, "hash": bytes(seal.hash), "removed_at": timezone.now()}
    AuditCheckpoint.objects.create(**facts, mac=checkpoint_mac(**facts))


def refused(statement: str, message: str) -> None:
    with pytest.raises(DatabaseError, match=message), transaction.atomic():
        run(statement)


def test_the_function_removes_nothing_younger_than_three_years(aged):
    ids = aged(OLD, YOUNG, YOUNG)
    point(2)
    refused("SELECT audit_remove_old(2)", "未满三年")
    assert kept() == ids


def test_the_function_removes_nothing_without_a_checkpoint_nor_the_whole_chain(aged):
    ids = aged(OLD, OLD)
    refused("SELECT audit_remove_old(1)", "没有检查点")
    point(2)
    refused("SELECT audit_remove_old(2)", "会清空")
    assert kept() == ids


@pytest.mark.parametrize("table", [EVENTS, SEALS, "accounts_auditcheckpoint"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET {} = {}", "TRUNCATE {} CASCADE"])
def test_the_web_role_itself_changes_and_removes_nothing(aged, table, statement):
    aged(OLD, YOUNG)
    column = {EVENTS: "act", SEALS: "hash"}.get(table, "mac")
    refused(statement.format(table, column, column), "permission denied")


# --- checkpoints that lie ---------------------------------------------------------------------------------------------


@pytest.fixture
def pruned(aged, settings, tmp_path):
    """Ten links anchored by a head, of which three were removed in their time."""
    settings.MEDIA_ROOT = str(tmp_path)
    aged(*[OLD] * 3, *[YOUNG] * 7)
    head = heads.read_head(heads.head_export())
    assert events_remove_old() == 3
    assert kinds(head) == []
    return head


def test_a_false_checkpoint_without_the_key_is_found(pruned, owner_role):
    with owner_role():
        run(f"DELETE FROM {SEALS} WHERE sequence = 4")
        run(
            "INSERT INTO accounts_auditcheckpoint (sequence, first, hash, removed_at, mac)"
            " SELECT 4, 4, hash, now(), mac FROM accounts_auditcheckpoint"
        )
    assert ("changed", 4) in kinds()


def test_a_removal_before_its_time_with_the_key_is_found_by_the_anchored_head(pruned, owner_role):
    point(10, first=4)
    with owner_role():
        run(f"DELETE FROM {SEALS} WHERE sequence <= 10")
    assert kinds()[:1] != [("removed", 10)]
    assert ("removed", 10) in kinds(pruned)


def test_a_seal_put_before_the_beginning_is_found(pruned, owner_role):
    event = record(1)
    with owner_role():
        run(f"INSERT INTO {SEALS} (sequence, event_id, hash, horizon) VALUES (2, {event.pk}, '\\x01', 0)")
    assert ("inserted", 2) in kinds()


def test_the_period_in_the_function_is_the_one_of_the_code():
    assert timedelta(days=1096) == KEPT_AT_LEAST
