import base64

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core import serializers
from django.db import connection

from accounts import crypto
from members.models import Member
from tests import factories as make

NUMBER = "440300199001011234"
COLUMN = "members.member.id_number"


@pytest.fixture
def keys(settings):
    def use(*names: str) -> None:
        settings.FIELD_KEYS = {name: name.encode().ljust(32, b".") for name in names}

    use("k1")
    return use


def test_what_goes_in_comes_out_and_never_looks_the_same_twice(keys):
    first, second = (crypto.encrypt("张三 ①", column=COLUMN) for _ in range(2))
    assert first != second
    assert crypto.decrypt(first, column=COLUMN) == crypto.decrypt(second, column=COLUMN) == "张三 ①"
    assert "张三".encode() not in first


def test_a_new_first_key_encrypts_and_the_old_one_still_opens(keys):
    old = crypto.encrypt(NUMBER, column=COLUMN)
    keys("k2", "k1")
    new = crypto.encrypt(NUMBER, column=COLUMN)
    assert crypto.decrypt(old, column=COLUMN) == NUMBER
    keys("k2")
    assert crypto.decrypt(new, column=COLUMN) == NUMBER
    with pytest.raises(crypto.CannotDecrypt, match="k1"):
        crypto.decrypt(old, column=COLUMN)


def test_the_wrong_key_under_the_right_name_does_not_open(keys, settings):
    stored = crypto.encrypt(NUMBER, column=COLUMN)
    settings.FIELD_KEYS = {"k1": b"x" * 32}
    with pytest.raises(crypto.CannotDecrypt):
        crypto.decrypt(stored, column=COLUMN)


def test_a_ciphertext_moved_to_another_column_does_not_open(keys):
    stored = crypto.encrypt(NUMBER, column=COLUMN)
    with pytest.raises(crypto.CannotDecrypt):
        crypto.decrypt(stored, column="members.member.phone")


def test_no_single_changed_byte_opens(keys):
    stored = crypto.encrypt(NUMBER, column=COLUMN)
    for place in range(len(stored)):
        changed = bytearray(stored)
        changed[place] ^= 1
        with pytest.raises(crypto.CannotDecrypt):
            crypto.decrypt(bytes(changed), column=COLUMN)


def test_both_ciphers_are_read_at_once_whichever_is_set(keys, settings):
    made = {}
    for settings.FIELD_CIPHER in ("AES-256-GCM", "SM4-GCM"):
        made[settings.FIELD_CIPHER] = crypto.encrypt(NUMBER, column=COLUMN)
    assert [crypto.told_key(each)[:2] for each in made.values()] == [("k1", "AES-256-GCM"), ("k1", "SM4-GCM")]
    for settings.FIELD_CIPHER in made:
        assert [crypto.decrypt(each, column=COLUMN) for each in made.values()] == [NUMBER, NUMBER]


def test_a_ciphertext_of_before_the_choice_of_ciphers_still_opens(settings):
    """Written by the first version of this file under the key below."""
    settings.FIELD_KEYS = {"k1": b"k1".ljust(32, b".")}
    nonce, column = bytes(range(12)), COLUMN.encode()
    stored = b"\x02k1" + nonce + AESGCM(settings.FIELD_KEYS["k1"]).encrypt(nonce, NUMBER.encode(), column)
    assert crypto.decrypt(stored, column=COLUMN) == NUMBER


def test_no_single_changed_byte_opens_under_sm4(keys, settings):
    settings.FIELD_CIPHER = "SM4-GCM"
    stored = crypto.encrypt(NUMBER, column=COLUMN)
    assert NUMBER.encode() not in stored
    for place in range(len(stored)):
        changed = bytearray(stored)
        changed[place] ^= 1
        with pytest.raises(crypto.CannotDecrypt):
            crypto.decrypt(bytes(changed), column=COLUMN)
    with pytest.raises(crypto.CannotDecrypt):
        crypto.decrypt(stored, column="members.member.phone")


def test_sm4_gcm_is_the_one_of_rfc_8998(monkeypatch):
    cipher = crypto.Sm4Gcm(b"x" * 32)
    cipher._key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    plain = b"".join(bytes([sign]) * 8 for sign in b"\xaa\xbb\xcc\xdd\xee\xff\xee\xaa")
    nonce = bytes.fromhex("00001234567800000000abcd")
    associated = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    sealed = cipher.encrypt(nonce, plain, associated)
    assert sealed[-16:].hex() == "83de3541e4c2b58177e065a9bf7b62ec"
    assert cipher.decrypt(nonce, sealed, associated) == plain


def test_the_blind_index_by_sm3_is_another_one_of_the_same_length(keys, settings):
    usual = crypto.blind_index(NUMBER, kind="identity")
    settings.BLIND_INDEX_HASH = "SM3"
    index = crypto.blind_index(NUMBER, kind="identity")
    assert len(index) == 32 and index not in (usual, crypto.blind_index(NUMBER, kind="phone"))
    assert crypto.blind_index(NUMBER, kind="identity") == index


@pytest.mark.parametrize("stored", [b"", b"\x02k", b"\x02k1short", b"\x82k1short", b"\x82k1"])
def test_a_cut_off_ciphertext_does_not_open(keys, stored):
    with pytest.raises(crypto.CannotDecrypt):
        crypto.decrypt(stored, column=COLUMN)


def test_the_blind_index_is_equal_for_equal_texts_of_a_kind_and_stays_when_the_ring_turns(keys):
    index = crypto.blind_index(NUMBER, kind="identity")
    keys("k9")
    assert crypto.blind_index(NUMBER, kind="identity") == index
    assert len(index) == 32
    assert crypto.blind_index(NUMBER, kind="phone") != index
    assert crypto.blind_index(NUMBER + "0", kind="identity") != index


def test_the_blind_index_of_a_key_is_the_same_tomorrow(settings):
    """A changed formula would orphan every index in the database: this one is pinned."""
    settings.BLIND_INDEX_KEY = base64.b64decode("dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=")
    pinned = "5c67489565231ac3b0988afb18487705463116481f96bedd9ef7e1558bc490ba"
    assert crypto.blind_index(NUMBER, kind="identity").hex() == pinned


def raw(member: Member, column: str) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM members_member WHERE id = %s", [member.pk])
        value = cursor.fetchone()[0]
        return None if value is None else bytes(value)


@pytest.mark.django_db
def test_a_member_round_trips_and_the_database_holds_no_plain_text():
    member = make.make_member(id_number=NUMBER, phone="13800138000")
    again = Member.objects.get(pk=member.pk)
    assert (again.id_number, again.phone) == (NUMBER, "13800138000")
    with connection.cursor() as cursor:
        cursor.execute("SELECT m::text FROM members_member m WHERE id = %s", [member.pk])
        row = cursor.fetchone()[0]
    for secret in (NUMBER, "13800138000"):
        assert secret not in row
        assert secret.encode().hex() not in row


@pytest.mark.django_db
def test_empty_is_stored_as_nothing_and_saving_again_encrypts_once():
    member = make.make_member(id_number="", phone=None)
    assert raw(member, "id_number") is None
    again = Member.objects.get(pk=member.pk)
    again.id_number = NUMBER
    again.save()
    Member.objects.get(pk=member.pk).save()
    assert Member.objects.get(pk=member.pk).id_number == NUMBER


@pytest.mark.django_db
def test_a_row_whose_ciphertext_was_swapped_between_columns_does_not_load():
    member = make.make_member(id_number=NUMBER, phone="13800138000")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE members_member SET phone = id_number WHERE id = %s", [member.pk])
    with pytest.raises(crypto.CannotDecrypt):
        Member.objects.get(pk=member.pk)


@pytest.mark.django_db
def test_fixtures_carry_no_secret():
    member = make.make_member(id_number=NUMBER, phone="13800138000")
    text = serializers.serialize("json", [member])
    assert NUMBER not in text and "13800138000" not in text
