import numpy as np
import pytest
from stdnum.cn import uscc

from demo.codes import REGION, credit_codes, identity_numbers
from members.identity import check_id


def test_credit_codes_are_valid_distinct_and_of_nowhere():
    codes = credit_codes(np.arange(3000), np.arange(3000) % 3 + 1, seed=7)
    assert len(set(codes)) == 3000
    for code in codes[::37]:
        assert uscc.validate(code) == code
        assert code[2:8] == REGION


def test_identity_numbers_are_valid():
    born = np.array([19600229, 19991231, 20000101])
    for number in identity_numbers(born, np.array([0, 7, 998])):
        assert check_id(number) == number


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_seed_gives_the_same_codes(seed):
    numbers, kinds = np.arange(100), np.ones(100, dtype=int)
    assert (credit_codes(numbers, kinds, seed) == credit_codes(numbers, kinds, seed)).all()
    assert (credit_codes(numbers, kinds, seed) != credit_codes(numbers, kinds, seed + 1)).any()
