"""Turning the key ring: killed in the middle, gone on with, beside writers; and no key lies in the database."""

import base64
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from datetime import timedelta
from io import StringIO

import psycopg2
import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.utils import timezone
from psycopg2.errors import DiskFull

from accounts import crypto, rotation
from accounts.crypto import EncryptedTextField
from accounts.models import AuditEvent, Authenticator
from accounts.sealed_files import create_sealed, open_sealed, sealed_head
from members.models import Draft, IntakeClient, Member, MemberCode, Registration, RightsRequest
from tables.before_images import keep_replaced, unsealed
from tables.models import Batch, BatchChange, RowFix
from tests import factories as make

K1, K2 = b"1" * 32, b"2" * 32
PHONE = "13800138000"


@pytest.fixture
def ring(settings, tmp_path):
    """`ring("k2", "k1")` sets the order; it begins with k1 alone."""
    settings.MEDIA_ROOT = str(tmp_path)

    def use(*names: str) -> None:
        known = {"k1": K1, "k2": K2}
        settings.FIELD_KEYS = {name: known[name] for name in names}

    use("k1")
    return use


def fill(tmp_path, members: int = 3) -> None:
    """One ciphertext of every kind, some members more."""
    for number in range(members):
        make.make_member(id_number=f"44030019900101{number:04d}", phone=f"1380013{number:04d}", name=f"欧{number}")
    city = make.make_city()
    user = make.make_user()
    Authenticator.objects.create(user=user, secret="JBSWY3DPEHPK3PXP", last_step=0)
    MemberCode.objects.create(member=Member.objects.first(), code="ABC", code_index=b"x")
    Registration.objects.create(
        name="何", phone=PHONE, id_number="440300199001011234", due_on="2026-01-01", guidance_station=city.yuehai,
        district_committee_id=city.yuehai.district_committee_id,
    )  # fmt: skip
    Draft.objects.create(
        form_token="9c4f6a0a-0000-4000-8000-000000000001", code_index=b"y", channel="poster", content='{"answers": {}}',
        expires_at=timezone.now() + timedelta(hours=1),
    )  # fmt: skip
    RightsRequest.objects.create(
        member=Member.objects.first(), kind="object", due_on="2026-01-01", details="丙", reply="丁"
    )
    IntakeClient.objects.create(name="x", source_department="other", organization=city.city, key_id="k", secret="s")
    batch = Batch.objects.create(target="x", owner=user, file_name="a.csv", headers='["甲"]')
    RowFix.objects.create(batch=batch, row=2, column="name", value="乙")
    keep_replaced(batch, [(Member.objects.first(), {"phone": "", "name": ""})], frozenset({"phone"}))
    for folder in ("imports", "exports"):
        (tmp_path / folder).mkdir(exist_ok=True)
        with create_sealed(tmp_path / folder / "file") as file:
            file.write(b"rows")


def everything(tmp_path) -> dict:
    """Every ciphertext in clear."""
    found: dict = {
        field.bound_to: sorted(str(each) for each in field.model.objects.values_list(field.attname, flat=True))
        for model in apps.get_models()
        for field in model._meta.local_fields
        if isinstance(field, EncryptedTextField)
    }
    found["before"] = [unsealed(change.before["phone"]) for change in BatchChange.objects.all()]
    with open_sealed(tmp_path / "imports" / "file") as file:
        found["file"] = file.read()
    return found


def run(*words: str) -> str:
    out = StringIO()
    call_command("rotate_keys", *words, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_every_ciphertext_is_brought_under_the_new_key_and_the_old_one_can_go(ring, tmp_path):
    fill(tmp_path)
    before = everything(tmp_path)
    assert all(before.values())
    ring("k2", "k1")
    with pytest.raises(CommandError, match="还有 .* 处密文用密钥 k1"):
        run("--retire", "k1")
    text = run("--batch", "2")
    assert "党员·手机号：2 / 3；全部 " in text and "剩余 0 处" in text
    told = re.findall(r"全部 ([\d,]+) / ([\d,]+)（(\d+)%）", text)
    assert [int(done) for done, *_ in told] == sorted(int(done) for done, *_ in told)
    assert len({every for _, every, _ in told}) == 1 and told[-1][0] == told[-1][1] and told[-1][2] == "100"
    assert "可以从 FIELD_KEYS 里删去" in run("--retire", "k1")
    ring("k2")
    assert everything(tmp_path) == before
    assert "都在密钥环里" in run("--check")
    assert "已换 0 处" in run()
    assert AuditEvent.objects.filter(act="accounts.keys.rotate").count() == 2


@pytest.mark.django_db
def test_every_store_of_the_product_is_filled_by_this_test(ring, tmp_path):
    """Else a new encrypted column would be turned by code that nothing tries."""
    fill(tmp_path)
    empty = [store.label for store in rotation.stores() if not store.keys()]
    assert empty == ["采集接口密钥·前一把密钥", "报表模板和填好的报表"]  # each of the same kind as one that is filled


@pytest.mark.django_db
def test_from_aes_to_sm4_and_back_by_the_setting_alone(ring, settings, tmp_path):
    fill(tmp_path)
    before = everything(tmp_path)
    for settings.FIELD_CIPHER in ("SM4-GCM", "AES-256-GCM"):
        run()
        assert everything(tmp_path) == before
        for keys in rotation.keys_in_use().values():
            assert set(keys) <= {f"k1 {settings.FIELD_CIPHER}"}
        assert sealed_head(tmp_path / "imports" / "file") == crypto.present_head()


@pytest.mark.django_db
def test_what_somebody_writes_meanwhile_is_not_written_over(ring, tmp_path, monkeypatch):
    member = make.make_member(phone=PHONE, id_number="")
    ring("k2", "k1")
    original = rotation.Column._replace

    def overtaken(self, rows):
        Member.objects.filter(pk=member.pk).change(phone="13900139000")
        return original(self, rows)

    monkeypatch.setattr(rotation.Column, "_replace", overtaken)
    run()
    assert Member.objects.get(pk=member.pk).phone == "13900139000"


@pytest.mark.django_db
def test_what_does_not_open_is_left_and_told(ring, tmp_path):
    fill(tmp_path)
    ring("k2")
    with pytest.raises(CommandError, match="党员·手机号：k1 AES-256-GCM 3 处"):
        run()
    with pytest.raises(CommandError, match="缺少仍在使用的密钥：k1"):
        run("--check")
    with pytest.raises(CommandError, match="k2 是正在用于加密的密钥"):
        run("--retire", "k2")


@pytest.mark.django_db
def test_an_upload_keeps_its_age_and_one_erased_meanwhile_stays_erased(ring, tmp_path, monkeypatch):
    fill(tmp_path)
    path = tmp_path / "imports" / "file"
    os.utime(path, (1, 1))
    ring("k2", "k1")
    folder = rotation.SealedFolder("x", "imports")
    assert list(folder.turn(1)) == [1]
    assert path.stat().st_mtime == 1
    ring("k1", "k2")
    monkeypatch.setattr(rotation, "create_sealed", lambda to: path.unlink() or create_sealed(to))
    assert list(folder.turn(1)) == [0]
    assert list((tmp_path / rotation.ASIDE).iterdir()) == [] and not path.exists()


# --- killed for real --------------------------------------------------------------------------------------------------


def environment(tmp_path, *names: str) -> dict[str, str]:
    server = os.environ["DATABASE_URL"].rsplit("/", 1)[0]
    known = {"k1": K1, "k2": K2}
    found = os.environ | {
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
        "DATABASE_ROLE": "web",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "MEDIA_ROOT": str(tmp_path),
        "FIELD_KEYS": json.dumps([f"{name}:{base64.b64encode(known[name]).decode()}" for name in names]),
    }
    found.pop("DATABASE_OWNER_URL", None)
    return found


@contextlib.contextmanager
def held_last_member():
    """Nobody else may change the member whose turn is the last."""
    server = os.environ["DATABASE_OWNER_URL"].rsplit("/", 1)[0]
    other = psycopg2.connect(f"{server}/{connection.settings_dict['NAME']}")
    try:
        other.cursor().execute(
            "SELECT 1 FROM members_member WHERE id = %s FOR UPDATE", [Member.objects.latest("pk").pk]
        )
        yield
    finally:
        other.close()


@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle_and_started_again_nothing_is_lost(ring, tmp_path):
    fill(tmp_path, members=60)
    before = everything(tmp_path)
    command = [sys.executable, "manage.py", "rotate_keys", "--batch", "2"]
    with held_last_member():  # else a quick run is over before it is killed
        process = subprocess.Popen(command, env=environment(tmp_path, "k2", "k1"), stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if "党员·身份号码：20 / 60" in line:
                process.send_signal(signal.SIGKILL)
                break
        assert process.wait(20) == -signal.SIGKILL
        ring("k2", "k1")
        numbers = rotation.Column(Member._meta.get_field("id_number")).keys()
        assert numbers["k1 AES-256-GCM"] and numbers["k2 AES-256-GCM"] >= 20
    assert everything(tmp_path) == before  # both keys: everybody reads meanwhile
    again = subprocess.run([*command[:3]], env=environment(tmp_path, "k2", "k1"), capture_output=True, text=True)
    assert again.returncode == 0 and "剩余 0 处" in again.stdout, again.stderr
    ring("k2")
    assert everything(tmp_path) == before


@pytest.mark.django_db(transaction=True)
def test_two_at_once_are_refused(ring, tmp_path):
    other = psycopg2.connect(environment(tmp_path, "k1")["DATABASE_URL"])
    try:
        other.cursor().execute("SELECT pg_advisory_lock(%s)", [rotation.LOCK])
        with pytest.raises(CommandError, match="另一个换钥命令正在运行"):
            run()
    finally:
        other.close()


@pytest.mark.django_db
def test_no_key_lies_in_the_database(ring, settings, tmp_path, owner_role):
    """Every row of every table as text, as a dump would have them; a control finds what is there."""
    fill(tmp_path)
    keys = [K1, settings.BLIND_INDEX_KEY, settings.AUDIT_SEAL_KEY, settings.SECRET_KEY.encode()]
    with owner_role(), connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        tables = [name for (name,) in cursor.fetchall()]
        dump = []
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{table}" AS t')
            dump += [row for (row,) in cursor.fetchall()]
    text = "\n".join(dump)
    for key in keys:
        forms = (key.hex(), base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode().rstrip("="))
        assert not any(form in text for form in forms)
    assert PHONE not in text and "a.csv" in text


def test_a_command_that_finds_the_disk_full_says_so(monkeypatch):
    import manage

    def full(arguments):
        raise OperationalError("could not extend file") from DiskFull()

    monkeypatch.setattr("django.core.management.execute_from_command_line", full)
    with pytest.raises(SystemExit, match="磁盘满了.*再运行一次"):
        manage.main()
    monkeypatch.setattr("django.core.management.execute_from_command_line", lambda arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        manage.main()
