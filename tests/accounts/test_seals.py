import threading
import time

import pytest
from celery import current_app
from django.db import IntegrityError, ProgrammingError, connection, transaction

from accounts import audit, seals
from accounts.models import AuditEvent, AuditSeal
from accounts.verification import verify
from tests import factories as make


def record(number: int = 1, **more) -> AuditEvent:
    return audit.record("tests.thing.do", by=None, detail={"number": number, "字": "汉"}, **more)


def chain() -> list[int]:
    return list(AuditSeal.objects.order_by("sequence").values_list("event_id", flat=True))


def in_thread(work) -> None:
    """Run it to its end in a thread, which has a connection of its own."""
    errors = []

    def run():
        try:
            work()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert not errors and not thread.is_alive(), errors


@pytest.fixture
def heard():
    """What a listener hears, batch by batch; the register is put back afterwards."""
    before = list(audit._listeners)
    batches: list[list[int]] = []
    audit._listeners[:] = []
    audit.on_sealed(lambda events: batches.append([event.pk for event in events]))
    yield batches
    audit._listeners[:] = before


@pytest.mark.django_db
def test_events_are_chained_in_order_and_only_once(heard):
    events = [record(number) for number in range(5)]
    assert seals.seal() == 5
    assert seals.seal() == 0
    assert chain() == [event.pk for event in events]
    assert heard == [[event.pk for event in events]]
    assert verify().sound and verify().links == 5


@pytest.mark.django_db
def test_every_column_of_an_event_goes_into_the_hash():
    names = {field.attname for field in AuditEvent._meta.concrete_fields}
    assert set(seals.COLUMNS) == names


@pytest.mark.django_db
def test_the_hash_needs_the_key_and_the_previous_link(settings):
    event = AuditEvent.objects.get(pk=record().pk)
    row = seals.event_row(event)
    first = seals.link_hash(seals.GENESIS, row)
    assert len(first) == 32
    assert seals.link_hash(first, row) != first
    settings.AUDIT_SEAL_KEY = b"another key"
    assert seals.link_hash(seals.GENESIS, row) != first


@pytest.mark.django_db
def test_more_than_a_batch_is_sealed_in_one_call_and_told_batch_by_batch(monkeypatch, heard):
    monkeypatch.setattr(seals, "BATCH", 3)
    events = [record(number).pk for number in range(8)]
    assert seals.seal() == 8
    assert heard == [events[:3], events[3:6], events[6:]]
    assert chain() == events
    assert verify().sound


@pytest.mark.django_db
def test_a_listener_that_fails_is_logged_and_the_others_still_hear(heard, caplog):
    def broken(events):
        raise ValueError("broken listener")

    audit._listeners.insert(0, broken)
    record()
    assert seals.seal() == 1
    assert len(heard) == 1
    assert "broken listener" in caplog.text
    assert verify().sound


@pytest.mark.django_db(transaction=True)
def test_listeners_are_called_after_the_commit(heard):
    seen = []

    def look(events):
        in_thread(lambda: seen.append(AuditSeal.objects.count()))  # another connection sees the seals
        seen.append(connection.in_atomic_block)

    audit.on_sealed(look)
    record()
    seals.seal()
    assert seen == [1, False]


def commit_late(during) -> int:
    """Write an event in a transaction that stays open while `during` runs; returns its id."""
    written, release = threading.Event(), threading.Event()
    made: list[int] = []

    def run():
        try:
            with transaction.atomic():
                made.append(record(99).pk)
                written.set()
                release.wait(20)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert written.wait(20)
    try:
        during()
    finally:
        release.set()
        thread.join(20)
    return made[0]


@pytest.mark.django_db(transaction=True)
def test_an_event_that_commits_after_later_ones_were_sealed_is_sealed_too():
    later = []

    def others():
        for number in range(3):
            later.append(record(number).pk)
            seals.seal()

    late = commit_late(others)
    assert late < min(later)
    assert chain() == later
    seals.seal()
    assert chain() == [*later, late]
    assert verify().sound


@pytest.mark.django_db(transaction=True)
def test_control_a_sealer_that_goes_by_the_highest_id_would_miss_it(monkeypatch):
    """The test above can fail: with a horizon that ignores running transactions, the late event is never sealed."""
    monkeypatch.setattr(seals, "_horizon", lambda original=seals._horizon: (original()[1], original()[1]))
    late = commit_late(lambda: (record(), seals.seal()))
    record()
    seals.seal()
    assert late not in chain()
    assert verify().finding.kind == "unsealed" and verify().finding.event == late


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_ends_inside_a_transaction_goes_on_there(monkeypatch):
    monkeypatch.setattr(seals, "BATCH", 2)
    with transaction.atomic():
        together = [record(number).pk for number in range(5)]
    seals._seal_batch()
    assert AuditSeal.objects.order_by("-sequence").first().horizon <= AuditEvent.objects.first().transaction
    seals.seal()
    assert chain() == together


@pytest.mark.django_db(transaction=True)
def test_two_sealers_at_once_make_one_chain():
    for number in range(40):
        record(number)
    threads = [threading.Thread(target=lambda: (seals.seal(), connection.close())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    seals.seal()
    assert len(chain()) == 40
    assert verify().sound


@pytest.mark.django_db(transaction=True)
def test_a_sealer_steps_aside_while_another_works():
    record()
    with transaction.atomic():
        assert seals._try_lock()
        counts = []
        in_thread(lambda: counts.append(seals.seal()))
    assert counts == [0]
    assert seals.seal() == 1


@pytest.mark.django_db
def test_the_sealer_looks_no_further_back_than_the_last_horizon(django_assert_num_queries):
    for number in range(3):
        record(number)
    seals.seal()
    with django_assert_num_queries(6) as captured:  # savepoint, lock, horizon, last seal, scan, release
        seals.seal()
    scan = next(query["sql"] for query in captured if "LEFT OUTER JOIN" in query["sql"])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {scan}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "auditevent_transaction" in plan and "transaction >=" in plan


@pytest.mark.django_db
def test_after_a_restore_into_a_new_server_the_sealer_starts_over_at_its_low_transactions():
    event = record()
    future = 10**15
    with transaction.atomic():
        events = [AuditEvent.objects.get(pk=event.pk)]
        link = seals.link_hash(seals.GENESIS, seals.event_row(events[0]))
        AuditSeal.objects.create(sequence=1, event=event, hash=link, horizon=future)
    new = record(2)
    assert seals.seal() == 2
    assert new.pk in chain()
    assert AuditEvent.objects.filter(act="accounts.audit.restored").count() == 1
    assert AuditSeal.objects.get(sequence=3).horizon < future
    assert seals.seal() == 0
    assert verify().sound


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["accounts_auditevent", "accounts_auditseal"])
@pytest.mark.parametrize("privilege", ["UPDATE", "DELETE", "TRUNCATE"])
def test_the_web_role_may_only_add(table, privilege):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege(%s, %s), has_table_privilege(%s, 'INSERT')", [table, privilege, table]
        )
        assert cursor.fetchone() == (False, True)


@pytest.mark.django_db
def test_the_web_role_cannot_change_an_event():
    event = record()
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        AuditEvent.objects.filter(pk=event.pk).update(act="tests.thing.other")


@pytest.mark.django_db
def test_an_event_has_one_seal_and_a_place_in_the_chain_is_taken_once():
    first, second = record(1), record(2)
    seals.seal()
    for columns in ({"sequence": 9, "event": first}, {"sequence": 1, "event": second}):
        with pytest.raises(IntegrityError), transaction.atomic():
            AuditSeal.objects.create(hash=b"x", horizon=0, **columns)


@pytest.mark.django_db
def test_what_is_recorded():
    user = make.make_user()
    event = audit.record("tests.thing.do", by=user, subjects=[user], units=[7, None, 3, 7], purpose="核对")
    event.refresh_from_db()
    assert (event.actor, event.subject_type, event.subjects) == (user, "accounts.user", [user.pk])
    assert (event.units, event.purpose, event.succeeded) == ([3, 7], "核对", True)
    assert event.at and event.transaction


def test_a_real_worker_seals_when_beat_asks(celery_worker_process):
    event = record()
    current_app.send_task("accounts.seal")
    for _ in range(1200):  # a minute: the machine may be busy with other tests
        if AuditSeal.objects.filter(event=event).exists():
            break
        time.sleep(0.05)
    assert chain() == [event.pk]
