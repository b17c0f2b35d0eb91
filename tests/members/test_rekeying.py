"""Bringing the blind index to another key: killed in the middle, gone on with, everybody found all the while."""

import base64
import contextlib
import os
import signal
import subprocess
import sys
from io import StringIO

import psycopg2
import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection

from accounts import index_key, rekeying
from accounts.crypto import blind_index
from accounts.models import IndexKey
from accounts.services import code_check, recovery_codes_renew
from members import identity, selectors
from members.models import Member, MemberCode, Registration
from tests import factories as make
from tests.members.make import id_number, phone, verified

OLD, NEW = settings.BLIND_INDEX_KEY, b"n" * 32
COUNT = 12


@pytest.fixture
def people(db) -> dict[str, str]:
    """Phone by identity number, under the key before; the last ones reported too. What the database says of its key."""
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
    kept = {"fingerprint": index_key.fingerprint(), "digests": index_key.fingerprint(settings.DIGEST_KEY)}
    IndexKey.objects.update_or_create(pk=1, defaults=kept)
    city = make.make_city()
    found = {id_number(): phone() for _ in range(COUNT)}
    for number, mobile in found.items():
        make.make_member(
            id_number=number, id_number_index=identity.id_number_index(number),
            phone=mobile, phone_index=identity.phone_index(mobile), phone_tail=mobile[-4:],
        )  # fmt: skip
    number, mobile = id_number(), phone()
    verified(city.yuehai, id_number=number, phone=mobile)
    return found | {number: mobile}


@pytest.fixture
def between(settings):  # noqa: F811
    """Both keys: as every process has them while it runs."""
    settings.BLIND_INDEX_KEY, settings.BLIND_INDEX_OLD_KEY, settings.DIGEST_KEY = NEW, OLD, OLD


def found(people: dict[str, str]) -> list[bool]:
    return [
        Member.objects.filter(id_number_index=identity.id_number_index(number)).count() == 1
        and Member.objects.filter(phone_index=identity.phone_index(mobile)).count() == 1
        for number, mobile in people.items()
    ]


def moved(people: dict[str, str]) -> int:
    fresh = [blind_index(number, kind="id_number", key=NEW) for number in people]
    return Member.objects.filter(id_number_index__in=fresh).count()


def environment() -> dict[str, str]:
    server = os.environ["DATABASE_OWNER_URL"].rsplit("/", 1)[0]
    old, new, receipts = (base64.b64encode(key).decode() for key in (OLD, NEW, settings.RECEIPT_KEY))
    return os.environ | {
        "DATABASE_OWNER_URL": f"{server}/{connection.settings_dict['NAME']}",
        "DJANGO_SETTINGS_MODULE": "config.settings", "BLIND_INDEX_KEY": new, "BLIND_INDEX_OLD_KEY": old,
        "DIGEST_KEY": old, "RECEIPT_KEY": receipts,
    }  # fmt: skip


@contextlib.contextmanager
def held_last_member():
    """Nobody else may change the member whose turn is the last: else a quick run is over before it is killed."""
    other = psycopg2.connect(environment()["DATABASE_OWNER_URL"])
    try:
        last = Member.objects.latest("pk").pk
        other.cursor().execute("SELECT 1 FROM members_member WHERE id = %s FOR UPDATE", [last])
        yield
    finally:
        other.close()


@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle_and_started_again_everybody_is_found_all_the_while(people, between, settings):
    command = [sys.executable, "manage.py", "rekey_index", "--batch", "3"]  # as the manual says it
    assert all(found(people)) and moved(people) == 0
    with held_last_member():
        process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if "党员·身份号码：6 / 13" in line:
                process.send_signal(signal.SIGKILL)
                break
        assert process.wait(60) == -signal.SIGKILL
        assert 6 <= moved(people) < len(people) and all(found(people))
    newcomer = id_number()
    make.make_member(id_number=newcomer, id_number_index=identity.id_number_index(newcomer))
    assert Member.objects.get(id_number_index=blind_index(newcomer, kind="id_number", key=NEW))
    settings.BLIND_INDEX_OLD_KEY = b""
    assert not all(found(people)), "the control: without the key before half of them are nobody"
    settings.BLIND_INDEX_OLD_KEY = OLD
    again = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert again.returncode == 0 and "没有剩余" in again.stdout, again.stderr
    settings.BLIND_INDEX_OLD_KEY = b""
    assert all(found(people)) and moved(people) == len(people)
    index_key.index_key_check()
    row = Registration.objects.get()
    assert bytes(row.id_number_index) == identity.id_number_index(row.id_number)
    settings.BLIND_INDEX_KEY = OLD
    with pytest.raises(ImproperlyConfigured):
        index_key.index_key_check()


def run() -> str:
    out = StringIO()
    call_command("rekey_index", stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_codes_go_on_by_either_key_and_digests_by_their_own(people, settings, owner_role):
    user = make.make_user()
    first, second = recovery_codes_renew(user=user)[:2]
    member = Member.objects.first()
    MemberCode.objects.create(member=member, code="ABCD", code_index=identity.member_code_index("ABCD"))
    settings.BLIND_INDEX_KEY, settings.BLIND_INDEX_OLD_KEY, settings.DIGEST_KEY = NEW, OLD, OLD
    index_key.index_key_check()
    for code in (first, second):
        assert selectors.member_by_code("ABCD") == member
        assert code_check(user=user, code=code) == "recovery"
        with owner_role():
            run()
    settings.BLIND_INDEX_OLD_KEY = b""
    assert selectors.member_by_code("ABCD") == member
    with pytest.raises(CommandError, match="BLIND_INDEX_OLD_KEY"):
        run()


@pytest.mark.django_db
def test_from_hash_to_hash_then_to_another_key_and_all_the_way_back(people, settings, owner_role):
    """Digests and receipts stay under the very first ones all the while."""
    code = recovery_codes_renew(user=(user := make.make_user()))[0]
    before, last = identity.receipt_index("ABCDEFGH"), (OLD, "SHA-256")
    settings.DIGEST_KEY = OLD
    for key, chosen in ((OLD, "SM3"), (NEW, "SM3"), (OLD, "SHA-256"), (NEW, "SM3")):
        settings.BLIND_INDEX_OLD_KEY, settings.BLIND_INDEX_OLD_HASH = last
        settings.BLIND_INDEX_KEY, settings.BLIND_INDEX_HASH = last = key, chosen
        index_key.index_key_check()
        assert all(found(people))
        with owner_role():
            assert "没有剩余" in run()
        settings.BLIND_INDEX_OLD_KEY = b""
        index_key.index_key_check()
        assert all(found(people)) and identity.receipt_index("ABCDEFGH") == before
    settings.BLIND_INDEX_HASH = "SHA-256"
    assert not any(found(people)), "the control: by the hash before nobody is found any more"
    assert code_check(user=user, code=code) == "recovery"


@pytest.mark.django_db
def test_what_cannot_be_moved_is_told_and_the_key_before_stays_in_force(people, between, owner_role):
    number = next(iter(people))
    Member.objects.create(name="同号", id_number_index=blind_index(number, kind="id_number"))  # put down by another key
    with owner_role(), pytest.raises(CommandError, match="还有 1 处没有改"):
        run()
    assert bytes(IndexKey.objects.get().fingerprint) == index_key.fingerprint(OLD)
    assert moved(people) == len(people)  # all others, and the one who stands under it already


@pytest.mark.django_db
def test_a_key_before_that_is_not_the_true_one_is_told_at_once(people, between, settings, owner_role):
    settings.BLIND_INDEX_OLD_KEY = b"x" * 32
    with owner_role(), pytest.raises(CommandError, match="没有做任何事：.*请核对 BLIND_INDEX_OLD_KEY"):
        run()


@pytest.mark.django_db(transaction=True)
def test_two_at_once_are_refused(people, between):
    other = psycopg2.connect(environment()["DATABASE_OWNER_URL"])
    try:
        other.cursor().execute("SELECT pg_advisory_lock(%s)", [rekeying.LOCK])
        with pytest.raises(CommandError, match="另一个"):
            run()
    finally:
        other.close()
