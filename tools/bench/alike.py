"""P11: whether the time of an answer says what the answer does not.

The public form with an identity number that is registered and one that is not (both faces in one process, so that the
number is looked for before the answer), and the sign-in with an account that exists and one that does not. Pairs in random
order through gunicorn; of each the median difference in ms (known − unknown) with its 95 % bootstrap interval.
"""

import http.client
import random
import time
import uuid
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlencode

from django.contrib.auth.hashers import make_password
from django.urls import reverse

from accounts import limits, wall
from accounts.models import User
from accounts.session_store import SessionStore
from members import services
from members.identity import id_check_character, id_number_index
from members.models import Consent, Member, Poster, Registration
from members.selectors import current_notice
from members.views.report import CHECK, SESSION_KEY
from tools.bench.client import HOST
from tools.bench.figures import median
from tools.bench.web import headers, served

RESAMPLES = 4_000
REGION, BORN = "659001", "19800101"  # a region that the demo city's people do not come from


class Ask(NamedTuple):
    path: str
    fields: dict[str, str]
    headers: dict[str, str]
    status: int


def interval(differences: list[float]) -> tuple[float, float]:
    """Of the median, 95 %, by drawing anew from what was seen."""
    drawn = sorted(median(random.choices(differences, k=len(differences))) for _ in range(RESAMPLES))
    return drawn[int(0.025 * RESAMPLES)], drawn[int(0.975 * RESAMPLES)]


def milliseconds(link: http.client.HTTPConnection, ask: Ask) -> float:
    """Raises ValueError where the answer is another than expected: a refusal is quick."""
    body = urlencode(ask.fields)
    headers = ask.headers | {"Content-Type": "application/x-www-form-urlencoded"}
    started = time.perf_counter()
    link.request("POST", ask.path, body, headers)
    answer = link.getresponse()
    answer.read()
    taken = (time.perf_counter() - started) * 1000
    if answer.status != ask.status:
        raise ValueError(f"{ask.path} answered {answer.status}, not {ask.status}")
    return taken


def compared(link: http.client.HTTPConnection, known: Iterator[Ask], unknown: Iterator[Ask], pairs: int) -> dict:
    """The first pairs warm the server and are not counted."""
    seen: dict[str, list[float]] = {"known": [], "unknown": []}
    for ask in zip(known, unknown, strict=False):
        for name, one in random.sample([*zip(seen, ask, strict=True)], 2):
            seen[name].append(milliseconds(link, one))
    known_ms, unknown_ms = (series[-pairs:] for series in seen.values())
    differences = [a - b for a, b in zip(known_ms, unknown_ms, strict=True)]
    low, high = interval(differences)
    return {
        "pairs": len(differences), "known_ms": median(known_ms), "unknown_ms": median(unknown_ms),
        "difference_ms": median(differences), "from_ms": low, "to_ms": high,
    }  # fmt: skip


@wall.everywhere()
def measure(pairs: int) -> dict:
    warm = min(pairs, 20)
    with served() as port:
        link = http.client.HTTPConnection(HOST, port, timeout=60)
        return {
            "form": compared(link, *forms(pairs + warm), pairs),
            "sign_in": compared(link, *sign_ins(pairs + warm), pairs),
        }


def forms(pairs: int) -> tuple[Iterator[Ask], Iterator[Ask]]:
    """Each known number once. Raises ValueError where the city has too few."""
    live = Registration.objects.showing_a_person().exclude(id_number_index=None)
    numbers = [row.id_number or "" for row in live.order_by("?")[:pairs]]
    if len(numbers) < pairs:
        raise ValueError(f"only {len(numbers)} live registrations have a number, {pairs} are needed")
    return map(form, numbers), map(form, unknown_numbers())


def unknown_numbers() -> Iterator[str]:
    for place in range(1_000):
        first = f"{REGION}{BORN}{place:03}"
        number = first + id_check_character(first)
        if not Registration.objects.filter(id_number_index=id_number_index(number)).exists():
            yield number


def form(number: str) -> Ask:
    """The last step, all others filled in. The limits begin anew, for one address sends them all."""
    poster = Poster.objects.on_the_wall().filter(kind=Poster.Kind.GUIDANCE_STATION).order_by("pk")[0]
    notice = current_notice()
    assert notice is not None  # the demo publishes one
    token = uuid.uuid4()
    services.draft_save(
        form_token=token, poster=poster,
        notice={"consents": sorted(Consent.Item.values), "version": notice.version},
        person={"name": "测试甲", "sex": Member.Sex.UNKNOWN}, phone={"phone": f"139{random.randrange(10**8):08}"},
        number={"id_number": number}, standing={"standing": Member.Standing.FULL},
        work={"occupation": Member.Occupation.OTHER, "workplace": "二楼"},
        home={"home_unknown": True, "home_place": "", "home_branch": ""},
    )  # fmt: skip
    limits.forget("form_address", HOST)
    limits.forget("form_poster", poster.code)
    key = session_with({SESSION_KEY: {poster.code: token.hex}})
    return Ask(
        reverse("members:poster", args=[poster.code]), {"form_token": token.hex, "step": CHECK}, headers(key), 302
    )


def sign_ins(pairs: int) -> tuple[Iterator[Ask], Iterator[Ask]]:
    """Each account once: five wrong passwords lock it."""
    run, password = uuid.uuid4().hex[:8], make_password(uuid.uuid4().hex)
    known, unknown = ([f"{kind}-{run}-{number}" for number in range(pairs)] for kind in ("known", "other"))
    User.objects.bulk_create([User(username=name, password=password) for name in known])
    return map(sign_in, known), map(sign_in, unknown)


def sign_in(username: str) -> Ask:
    limits.forget("sign_in_address", HOST)
    fields = {"username": username, "password": "wrong-Password-1"}
    return Ask(reverse("accounts:sign_in"), fields, headers(session_with({})), 200)


def session_with(content: dict) -> str:
    session = SessionStore()
    session.create()
    session.update(content)
    session.save()
    return session.session_key or ""
