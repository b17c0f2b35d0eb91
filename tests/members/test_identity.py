import datetime
import uuid

import pytest
from django.utils import timezone

from members import identity
from tests.members import make


@pytest.mark.parametrize("number", ["440309199003076630", "440311199003076632", "449999199003070017"])
def test_a_number_of_any_region_is_accepted(number):
    number = number[:17] + identity.id_check_character(number[:17])
    assert identity.check_id(number) == number


@pytest.mark.parametrize("number", ["440309199003076630", "440311199003076632"])
def test_abolished_shenzhen_regions_with_published_check_digits(number):
    assert identity.check_id(number) == number


def test_lower_case_spaces_and_full_width_are_one_number():
    number = "11010519491231002X"  # the example of GB 11643-1999
    for typed in ("11010519491231002x", " 110105 19491231 002X ", "１１０１０５１９４９１２３１００２Ｘ"):
        assert identity.check_id(typed) == number
        assert identity.id_number_index(typed) == identity.id_number_index(number)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("110105491231002", "15 位"),
        ("11010519491231002", "现在填了 17 位"),
        ("11010519491231002A", "只有数字"),
        ("110105194902300021", "不是真实的出生日期"),
        ("110105194912310021", "对不上"),
    ],
)
def test_each_mistake_has_its_own_sentence(number, words):
    with pytest.raises(identity.IdentityError, match=words):
        identity.check_id(number)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" 欧阳\u3000娜娜 ", "欧阳 娜娜"), ("买买提·艾力", "买买提·艾力"), ("王\u202e小\u200b明", "王小明"), ("张\n三", "张 三"),
        ("\u200b", ""), ("😀", ""), ("123", ""),
    ],
)  # fmt: skip
def test_a_name_keeps_its_letters_and_loses_what_is_not_seen(typed, kept):
    assert identity.clean_name(typed) == kept


def test_nobody_is_born_tomorrow():
    tomorrow = timezone.localdate() + datetime.timedelta(days=1)
    with pytest.raises(identity.IdentityError, match="还没有到"):
        identity.check_id(make.id_number(born=f"{tomorrow:%Y%m%d}"))
    assert identity.check_id(make.id_number(born=f"{timezone.localdate():%Y%m%d}"))


@pytest.mark.parametrize(
    "typed",
    [
        "13800138000", "138 0013 8000", "+86 138-0013-8000", "８６１３８００１３８０００", "0086 13800138000",
        "(138)0013.8000", "\u202d13800138000\u202c",
    ],
)  # fmt: skip
def test_phones_have_one_form(typed):
    assert identity.check_phone(typed) == "13800138000"


@pytest.mark.parametrize("typed", ["075512345678", "12800138000", "1380013800", "0013800138000", ""])
def test_what_is_no_mobile_number_is_refused(typed):
    with pytest.raises(identity.IdentityError):
        identity.check_phone(typed)


def test_masks_show_no_more_than_they_say():
    assert identity.mask_name("张三丰") == identity.mask_name("张三") == "张*"
    assert identity.mask_id("440305199001016635") == "440305********6635"
    assert identity.mask_phone("1234") == "*******1234"
    assert identity.mask_name("") == identity.ERASED


def test_a_receipt_code_is_derived_from_its_form_and_cannot_be_made_up(settings):
    token = uuid.uuid4()
    code = identity.receipt_code(token)
    assert code == identity.receipt_code(token) != identity.receipt_code(uuid.uuid4())
    settings.RECEIPT_KEY = b"another key"
    assert identity.receipt_code(token) != code


def test_member_codes_are_fresh_and_read_with_or_without_spaces():
    code = identity.member_code()
    assert code != identity.member_code()
    assert identity.member_code_index(identity.grouped(code).lower()) == identity.member_code_index(code)


def test_kinds_of_index_never_meet():
    assert identity.phone_index("13800138000") != identity.id_number_index("13800138000")
