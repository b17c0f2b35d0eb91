"""Two districts with the same rows in each, for the walk of every address by every persona.

Everything in the far district carries a canary: a string that no answer to somebody of the near district may contain.
Full names and numbers of persons carry another, which no page shows to anybody without an act of revealing.
"""

import json
import re
import uuid
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from axes.models import AccessAttempt
from django.db import connection
from django.utils import timezone

from accounts.models import AuditEvent, User
from jobs.models import Job
from markets.models import (
    BusinessCoverage,
    Declaration,
    DeliverySite,
    GroupOrganization,
    HandOver,
    IndustryArea,
    MarketCoverage,
    MarketPlan,
    Platform,
    SourceDifference,
)
from members.identity import id_number_index, member_code, member_code_index, phone_index, receipt_code, receipt_index
from members.models import (
    Consent,
    Draft,
    ImpactAssessment,
    Instructor,
    InstructorAssignment,
    IntakeClient,
    IntakeEvent,
    Member,
    MemberCode,
    Notice,
    Poster,
    Receipt,
    Registration,
    RightsRequest,
    Seat,
    Transfer,
)
from members.services import notice_publish
from reports.models import Evaluation, EvaluationRelease, Goal, MonthClosing, Plan, ReportedFigure, Snapshot
from reports.screens import screen_create
from stations import services
from stations.posters import poster_make
from tables.models import Batch, Export, ExportApproval, SavedView
from tests import factories as make
from tests.conftest import as_owner
from tests.persona_alarms import alarms
from tests.persona_forms import form_rows
from tests.persona_printed import printed_report, self_check

FAR = "远方金丝雀"  # in names of places and businesses of the far district
FAR_TREE = "远方组织树"  # in names of its organizations: the security administrator grants postings there
FAR_NUMBER = "449999198506077396"  # identity number of its person
FAR_PHONE = "13955557391"
FAR_HEADS = 40917  # full members that its business declares
# What of the far district can stand in an answer; digits only by themselves, not inside of other numbers and digests.
_ALONE = "(?<![0-9A-Za-z]){}(?![0-9A-Za-z])".format
FAR_MARKS = re.compile(
    "|".join([
        *(form for name in (FAR, FAR_TREE) for form in (name, quote(name), re.escape(json.dumps(name)[1:-1]))),
        FAR_NUMBER, FAR_PHONE, _ALONE(FAR_PHONE[-4:]), _ALONE(FAR_HEADS),
    ])
)  # fmt: skip
PLAIN = "明文金丝雀"  # in names of persons, after the first character that masks keep

DAY = date(2026, 1, 1)

PERSONAS = [
    "city_leader", "district_leader", "registrar_city", "registrar_district", "officer", "secretary",
    "system_admin", "security_admin", "audit_admin", "anonymous",
]  # fmt: skip


def _telling_numbers() -> None:
    """Every row gets a number of five digits, other in each table, so that a page can be searched for it."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass,"
            " greatest(coalesce(last_value, 0), 70000 + 97 * row_number() OVER (ORDER BY sequencename)))"
            " FROM pg_sequences WHERE schemaname = 'public'"
        )


def build() -> SimpleNamespace:
    _telling_numbers()
    city = make.make_city()
    notice = notice_publish()
    for unit in (city.futian, city.lianhua, city.huafu):
        unit.name = f"{FAR_TREE}{unit.name}"
        unit.save(update_fields=["name"])
    users = {
        "city_leader": make.make_user("leader", city.city),
        "district_leader": make.make_user("leader", city.nanshan),
        "registrar_city": make.make_user("registrar", city.city),
        "registrar_district": make.make_user("registrar", city.nanshan),
        "officer": make.make_user("officer", city.yuehai),
        "system_admin": make.make_user(duty=User.Duty.SYSTEM),
        "security_admin": make.make_user(duty=User.Duty.SECURITY),
        "audit_admin": make.make_user(duty=User.Duty.AUDIT),
        "anonymous": None,
    }
    for name in ("registrar_city", "registrar_district"):
        make.rewrite(users[name].postings, may_grant=True)
    near = side(city.yuehai, notice, "", "", users["officer"])
    users["secretary"] = make.make_user("secretary", near.branch)
    far = side(city.lianhua, notice, FAR, FAR_TREE, make.make_user("officer", city.lianhua))
    near.self_check = far.self_check = self_check(users["security_admin"], users["officer"])
    near.own["alarm"], far.alarm = alarms()
    world = SimpleNamespace(city=city, users=users, near=near, far=far)
    for name, user in users.items():
        if user is not None:  # what is its owner's only exists once for each persona
            near.own.setdefault("job", {})[name] = Job.objects.create(kind="test", title="任务", owner=user)
            near.own.setdefault("batch", {})[name] = Batch.objects.create(
                target="business", owner=user, file_name="a.csv", state="checked"
            )
            for kind, row in lists_rows(user, "自己的").items():
                near.own.setdefault(kind, {})[name] = row
    return world


def side(unit, notice: Notice, canary: str, tree: str, officer) -> SimpleNamespace:
    """One of everything under one guidance station."""
    branch = make.make_branch(unit, name=f"{tree}第一党支部")
    market = make.make_market(unit, name=f"{canary}市场")
    business = make.make_business(unit, name=f"{canary}商贸有限公司", employees=20)
    place = make.make_service_point(unit, name=f"{canary}驿站", organization=branch)
    poster_make(place=place, by=None)
    place.refresh_from_db()
    member, registration, code = person(unit, notice, canary)
    affiliation = make.make_affiliation(member, branch)
    waiting = open_registration(unit)
    token = uuid.uuid4()
    Receipt.objects.create(registration=registration, form_token=token, code_index=receipt_index(receipt_code(token)))
    check_in, _ = services.check_in(
        member=member, place=place, purpose="report", channel="code", nonce=uuid.uuid4(), occurred_at=None, by=officer
    )
    instructor = Instructor.objects.create(organization=branch, name=f"{canary}指导员")
    assignment = InstructorAssignment.objects.create(instructor=instructor, business=business)
    return SimpleNamespace(
        unit=unit, branch=branch, market=market, business=business, place=place, member=member, code=code,
        registration=registration, waiting=waiting, check_in=check_in, officer=officer, receipt=receipt_code(token),
        poster=Poster.objects.create(code=f"P{unit.pk}", kind="market", market=market),
        division=unit.street, district=unit.district_committee,
        job=Job.objects.create(kind="test", title=f"{canary}任务", owner=officer),
        instructor=instructor, assignment=assignment, affiliation=affiliation, own={},
        pledge=make.make_pledge(member, branch, place=f"{canary}摊位", promise=f"{canary}承诺"),
        seat=Seat.objects.create(organization=branch, member=member, post="secretary"),
        transfer=Transfer.objects.create(member=member, origin=branch, elsewhere=f"{canary}街道党工委", sent_on=DAY),
        draft=Draft.objects.create(
            form_token=uuid.uuid4(), code_index=member_code_index(f"draft{unit.pk}"), channel="counter", by=officer,
            guidance_station=unit, content='{"answers": {"phone": "13900139000"}}',
            expires_at=timezone.now() + timedelta(hours=1),
        ),
        request=RightsRequest.objects.create(
            registration=registration, kind="copy", due_on=DAY, details=f"{canary}申请", taken_by=officer
        ),
        assessment=assessment(canary),
        event=AuditEvent.objects.filter(subjects=[branch.pk]).latest("pk"), notice=notice,
        attempt=AccessAttempt.objects.create(username="x", failures_since_start=1), posting=officer.postings.get(),
        closing=MonthClosing.objects.get_or_create(month=DAY, defaults={"as_of": DAY})[0],
        reported=published(),
        **goal_rows(unit, canary), **evaluation_rows(unit, canary, officer),
        **market_rows(unit, branch, market, business, canary), **intake_rows(unit, business, canary),
        batch=Batch.objects.create(target="business", owner=officer, file_name=f"{canary}.csv", state="checked"),
        snapshot=Snapshot.objects.create(organization=branch, as_of=DAY, computed_at=timezone.now()),
        screen=screen_create(
            unit=unit, name=f"{canary}大厅", pages=["overview"], seconds=20, by=officer,
            expires_at=timezone.now() + timedelta(days=9),
        )[0],
        printed=printed_report(unit, DAY), **form_rows(unit, canary, officer, DAY),
        approval=asked_export(make.make_user("registrar", unit.district_committee), canary),
        **lists_rows(officer, canary),
    )  # fmt: skip


def asked_export(owner, canary: str) -> ExportApproval:
    kept = Export.objects.create(owner=owner, table="business", purpose=f"{canary}申请", format="csv")
    return ExportApproval.objects.create(
        export=kept, asked_by=owner, counted=9, expires_at=timezone.now() + timedelta(days=1)
    )


def lists_rows(owner, canary: str) -> dict[str, Any]:
    """What somebody leaves behind at a list: a view, an export, the result of a bulk act."""
    return {
        "saved_view": SavedView.objects.create(owner=owner, table="business", name=f"{canary}视图", query="q=1"),
        "export": Export.objects.create(owner=owner, table="business", purpose=f"{canary}报送", format="csv", rows=1),
        "bulk_job": Job.objects.create(
            kind="tables.bulk", title=f"{canary}批量", owner=owner, state="done",
            params={"table": "business", "url": "/"},
            result={"changed": 0, "unchanged": 0, "skipped": [], "confirmed": 0},
        ),
    }  # fmt: skip


def published() -> ReportedFigure:
    columns = {"place": "深圳市", "name": "市场", "as_of": DAY}
    return ReportedFigure.objects.get_or_create(**columns, defaults={"value": 459, "source": "公报"})[0]


def goal_rows(unit, canary: str) -> dict[str, Any]:
    plan = Plan.objects.create(
        organization=unit, title=f"{canary}三年行动", starts_on=DAY, ends_on=DAY + timedelta(days=1000)
    )
    goal = Goal.objects.create(
        plan=plan, organization=unit, metric="work_coverage", base_on=DAY, base_value=0, target=1,
        due_on=DAY + timedelta(days=900),
    )  # fmt: skip
    return {"plan": plan, "goal": goal}


def evaluation_rows(unit, canary: str, by) -> dict[str, Any]:
    """A draft and a released sheet of the district that the unit is in, which the released one compares."""
    of = unit.district_committee
    draft, released = (
        Evaluation.objects.create(organization=of, title=f"{canary}{name}评价", as_of=DAY)
        for name in ("未定", "第一次")
    )
    unit_line = {"id": unit.pk, "name": f"{canary}单位", "scores": [], "total": None, "place": None, "why": ""}
    sheet = {
        "title": released.title, "note": "", "as_of": DAY.isoformat(), "month": None, "revision": None, "lines": [],
        "units": [unit_line],
    }  # fmt: skip
    EvaluationRelease.objects.create(
        evaluation=released, sheet=sheet, units=[unit.pk], digest="0" * 64, released_at=timezone.now(), released_by=by
    )
    return {"draft_sheet": draft, "released": released}


def market_rows(unit, branch, market, business, canary: str) -> dict[str, Any]:
    platform, _ = Platform.objects.get_or_create(name="平台")
    return {
        "business_coverage": BusinessCoverage.objects.create(organization=branch, business=business, mode="own"),
        "market_coverage": MarketCoverage.objects.create(organization=branch, market=market),
        "group_organization": GroupOrganization.objects.create(business=business, kind="union", name=f"{canary}工会"),
        "difference": SourceDifference.objects.create(
            business=business, column="name", source="survey", value=f"{canary}另名"
        ),
        "hand_over": HandOver.objects.create(
            business=business, name=f"{canary}划转", to=unit.district_committee, asked_by=make.make_user()
        ),
        "declaration": Declaration.objects.create(
            business=business, source="survey", as_of=DAY, full_members=FAR_HEADS if canary else 1
        ),
        "market_plan": MarketPlan.objects.create(market=market, text=f"{canary}举措", responsible="甲"),
        "industry_area": IndustryArea.objects.create(code=f"A{unit.pk}", name=f"{canary}区", **make.placed(unit)),
        "platform": platform,
        "delivery_site": DeliverySite.objects.create(platform=platform, name=f"{canary}{unit.pk}", **make.placed(unit)),
    }


def intake_rows(unit, business, canary: str) -> dict[str, Any]:
    client = IntakeClient.objects.create(
        name="商事登记", source_department="other", organization=unit, key_id=f"IK{unit.pk}", secret=PLAIN
    )
    event = IntakeEvent.objects.create(
        client=client, event_id=f"{canary}{unit.pk}", kind="change", occurred_at=timezone.now(),
        received_at=timezone.now(), business=business, digest=b"1",
    )  # fmt: skip
    return {"intake_client": client, "intake_event": event}


def person(unit, notice: Notice, canary: str) -> tuple[Any, Any, str]:
    said = {"name": f"欧{PLAIN}", "phone": "13800138000", "phone_tail": "8000"}
    if canary:
        said |= {
            "phone": FAR_PHONE,
            "phone_tail": FAR_PHONE[-4:],
            "phone_index": phone_index(FAR_PHONE),
            "id_number": FAR_NUMBER,
            "id_number_index": id_number_index(FAR_NUMBER),
        }
    member = Member.objects.create(**said, workplace=f"{canary}工作单位")
    registration = Registration.objects.create(
        **said, member=member, home_place=f"{canary}省", home_branch=f"{canary}村支部",
        state="verified", method="interview", due_on="2026-01-01",
        workplace=f"{canary}摊位", guidance_station=unit, district_committee_id=unit.district_committee_id,
    )  # fmt: skip
    Consent.objects.create(registration=registration, notice=notice, item="check_in", channel="poster")
    code = member_code()
    MemberCode.objects.create(member=member, code=code, code_index=member_code_index(code))
    return member, registration, code


def assessment(canary: str) -> ImpactAssessment:
    said = dict.fromkeys(("lawful", "impact", "measures", "conclusion", "keeper"), "写了")
    return ImpactAssessment.objects.create(title=f"{canary}评估", **said)


def open_registration(unit) -> Registration:
    return Registration.objects.create(
        name=f"何{PLAIN}", phone="13900139000", phone_tail="9000", due_on="2026-01-01",
        guidance_station=unit, district_committee_id=unit.district_committee_id,
    )  # fmt: skip
