"""Valid numbers of a place that does not exist, computed for whole columns at once.

Region code 449999 is in no edition of GB/T 2260, so no credit code or identity number made here belongs to anybody.
"""

import numpy as np

from markets.codes import ALPHABET, WEIGHTS
from members import identity

REGION = "449999"
ORGANIZATION_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2])  # GB 11714
IDENTITY_WEIGHTS = np.array(identity.WEIGHTS)
IDENTITY_CHECKS = np.frombuffer(identity.CHECK_CHARACTERS.encode(), dtype=np.uint8)
USCC_ALPHABET = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)

_VALUE = np.zeros(256, dtype=np.int64)
_VALUE[USCC_ALPHABET] = np.arange(len(ALPHABET))


def spread(numbers: np.ndarray, digits: int, seed: int) -> np.ndarray:
    """Distinct numbers below 10^digits for distinct inputs, without visible order."""
    modulus = 10**digits
    return (numbers.astype(np.int64) * 48_271_999 + seed * 7_919) % modulus


def _digits(numbers: np.ndarray, width: int) -> np.ndarray:
    """ASCII digits, one row a number."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return ((numbers[:, None] // powers) % 10 + ord("0")).astype(np.uint8)


def _text(characters: np.ndarray) -> np.ndarray:
    width = characters.shape[1]
    return np.ascontiguousarray(characters).view(f"S{width}").ravel().astype(f"U{width}")


def credit_codes(numbers: np.ndarray, kinds: np.ndarray, seed: int) -> np.ndarray:
    """Unified social credit codes for distinct `numbers` < 10^8; `kinds` is the second character: 1, 2 or 3."""
    body = _digits(spread(numbers, 8, seed), 8)
    check = 11 - ((body - ord("0")).astype(np.int64) @ ORGANIZATION_WEIGHTS) % 11
    last = np.where(check == 10, ord("X"), np.where(check == 11, ord("0"), check + ord("0"))).astype(np.uint8)
    count = len(numbers)
    head = np.empty((count, 8), dtype=np.uint8)
    head[:, 0] = ord("9")
    head[:, 1] = kinds + ord("0")
    head[:, 2:] = np.frombuffer(REGION.encode(), dtype=np.uint8)
    seventeen = np.concatenate([head, body, last[:, None]], axis=1)
    remainder = (_VALUE[seventeen] @ WEIGHTS) % 31
    return _text(np.concatenate([seventeen, USCC_ALPHABET[(31 - remainder) % 31][:, None]], axis=1))


def identity_numbers(birthdays: np.ndarray, sequence: np.ndarray) -> np.ndarray:
    """18-digit identity numbers; `birthdays` as integers yyyymmdd, `sequence` 0–999 (odd: male)."""
    count = len(birthdays)
    region = np.broadcast_to(np.frombuffer(REGION.encode(), dtype=np.uint8), (count, 6))
    seventeen = np.concatenate([region, _digits(birthdays, 8), _digits(sequence, 3)], axis=1)
    remainder = ((seventeen - ord("0")).astype(np.int64) @ IDENTITY_WEIGHTS) % 11
    return _text(np.concatenate([seventeen, IDENTITY_CHECKS[remainder][:, None]], axis=1))
