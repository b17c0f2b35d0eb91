"""What the constraints of the database forbid, one case each; read by test_constraints.py.

A case makes rows that are allowed and returns what is not: the acts of which each must be refused under the case's
name. Rows are written past the services, whose own checks would answer first.
"""

import copy
from collections.abc import Callable
from datetime import date, timedelta

from django.db import connection, models
from django.utils import timezone

from accounts.models import (
    AccountMeasure,
    ApiToken,
    AuditCheckpoint,
    IndexKey,
    OutsideIdentity,
    Passkey,
    RecoveryCode,
    Session,
)
from jobs.models import Job
from markets.models import (
    BusinessCoverage,
    Declaration,
    DeliverySite,
    GroupOrganization,
    HandOver,
    IndustryArea,
    MarketCoverage,
    Platform,
)
from members.models import (
    Consent,
    FerryFile,
    ImpactAssessment,
    Instructor,
    InstructorAssignment,
    MemberCode,
    Notice,
    Pledge,
    Poster,
    Registration,
    RightsRequest,
    Seat,
    Submission,
)
from orgs.models import Posting
from reports.models import MonthClosing, ReportedFigure, Snapshot
from stations.models import CheckIn, CheckInTally, FootfallTally
from tables.models import (
    Batch,
    BatchChange,
    BatchConflict,
    BatchRange,
    ColumnMapping,
    ColumnSighting,
    Export,
    ExportApproval,
    IdempotencyKey,
    RowFix,
    RowRepair,
    SavedView,
)
from tests import factories as make
from tests.conftest import as_owner

DAY = date(2026, 3, 1)

Acts = list[Callable[[], object]]
Cases = dict[str, Callable[[make.City], Acts]]


# --- what a case is made of -------------------------------------------------------------------------------------------


def changed(row: models.Model, *variants: dict, **columns) -> Acts:
    """For each variant one UPDATE of the row."""
    rows = type(row)._base_manager.filter(pk=row.pk)
    return [lambda values=values: rows.update(**values) for values in variants or (columns,)]


def again(row: models.Model, *variants: dict, **columns) -> Acts:
    """For each variant one INSERT of a second row like this one but for these columns."""

    def insert(values: dict) -> None:
        twin = copy.copy(row)
        twin._state = models.base.ModelState()
        for name, value in ({"pk": None} | values).items():
            setattr(twin, name, value)
        type(row)._base_manager.bulk_create([twin])

    return [lambda values=values: insert(values) for values in variants or (columns,)]


def ends_too_early(row: models.Model) -> Acts:
    return changed(row, {"ends_on": row.starts_on}, {"ends_on": row.starts_on - timedelta(days=1)})


def overlaps(row: models.Model, **columns) -> Acts:
    later = row.starts_on + timedelta(days=30)
    return again(row, columns, columns | {"starts_on": later}, columns | {"starts_on": later, "ends_on": DAY.max})


def check_deferred() -> None:
    """What else waits for the end of the transaction is checked now."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def without_primary_key(row: models.Model) -> models.Model:
    """`row`, its table's key gone until the test is rolled back: else the key refuses a second id first."""
    table = row._meta.db_table
    check_deferred()
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey CASCADE")
    return row


# --- accounts, jobs, tables -------------------------------------------------------------------------------------------


def api_token() -> ApiToken:
    now = timezone.now()
    return ApiToken.objects.create(
        user=make.make_user(), label="报表", scopes=["numbers"], digest="0" * 64, created_at=now,
        expires_at=now + timedelta(days=365),
    )  # fmt: skip


def token_lives_wrongly(token: ApiToken) -> Acts:
    made = token.created_at
    return changed(token, {"expires_at": made}, {"expires_at": made + timedelta(days=366, seconds=1)})


def measure() -> AccountMeasure:
    return AccountMeasure.objects.create(user=make.make_user(), kind="reset", reason="本人要求", by=make.make_user())


def measured_by_the_owner(row: AccountMeasure) -> Acts:
    return changed(row, by=row.user)


def identity() -> OutsideIdentity:
    return OutsideIdentity.objects.create(user=make.make_user(), issuer="https://a", subject="1")


def checkpoint() -> AuditCheckpoint:
    return AuditCheckpoint.objects.create(sequence=5, first=5, hash=b"x", removed_at=timezone.now(), mac=b"x")


def passkey() -> Passkey:
    return Passkey.objects.create(user=make.make_user(), name="手机", credential_id=b"1", credential=b"1")


def recovery_code() -> RecoveryCode:
    return RecoveryCode.objects.create(user=make.make_user(), digest=b"1")


def export_approval() -> ExportApproval:
    owner = make.make_user()
    kept = Export.objects.create(owner=owner, table="business", format="csv")
    return ExportApproval.objects.create(export=kept, asked_by=owner, counted=9, expires_at=timezone.now())


def decided_wrongly(approval: ExportApproval) -> Acts:
    now, other = timezone.now(), make.make_user()
    return changed(approval, {"granted": True}, {"decided_by": other, "decided_at": now}, {"decided_at": now})


def decided_by_the_asker(approval: ExportApproval) -> Acts:
    return changed(approval, granted=True, decided_at=timezone.now(), decided_by=approval.asked_by)


def job() -> Job:
    return Job.objects.create(kind="tests.kind", title="导入", done=1, total=1)


def of_batch(model: type[models.Model], **values) -> models.Model:
    batch = Batch.objects.create(target="business", owner=make.make_user(), file_name="主体.xlsx")
    return model._base_manager.create(batch=batch, **values)


def column_mapping() -> ColumnMapping:
    return ColumnMapping.objects.create(target="business", source="registration", header_digest="0" * 64)


def saved_view(**more) -> SavedView:
    return SavedView.objects.create(owner=make.make_user(), table="business", name="我的", query="q=1", **more)


def request_key(owner=None) -> IdempotencyKey:
    return IdempotencyKey.objects.create(key="k", owner=owner, body_digest="0" * 64, answer="{}", status=200)


GROUND: Cases = {
    "user_duty_is_known": lambda city: changed(make.make_user(), {"duty": "root"}, {"duty": ""}),
    "user_clearance_is_known": lambda city: changed(make.make_user(), {"clearance": 0}, {"clearance": 4}),
    "accountmeasure_kind_is_known": lambda city: changed(measure(), {"kind": "erase"}, {"kind": ""}),
    "accountmeasure_idle_is_nobodys": lambda city: changed(measure(), {"kind": "idle"}),
    "accountmeasure_has_a_reason": lambda city: changed(measure(), {"reason": ""}, {"reason": " \n　"}),
    "accountmeasure_never_for_oneself": lambda city: measured_by_the_owner(measure()),
    "apitoken_expires_within_a_year": lambda city: token_lives_wrongly(api_token()),
    "outsideidentity_once": lambda city: again(identity(), user=make.make_user()),
    "outsideidentity_one_each": lambda city: again(identity(), subject="2"),
    "apitoken_has_a_scope": lambda city: changed(api_token(), {"scopes": []}),
    "auditcheckpoint_not_empty": lambda city: again(
        checkpoint(), {"sequence": 9, "first": 10}, {"sequence": 9, "first": 0}
    ),
    "indexkey_only_one": lambda city: [lambda: IndexKey.objects.create(pk=2, fingerprint=b"x" * 32)],
    "session_of_somebody_has_times": lambda city: changed(
        Session.objects.create(session_key="k", expire_date=timezone.now()), user=make.make_user()
    ),
    "passkey_once": lambda city: again(passkey(), user=make.make_user()),
    "passkey_count_counts": lambda city: changed(passkey(), sign_count=-1),
    "recoverycode_once": lambda city: again(recovery_code()),
    "exportapproval_by_another_person": lambda city: decided_by_the_asker(export_approval()),
    "exportapproval_decided_whole": lambda city: decided_wrongly(export_approval()),
    "job_done_within_total": lambda city: changed(job(), done=2),
    "job_running_has_lease": lambda city: changed(job(), state="running"),
    "rowfix_once_per_cell": lambda city: (
        again(of_batch(RowFix, row=2, column="name", value="甲")) + again(of_batch(RowFix, row=2))
    ),
    "rowrepair_once_per_cell": lambda city: again(of_batch(RowRepair, row=2, column="name", rule="全角")),
    "columnmapping_once_per_header": lambda city: again(column_mapping()),
    "batchrange_once": lambda city: again(of_batch(BatchRange, first=1, last=9), last=8),
    "batchrange_not_empty": lambda city: changed(of_batch(BatchRange, first=1, last=9), last=0),
    "batchchange_once_per_record": lambda city: again(of_batch(BatchChange, record_id=1, before={})),
    "columnsighting_once_per_column": lambda city: again(of_batch(ColumnSighting, column="name", ids=b"\x01")),
    "batchconflict_once_per_record": lambda city: again(of_batch(BatchConflict, record_id=1, kind="edited")),
    "savedview_name_once": lambda city: again(saved_view(), query="q=2"),
    "savedview_one_default": lambda city: again(saved_view(is_default=True), name="另一个"),
    "idempotencykey_once": lambda city: again(request_key()) + again(request_key(make.make_user())),
}


# --- orgs -------------------------------------------------------------------------------------------------------------


def posting(unit) -> Posting:
    return make.make_user("leader", unit).postings.get()


ORGS: Cases = {
    "division_only_city_has_no_parent": lambda city: changed(city.divisions["yuehai"], {"parent": None}, {"level": 1}),
    "division_name_once_per_parent": lambda city: again(city.divisions["yuehai"], code="new"),
    "division_id_parent": lambda city: again(
        (row := without_primary_key(city.divisions["yuehai"])), pk=row.pk, code="new", name="新街道"
    ),
    "organization_only_city_has_no_parent": lambda city: (
        changed(city.yuehai, parent=None) + changed(city.city, parent=city.nanshan)
    ),
    "organization_guidance_needs_district": lambda city: changed(city.yuehai, district_committee=None),
    "organization_extension_needs_document": lambda city: changed(
        city.yuehai, term_ends_on=DAY, extended_until=DAY + timedelta(days=1)
    ),
    "organization_extension_after_term": lambda city: changed(
        city.yuehai,
        {"extended_until": DAY, "extension_document": "深党〔2026〕1号"},
        {"extended_until": DAY, "extension_document": "深党〔2026〕1号", "term_ends_on": DAY},
    ),
    "organization_term_in_order": lambda city: changed(city.yuehai, term_starts_on=DAY, term_ends_on=DAY),
    "organization_kind_fits_level": lambda city: (
        changed(city.yuehai, {"level": 4}, {"kind": "branch"})
        + changed(make.make_branch(city.yuehai), kind="guidance_station")
    ),
    "organization_is_its_own_ancestor": lambda city: (
        changed(city.yuehai, {"guidance_station": None}, {"guidance_station": city.shahe})
        + changed(city.nanshan, {"district_committee": None}, {"district_committee": city.futian})
    ),
    "organization_street_needs_district": lambda city: changed(city.yuehai, district=None),
    "organization_closed_after_approved": lambda city: changed(
        city.yuehai, approved_on=DAY, closed_on=DAY - timedelta(days=1)
    ),
    "organization_name_once_per_parent": lambda city: changed(city.yuehai, name=city.shahe.name),
    "organization_id_district": lambda city: again(
        (row := without_primary_key(city.yuehai)), pk=row.pk, code="new", name="新指导站", path="new"
    ),
    "orgs_organization_guidance_station_in_district_committee": lambda city: changed(
        make.make_branch(city.yuehai), district_committee=city.futian
    ),
    "orgs_organization_street_in_district": lambda city: changed(city.yuehai, district=city.divisions["futian"]),
    "posting_at_exactly_one_unit": lambda city: changed(
        posting(city.yuehai), {"organization": None}, {"division": city.divisions["yuehai"]}
    ),
    "posting_period_in_order": lambda city: changed(
        (row := posting(city.yuehai)), {"ends_on": row.starts_on - timedelta(days=1)}
    ),
    "posting_once_while_open": lambda city: again(posting(city.yuehai)) + again(posting(city.divisions["yuehai"])),
}


# --- markets ----------------------------------------------------------------------------------------------------------


def business(city):
    return make.make_business(city.yuehai)


def market(city):
    return make.make_market(city.yuehai)


def industry_area(city) -> IndustryArea:
    return IndustryArea.objects.create(code="A1", name="餐饮片区", **make.placed(city.yuehai))


def delivery_site(city) -> DeliverySite:
    platform = Platform.objects.create(name="跑腿平台")
    return DeliverySite.objects.create(platform=platform, name="一号网点", **make.placed(city.yuehai))


def declaration(city) -> Declaration:
    return Declaration.objects.create(
        business=business(city), source="annual_report", as_of=DAY, members_incl_probationary=12
    )


def hand_over(city) -> HandOver:
    return HandOver.objects.create(business=business(city), to=city.futian, asked_by=make.make_user())


def business_coverage(city) -> BusinessCoverage:
    return BusinessCoverage.objects.create(
        organization=make.make_branch(city.yuehai), business=business(city), mode="own", starts_on=DAY
    )


def market_coverage(city) -> MarketCoverage:
    return MarketCoverage.objects.create(organization=make.make_branch(city.yuehai), market=market(city), starts_on=DAY)


def union(city) -> GroupOrganization:
    return GroupOrganization.objects.create(business=business(city), kind="union", starts_on=DAY)


MARKETS: Cases = {
    "business_has_a_code": lambda city: changed(business(city), legacy_registration_no=None),
    "declaration_once_per_day": lambda city: again(declaration(city)),
    "declaration_annual_report_knows_only_the_sum": lambda city: changed(declaration(city), full_members=11),
    "handover_asked_by_person_or_system": lambda city: changed(
        hand_over(city), {"asked_by": None}, {"asked_by_system": "登记系统"}
    ),
    "handover_one_open": lambda city: again(hand_over(city), to=city.nanshan),
    "businesscoverage_period_in_order": lambda city: ends_too_early(business_coverage(city)),
    "businesscoverage_never_twice": lambda city: overlaps(business_coverage(city), mode="joint"),
    "marketcoverage_period_in_order": lambda city: ends_too_early(market_coverage(city)),
    "marketcoverage_never_twice": lambda city: overlaps(market_coverage(city)),
    "grouporganization_period_in_order": lambda city: ends_too_early(union(city)),
    "grouporganization_never_twice": lambda city: overlaps(union(city), name="另一个工会"),
    "deliverysite_name_once_per_platform": lambda city: again(delivery_site(city)),
}


# --- members ----------------------------------------------------------------------------------------------------------

NOTICE_PARTS = ["handler", "purpose", "kinds", "retention", "rights", "sensitive", "digest"]


def affiliation(city, kind: str = "formal"):
    return make.make_affiliation(make.make_member(), make.make_branch(city.yuehai), kind=kind, starts_on=DAY)


def assignment(city) -> InstructorAssignment:
    instructor = Instructor.objects.create(organization=city.yuehai, name="王五")
    return InstructorAssignment.objects.create(instructor=instructor, business=business(city), starts_on=DAY)


def secretary(city) -> Seat:
    return Seat.objects.create(
        organization=make.make_branch(city.yuehai), member=make.make_member(), post="secretary", starts_on=DAY
    )


def poster() -> Poster:
    return Poster.objects.create(code="P1", kind="service_point")


def registration(city) -> Registration:
    return Registration.objects.create(
        district_committee=city.nanshan, guidance_station=city.yuehai, due_on=DAY, name="张三丰"
    )


ASSESSMENT_PARTS = {"lawful": "", "impact": "", "measures": "", "conclusion": "", "keeper": "", "covers": []}


def assessment() -> ImpactAssessment:
    said = {part: ["members.Member"] if part == "covers" else "写了" for part in ASSESSMENT_PARTS}
    return ImpactAssessment.objects.create(title="自主报到", assessed_on=DAY, **said)


def rights_request(city) -> RightsRequest:
    return RightsRequest.objects.create(registration=registration(city), kind="copy", due_on=DAY)


def notice(**more) -> Notice:
    said = dict.fromkeys(NOTICE_PARTS, "写全") | {"joint": "没有", "consent_anew": False, "change": "第一版"}
    return Notice.objects.create(**{"version": "v1"} | said | more)


def ferry_file() -> FerryFile:
    return FerryFile.objects.create(
        direction="to-staff", number=1, made_at=timezone.now(), digest="0" * 64, key="0" * 16
    )


def consent(city) -> Consent:
    return Consent.objects.create(registration=registration(city), notice=notice(), item="membership", channel="poster")


def pledge(city, **more) -> Pledge:
    return make.make_pledge(make.make_member(), city.yuehai, **more)


MEMBERS: Cases = {
    "member_end_has_reason_and_day": lambda city: changed(make.make_member(), {"ended": "died"}, {"ended_on": DAY}),
    "member_phone_tail_is_short": lambda city: changed(make.make_member(), {"phone_tail": "123"}, {"phone_tail": "a"}),
    "membercode_one_live": lambda city: again(
        MemberCode.objects.create(member=make.make_member(), code="one", code_index=b"1"), code="two", code_index=b"2"
    ),
    "pledge_one_live": lambda city: again(pledge(city), number="二号"),
    "pledge_number_hangs_once": lambda city: again(
        pledge(city, number="一号", withdrawn_at=timezone.now()), member=make.make_member("李四")
    ),
    "pledge_taken_off_once_withdrawn": lambda city: changed(pledge(city), taken_off_on=DAY),
    "affiliation_period_in_order": lambda city: ends_too_early(affiliation(city)),
    "affiliation_one_formal_at_a_time": lambda city: overlaps(
        affiliation(city), organization=make.make_branch(city.yuehai)
    ),
    "affiliation_never_twice": lambda city: overlaps(affiliation(city, "activity")),
    "instructorassignment_period_in_order": lambda city: ends_too_early(assignment(city)),
    "instructorassignment_to_exactly_one": lambda city: changed(
        assignment(city), {"business": None}, {"market": market(city)}
    ),
    "instructorassignment_never_twice": lambda city: overlaps(assignment(city), role="liaison"),
    "instructorassignment_market_never_twice": lambda city: overlaps(
        InstructorAssignment.objects.create(instructor=assignment(city).instructor, market=market(city), starts_on=DAY),
        role="liaison",
    ),
    "seat_period_in_order": lambda city: ends_too_early(secretary(city)),
    "seat_one_secretary": lambda city: overlaps(secretary(city), member=make.make_member("李四")),
    "seat_never_twice": lambda city: overlaps(
        Seat.objects.create(
            organization=make.make_branch(city.yuehai), member=make.make_member(), post="member", starts_on=DAY
        )
    ),
    "poster_names_what_its_kind_needs": lambda city: changed(
        poster(), {"kind": "market"}, {"kind": "guidance_station"}, {"market": market(city)}, {"kind": "other"}
    ),
    "registration_verified_has_member_and_method": lambda city: changed(
        registration(city),
        {"state": "verified", "method": "document"},
        {"state": "verified", "member": make.make_member()},
    ),
    "registration_refusal_has_reason": lambda city: changed(registration(city), state="not_verified"),
    "registration_duplicate_names_the_other": lambda city: changed(registration(city), state="duplicate"),
    "registration_counter_is_confirmed_by_the_person": lambda city: changed(
        registration(city), {"channel": "counter"}, {"channel": "counter", "confirmation": "reference"}
    ),
    "registration_withdrawn_has_time": lambda city: changed(
        registration(city), {"state": "withdrawn"}, {"withdrawn_at": timezone.now()}
    ),
    "notice_published_names_joint_handlers": lambda city: again(
        notice(published_at=timezone.now()), {"joint": "", "version": "v2"}
    ),
    "notice_published_says_whether_consent_anew": lambda city: again(
        notice(published_at=timezone.now()), {"consent_anew": None, "version": "v2"}, {"change": "", "version": "v2"}
    ),
    "notice_published_is_complete": lambda city: again(
        notice(published_at=timezone.now()), *({part: "", "version": "v2"} for part in NOTICE_PARTS)
    ),
    "submission_waits_with_its_box_or_has_an_outcome": lambda city: changed(
        Submission.objects.create(kind="footfall", box=b"1"),
        {"box": None},
        {"outcome": "taken"},
        {"taken_at": timezone.now()},
    ),
    "ferryfile_number_once": lambda city: again(ferry_file()),
    "ferryfile_is_whole_or_lost": lambda city: again(
        ferry_file(), {"number": 2, "digest": ""}, {"number": 3, "key": ""}, {"number": 4, "made_at": None}
    ),
    "ferryfile_numbers_from_one": lambda city: again(ferry_file(), {"number": 0}),
    "rightsrequest_is_somebodys": lambda city: changed(rights_request(city), registration=None),
    "rightsrequest_done_has_outcome": lambda city: changed(
        rights_request(city), {"outcome": "granted"}, {"done_at": timezone.now()}
    ),
    "rightsrequest_copy_ends": lambda city: changed(rights_request(city), sealed=b"1"),
    "impactassessment_reviewed_later": lambda city: changed(assessment(), review_on=DAY),
    "impactassessment_finished_is_complete": lambda city: changed(
        assessment(), *({"finished_at": timezone.now(), part: empty} for part, empty in ASSESSMENT_PARTS.items())
    ),
    "consent_is_somebodys": lambda city: again(consent(city), registration=None),
    "consent_once_while_live": lambda city: again(consent(city)),
    "consent_once_per_member": lambda city: again(
        Consent.objects.create(member=make.make_member(), notice=notice(), item="check_in", channel="poster")
    ),
}


# --- stations, reports ------------------------------------------------------------------------------------------------


def service_point(city):
    return make.make_service_point(city.yuehai, kind="counter")


def check_in(city) -> CheckIn:
    return CheckIn.objects.create(
        member=make.make_member(), place=service_point(city), on=DAY, occurred_at=timezone.now(), channel="scan",
        **make.placed(city.yuehai),
    )  # fmt: skip


def snapshot(**unit) -> Snapshot:
    return Snapshot.objects.create(as_of=DAY, **unit)


def closing() -> MonthClosing:
    return MonthClosing.objects.create(month=DAY, as_of=DAY, digest="0" * 64)


PLACES: Cases = {
    "servicepoint_one_counter_per_guidance": lambda city: again(service_point(city), code="new"),
    "checkin_once_a_day": lambda city: again(check_in(city), nonce=CheckIn().nonce),
    "checkin_spoken_names_the_officer": lambda city: changed(check_in(city), channel="spoken"),
    "footfalltally_one_per_day": lambda city: again(
        FootfallTally.objects.create(place=service_point(city), on=DAY, count=3)
    ),
    "checkintally_one_per_day": lambda city: again(
        CheckInTally.objects.create(place=service_point(city), on=DAY, purpose="study", count=3)
    ),
    "snapshot_of_exactly_one_unit": lambda city: again(
        snapshot(organization=city.yuehai), {"organization": None}, {"division": city.divisions["yuehai"]}
    ),
    "snapshot_once_per_day": lambda city: (
        again(snapshot(organization=city.yuehai)) + again(snapshot(division=city.divisions["yuehai"]))
    ),
    "monthclosing_revision_once": lambda city: again(closing()),
    "monthclosing_revision_needs_reason": lambda city: again(closing(), revision=2),
    "monthclosing_month_is_its_first_day": lambda city: again(closing(), month=DAY + timedelta(days=1)),
    "reportedfigure_once_per_day": lambda city: again(
        ReportedFigure.objects.create(place="深圳", name="组织数", value=1, as_of=DAY, source="公报"), value=2
    ),
}
