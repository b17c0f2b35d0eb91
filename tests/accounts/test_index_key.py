"""Under another key nobody would be found again: a process that makes the blind index otherwise does not start."""

import os
import subprocess
import sys
from importlib import import_module

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection

from accounts import index_key
from accounts.models import IndexKey
from members import identity
from tests import factories as make

OTHER = b"o" * 32
recording = import_module("members.migrations.0014_index_key_recorded")
digests = import_module("members.migrations.0018_digest_key_recorded")
receipts = import_module("members.migrations.0020_receipt_key_recorded")


@pytest.fixture
def recorded(db, owner_role):
    with owner_role():
        IndexKey.objects.all().delete()
        recording.record(apps, None)
        digests.record(apps, None)
        receipts.record(apps, None)


@pytest.mark.parametrize(("setting", "value"), [("DIGEST_KEY", OTHER), ("DIGEST_HASH", "SM3")])
def test_digests_that_would_not_fit_are_refused_too(recorded, settings, setting, value):
    """Where the index key was changed and DIGEST_KEY was not kept, no account would pass for true."""
    setattr(settings, setting, value)
    with pytest.raises(ImproperlyConfigured, match="DIGEST_KEY 或 DIGEST_HASH 与数据库里登记的不一致"):
        index_key.index_key_check()


@pytest.mark.parametrize("face", [True, False])
@pytest.mark.parametrize(("setting", "value"), [("RECEIPT_KEY", OTHER), ("DIGEST_HASH", "SM3")])
def test_receipts_that_would_not_open_are_refused_on_either_face(recorded, settings, owner_role, face, setting, value):
    """RECEIPT_KEY left out once the key was changed, or DIGEST_HASH forgotten on the public face."""
    settings.IS_PUBLIC_FACE = face
    with owner_role():
        index_key.index_key_check()
        IndexKey.objects.update(digests=None)
    setattr(settings, setting, value)
    with pytest.raises(ImproperlyConfigured, match="RECEIPT_KEY 或 DIGEST_HASH 与数据库里登记的不一致"):
        index_key.index_key_check()


def test_the_hash_changed_together_with_the_upgrade_is_not_written_down_as_that_of_digests(
    recorded, settings, owner_role
):
    settings.BLIND_INDEX_HASH = settings.DIGEST_HASH = "SM3"
    with owner_role():
        IndexKey.objects.update(digests=None)
        with pytest.raises(ValueError, match="请改回原来的值"):
            digests.record(apps, None)
    assert IndexKey.objects.get().digests is None


@pytest.mark.parametrize(("setting", "value"), [("BLIND_INDEX_KEY", OTHER), ("BLIND_INDEX_HASH", "SM3")])
def test_another_key_and_another_hash_are_refused_and_the_own_ones_are_not(recorded, settings, setting, value):
    index_key.index_key_check()
    setattr(settings, setting, value)
    with pytest.raises(ImproperlyConfigured, match="请改回原来的值"):
        index_key.index_key_check()
    with pytest.raises(CommandError, match="请改回原来的值"):
        call_command("rotate_keys", "--check")


def test_the_fingerprint_is_not_the_key_and_finds_nobody(recorded, settings):
    [kept] = IndexKey.objects.all()
    assert bytes(kept.fingerprint) != settings.BLIND_INDEX_KEY
    assert bytes(kept.fingerprint) not in (
        identity.id_number_index("440300199001010017"),
        identity.phone_index("1" * 11),
    )


def test_what_is_written_down_at_the_upgrade_is_compared_with_the_rows_first(recorded, settings, owner_role):
    id_number = "11010519491231002X"
    make.make_member(id_number=id_number, id_number_index=identity.id_number_index(id_number))
    with owner_role():
        IndexKey.objects.all().delete()
        settings.BLIND_INDEX_KEY = OTHER
        with pytest.raises(ValueError, match="请改回原来的值"):
            recording.record(apps, None)
    assert not IndexKey.objects.exists()


STARTS = """
import django
django.setup()
for start in ("import config.wsgi", "import config.celery as c; c.refuse_another_index_key()"):
    try:
        exec(start)
        print("started")
    except Exception as error:
        print(error)
"""


@pytest.mark.django_db(transaction=True)
def test_neither_the_pages_nor_a_worker_start_under_another_key():
    """In a process of its own: what the environment says is what counts."""
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
    IndexKey.objects.update_or_create(pk=1, defaults={"fingerprint": index_key.fingerprint()})
    server = os.environ["DATABASE_URL"].rsplit("/", 1)[0]
    found = os.environ | {
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
        "DATABASE_ROLE": "web",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    found.pop("DATABASE_OWNER_URL", None)
    for more, said in (({}, "started"), ({"BLIND_INDEX_HASH": "SM3"}, "请改回原来的值")):
        ended = subprocess.run([sys.executable, "-c", STARTS], env=found | more, capture_output=True, text=True)
        assert [said in line for line in ended.stdout.splitlines()] == [True, True], ended.stdout + ended.stderr
