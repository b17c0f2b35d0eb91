"""Rows of this room for tests, made through the services where a rule hangs on them."""

import itertools
import uuid
from datetime import timedelta

from django.utils import timezone

from members import identity, services
from members.models import Member, Notice, Poster, Receipt, Registration
from members.services.notice import PARTS

_numbers = itertools.count(1)
NEEDED = {"membership", "home_verify"}


def id_number(born: str = "19900307", region: str = "449999", male: bool | None = None) -> str:
    """A fresh valid number of a region code that does not exist; who has a sex is born on another day."""
    number = next(_numbers) % 1000
    if male is not None:
        born, number = "19700307", number % 500 * 2 + male
    first = f"{region}{born}{number:03d}"
    return first + identity.id_check_character(first)


def phone() -> str:
    return f"139{next(_numbers):08d}"


def notice() -> Notice:
    return services.notice_publish()


def later_notice(version: str, *, anew: bool = False, change: str = "改了联系方式", **parts: str) -> Notice:
    """A version after the one before; `anew`: who agreed before is asked again."""
    said = dict.fromkeys(PARTS, "写全") | parts
    return services.notice_publish(version=version, consent_anew=anew, change=change, **said)


def market_poster(market) -> Poster:
    return services.poster_create(kind=Poster.Kind.MARKET, market=market)


def station_poster(unit) -> Poster:
    return services.poster_create(kind=Poster.Kind.GUIDANCE_STATION, organization=unit)


def submit(poster: Poster, *, token: uuid.UUID | None = None, consents=None, **answers) -> Receipt:
    """One form sent on a poster."""
    consents = NEEDED | set(consents or ()) | ({"id_number"} if answers.get("id_number") else set())
    return services.registration_submit(
        form_token=token or uuid.uuid4(),
        answers=services.Answers(**{"name": "张三丰", "phone": phone(), "home_unknown": True} | answers),
        consents=consents,
        notice=notice(),
        origin=services.Origin(poster=poster),
    )


def registration(unit, **answers) -> Registration:
    return submit(station_poster(unit), **answers).registration


def verified(unit, by=None, **answers) -> Registration:
    return services.registration_verify(registration=registration(unit, **answers), method="document", by=by)


def person(name: str = "李四海", **more) -> Member:
    """A member with number and phone, as bulk writers make one."""
    number, mobile = more.pop("id_number", None) or id_number(), more.pop("phone", None) or phone()
    return Member.objects.create(
        name=name,
        id_number=number,
        id_number_index=identity.id_number_index(number),
        phone=mobile,
        phone_index=identity.phone_index(mobile),
        phone_tail=identity.phone_tail(mobile),
        **more,
    )


def days_ago(days: int):
    return timezone.now() - timedelta(days=days)
