"""Whatever is sent: one of the documented answers, in Chinese, an answer for each item, and nothing half-written."""

import json
import re
import time

import pytest
from django.core.cache import cache
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from markets.models import Business
from members.intake.items import BUSINESS, ITEM, MAX_ITEMS
from members.intake.persons import CONSENT, FIELDS
from members.models import IntakeEvent, IntakePerson, Receipt, Registration
from tables.models import IdempotencyKey
from tests import factories as make
from tests.members import make as people
from tests.members.intake_tools import item, make_client, person, send

pytestmark = pytest.mark.django_db
# The same every time, so that the suite never fails by luck.
COMMON = {
    "deadline": None, "derandomize": True, "database": None, "phases": [Phase.explicit, Phase.generate],
    "suppress_health_check": list(HealthCheck),
}  # fmt: skip
QUICK, WRITING = settings(max_examples=60, **COMMON), settings(max_examples=8, **COMMON)
CODES = {"invalid", "repeated", "stale", "out_of_scope", "registered_elsewhere"}
CHINESE = re.compile(r"[\u4e00-\u9fff]")

# --- what is sent -----------------------------------------------------------------------------------------------------

UGLY = [
    "", " ", "\0", "\u202e\u200b", "１２３", "=1+1", "𠮷" * 40, "长" * 501, "null", "9.14E+17", "'", "%s\\",
]  # fmt: skip
texts = st.one_of(st.sampled_from(UGLY), st.text(max_size=40))


def trees(leaves: st.SearchStrategy) -> st.SearchStrategy:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
        max_leaves=12,
    )


whole = st.one_of(st.none(), st.booleans(), st.integers(), st.sampled_from([10**30, -(10**400), 2**63]))
anything = trees(st.one_of(whole, st.floats(), texts, st.just("\ud800")))
# What JSON can say: the rest has the whole body refused.
sayable = trees(st.one_of(whole, st.floats(allow_nan=False, allow_infinity=False), texts))


def broken(fields) -> st.SearchStrategy[dict]:
    """Some fields of an object with anything in them."""
    return st.dictionaries(st.sampled_from([*fields, "unknown"]), sayable, max_size=4)


changes = st.fixed_dictionaries(
    {"item": broken(ITEM), "business": broken(BUSINESS), "person": broken(FIELDS), "consent": broken(CONSENT)}
)


def mutilated(change: dict, at: int) -> dict:
    """An event that would be taken, but for this."""
    one = person()
    one["consent_ref"] |= change["consent"]
    one |= change["person"]
    sent = item(event_id=f"F{at}", business=change["business"], persons=[one])
    return sent | change["item"]


@pytest.fixture
def sender():
    people.notice()
    return make_client(make.make_city().city)


def written() -> tuple[int, ...]:
    models = (Business, IntakeEvent, IntakePerson, Registration, Receipt, IdempotencyKey)
    return tuple(model.objects.count() for model in models)


def is_a_problem(response) -> None:
    told = response.json()
    assert set(told) == {"detail", "code"} and CHINESE.search(told["detail"]) and re.fullmatch("[a-z_]+", told["code"])


def sent(client, sender, body: bytes, **more):
    cache.clear()  # how often one may send is not what is asked here
    before = written()
    response = send(client, sender, body=body, **more)
    if response.status_code == 200:
        lines_up(json.loads(body)["items"], response.json()["results"])
    else:
        assert response.status_code in (400, 415, 422), response.content
        is_a_problem(response)
        assert written() == before
    return response


def lines_up(items: list, results: list[dict]) -> None:
    assert len(items) == len(results)
    for one, answer in zip(items, results, strict=True):
        assert set(answer) == {"event_id", "result", "code", "message", "errors", "persons"}
        assert CHINESE.search(answer["message"])
        is_refused = answer["result"] == "refused"
        assert answer["code"] in CODES if is_refused else answer["result"] in ("accepted", "updated", "unchanged")
        assert all(set(each) == {"field", "message"} and CHINESE.search(each["message"]) for each in answer["errors"])
        if is_refused:
            assert answer["persons"] == [] and bool(answer["errors"]) == (
                answer["code"] == "invalid" and isinstance(one, dict)
            )
        else:
            assert (answer["event_id"], answer["errors"]) == (one["event_id"], [])
            assert len(answer["persons"]) == len(one.get("persons", []))
            for each in answer["persons"]:
                assert each["result"] == "received" or each["code"] in ("invalid", "consent_missing")
                assert CHINESE.search(each["message"])


def as_body(value) -> bytes:
    return json.dumps(value).encode()  # half a character goes as \ud800, NaN as NaN: both are refused


# --- the laws ---------------------------------------------------------------------------------------------------------


@given(value=anything)
@example(value={"items": [{}] * (MAX_ITEMS + 1)})
@example(value={"items": [{"persons": [{}] * 21}] * 3})
@QUICK
def test_any_json(client, sender, value):
    sent(client, sender, as_body(value))


@given(items=st.lists(anything, min_size=1, max_size=6))
@QUICK
def test_any_items(client, sender, items):
    sent(client, sender, as_body({"items": items}))


@given(
    body=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode(errors="surrogatepass")))
)
@example(body=b'\xef\xbb\xbf{"items": []}')
@example(body='{"items": []}'.encode("utf-16"))
@example(body=b'{"items": [1e400]}')
@example(body=b'{"items": [' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"]}")
@QUICK
def test_any_bytes(client, sender, body):
    sent(client, sender, body)


@given(many=st.lists(changes, min_size=6, max_size=12))
@WRITING
def test_an_event_with_anything_in_its_fields(client, sender, many):
    """Beside an unharmed one, which is always taken."""
    good = item()
    items = [*(mutilated(change, at) for at, change in enumerate(many)), good]
    response = sent(client, sender, as_body({"items": items}))
    if response.status_code == 200:
        assert response.json()["results"][-1]["result"] == "accepted"
        taken = [each for each in response.json()["results"] if each["result"] != "refused"]
        assert IntakeEvent.objects.filter(event_id__in=[each["event_id"] for each in taken]).count() == len(taken)


@given(many=st.lists(changes, min_size=1, max_size=3), other=st.binary(max_size=20))
@WRITING
def test_laws_of_the_key(client, sender, many, other):
    """Same body, same bytes; another body, 422; and neither does anything."""
    body = as_body({"items": [mutilated(change, at) for at, change in enumerate(many)]})
    key = f"k{time.monotonic_ns()}"
    first = sent(client, sender, body, key=key)
    before = written()
    again = sent(client, sender, body, key=key)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    if first.status_code == 200:
        changed = sent(client, sender, as_body({"items": [other.hex()]}), key=key)
        assert (changed.status_code, changed.json()["code"]) == (422, "other_body")
    assert written() == before
