import uuid
from types import SimpleNamespace

import pytest

from members.identity import member_code, member_code_index
from members.models import Consent, Member, MemberCode, Notice, Registration
from stations.models import CheckIn
from tests import factories as make


@pytest.fixture
def city():
    return make.make_city()


@pytest.fixture
def notice(db):
    return Notice.objects.create(version="t1", handler="h", purpose="p", kinds="k", retention="r", rights="r")


@pytest.fixture
def person(city, notice):
    """A verified member of 粤海 with the consent 签到 and a member code."""
    return make_person(city.yuehai, notice)


def make_person(guidance_station, notice, name="张三丰", tail="1234", consent=True) -> SimpleNamespace:
    member = Member.objects.create(name=name, phone_tail=tail)
    registration = Registration.objects.create(
        member=member,
        state="verified",
        method="interview",
        due_on="2026-01-01",
        guidance_station=guidance_station,
        district_committee_id=guidance_station.district_committee_id,
    )
    given = None
    if consent:
        given = Consent.objects.create(registration=registration, notice=notice, item="check_in", channel="poster")
    code = member_code()
    MemberCode.objects.create(member=member, code=code, code_index=member_code_index(code))
    return SimpleNamespace(member=member, registration=registration, consent=given, code=code)


def values(**more) -> dict:
    """Arguments of services.check_in besides member and place."""
    return {
        "purpose": CheckIn.Purpose.REPORT,
        "channel": CheckIn.Channel.CODE,
        "nonce": uuid.uuid4(),
        "occurred_at": None,
        "by": None,
        **more,
    }
