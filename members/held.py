"""What this room keeps about persons, column by column (accounts/personal.py)."""

from django.db.models import Q

from accounts.personal import CONSENT, HIGH, INTERNAL, ROLL, SENSITIVE, Column, Held, declare, of_no_person
from members import identity
from members.copies import Person
from members.models import (
    Affiliation,
    Answer,
    Consent,
    ContactLog,
    Draft,
    Instructor,
    InstructorAssignment,
    IntakeClient,
    IntakePerson,
    Member,
    MemberCode,
    Pledge,
    Receipt,
    Registration,
    RightsRequest,
    Seat,
    Submission,
    Transfer,
)

WHOSE = "党员"
UNTIL_WITHDRAWN = "至本人撤回；撤回后 15 日内抹除，没有核实的办结后 90 日抹除"
WITH_ROLL = "组织关系在本市小个专党组织期间；不在的，随本人撤回 15 日内抹除"
AS_PERSON = "同本人的报到或名册"
NO_NAME = "只有编号和日期；本人抹除后只余编号"
KEY = Column(SENSITIVE, "查重：带密钥的摘要，不能还原", copied=False)
PLACED = frozenset({"district_committee", "guidance_station"})
EXPORT, ROLL_FILE, LEAD_FILE = "党员名单导出（遮盖）", "党员名册表格（遮盖）", "报到线索表格（遮盖）"


def _hidden(value: object) -> str:
    return ""


def _through(person: Person) -> Q:
    return Q(member=person.member) if person.member else Q(pk__in=[])


def _forms(person: Person) -> Q:
    return Q(registration__in=[row.pk for row in person.registrations])


MEMBER = Held(
    model=Member,
    whose=WHOSE,
    purpose="知道谁是党员，联系、编入名册、查重",
    basis=ROLL,
    retention=WITH_ROLL,
    columns={
        "name": Column(SENSITIVE, mask=identity.mask_name),
        "sex": Column(SENSITIVE),
        "id_number": Column(HIGH, "准确核实、避免重名重号；单独同意或在册才有", identity.mask_id),
        "id_number_index": KEY,
        "phone": Column(HIGH, "联系本人", lambda phone: identity.mask_phone(phone[-4:])),
        "phone_index": KEY,
        "phone_tail": Column(SENSITIVE, "遮盖显示、按尾号查找", copied=False),
        "standing": Column(SENSITIVE),
        "ended": Column(SENSITIVE, "不再计入的原因"),
        "ended_on": Column(SENSITIVE),
        "joined_on": Column(SENSITIVE, "名册所需"),
        "occupation": Column(SENSITIVE, "分类统计、就近联系"),
        "workplace_business": Column(SENSITIVE, "就近联系"),
        "workplace": Column(SENSITIVE, "就近联系"),
    },
    plain=frozenset({"entered_at", "erased_at", "row_code"}),
    seen_with=("members.view_member",),
    leaves_by=(EXPORT, ROLL_FILE, "接口 /api/v1/members/（遮盖）"),
    rows=lambda person: [person.member] if person.member else [],
)
REGISTRATION = Held(
    model=Registration,
    whose="自主报到的人",
    purpose="联系本人并向组织关系所在党组织核实",
    basis=CONSENT,
    retention=UNTIL_WITHDRAWN,
    columns={
        "name": Column(SENSITIVE, mask=identity.mask_name),
        "sex": Column(SENSITIVE),
        "id_number": MEMBER.columns["id_number"],
        "id_number_index": KEY,
        "phone": MEMBER.columns["phone"],
        "phone_index": KEY,
        "phone_tail": MEMBER.columns["phone_tail"],
        "standing": Column(SENSITIVE),
        "occupation": MEMBER.columns["occupation"],
        "workplace_business": MEMBER.columns["workplace_business"],
        "workplace": MEMBER.columns["workplace"],
        "market": MEMBER.columns["workplace"],
        "home_place": Column(SENSITIVE, "向组织关系所在党组织核实"),
        "home_branch": Column(SENSITIVE, "向组织关系所在党组织核实"),
        "home_unknown": Column(SENSITIVE),
        "channel": Column(INTERNAL),
        "confirmation": Column(INTERNAL),
        "submitted_at": Column(INTERNAL),
        "state": Column(SENSITIVE),
        "method": Column(SENSITIVE),
        "decided_at": Column(INTERNAL),
        "reason": Column(SENSITIVE, "没有核实的原因", _hidden),
        "withdrawn_at": Column(INTERNAL),
        "guidance_station": Column(INTERNAL),
    },
    plain=frozenset({"district_committee", "poster", "member", "duplicate_of", "due_on", "erased_at", "row_code"}),
    seen_with=("members.view_registration",),
    leaves_by=(LEAD_FILE,),
    rows=lambda person: person.registrations,
)
BELONGING = (
    Held(
        model=Affiliation,
        whose=WHOSE,
        purpose="组织关系和纳管",
        basis=ROLL,
        retention=NO_NAME,
        columns={
            "kind": Column(SENSITIVE), "organization": Column(SENSITIVE), "starts_on": Column(SENSITIVE),
            "ends_on": Column(SENSITIVE), "contact": Column(SENSITIVE, "谁负责联系", copied=False),
        },
        plain=PLACED | {"member", "entered_at", "row_code"},
        seen_with=("members.view_affiliation",),
        leaves_by=(EXPORT, ROLL_FILE),
        rows=lambda person: Affiliation.objects.filter(_through(person)).select_related("organization"),
    ),
    Held(
        model=Transfer,
        whose=WHOSE,
        purpose="组织关系转接的记录",
        basis=ROLL,
        retention=WITH_ROLL,
        columns={
            "origin": Column(SENSITIVE), "target": Column(SENSITIVE), "elsewhere": Column(SENSITIVE),
            "number": Column(SENSITIVE), "sent_on": Column(SENSITIVE), "decided_on": Column(SENSITIVE),
            "state": Column(SENSITIVE), "reason": Column(SENSITIVE),
        },
        plain=frozenset({"member", "valid_until"}),
        seen_with=("members.view_transfer",),
        rows=lambda person: Transfer.objects.filter(_through(person)).select_related("origin", "target"),
    ),
    Held(
        model=Seat,
        whose=WHOSE,
        purpose="党组织班子成员",
        basis=ROLL,
        retention=NO_NAME,
        columns={
            "organization": Column(SENSITIVE), "post": Column(SENSITIVE), "starts_on": Column(SENSITIVE),
            "ends_on": Column(SENSITIVE),
        },
        plain=frozenset({"member"}),
        seen_with=("members.view_seat",),
        rows=lambda person: Seat.objects.filter(_through(person)).select_related("organization"),
    ),
    Held(
        model=Pledge,
        whose=WHOSE,
        purpose="三亮，本人单独同意才公开",
        basis="本人单独同意公开（个人信息保护法第二十五条）",
        retention="至撤下；撤下满 12 个月删除，随本人抹除",
        columns={
            "name": Column(SENSITIVE, "牌上公开的姓名", identity.mask_name),
            "standing": Column(SENSITIVE), "organization_name": Column(SENSITIVE), "duty": Column(SENSITIVE),
            "promise": Column(SENSITIVE), "place": Column(SENSITIVE, "牌子挂在哪里，好去取下"),
            "number": Column(SENSITIVE, "认出是哪一块牌子"), "consented_at": Column(INTERNAL),
            "withdrawn_at": Column(INTERNAL), "taken_off_on": Column(INTERNAL),
        },
        plain=frozenset({"member", "organization"}),
        seen_with=("members.view_pledge",),
        rows=lambda person: Pledge.objects.filter(_through(person)),
    ),
    Held(
        model=MemberCode,
        whose=WHOSE,
        purpose="签到时不报姓名",
        basis=CONSENT,
        retention="至作废；随本人抹除",
        columns={
            "code": Column(HIGH, mask=lambda code: "（本人回执上可见）"),
            "code_index": Column(SENSITIVE, copied=False),
            "issued_at": Column(INTERNAL),
            "revoked_at": Column(INTERNAL),
        },
        plain=frozenset({"member"}),
        rows=lambda person: MemberCode.objects.filter(_through(person)),
    ),
)  # fmt: skip
AROUND_A_FORM = (
    Held(
        model=Consent,
        whose="自主报到的人",
        purpose="证明本人同意了什么、什么时候撤回",
        basis="个人信息保护法第十四至十六条",
        retention=NO_NAME,
        columns={
            "item": Column(SENSITIVE), "notice": Column(INTERNAL), "channel": Column(INTERNAL),
            "given_at": Column(INTERNAL), "withdrawn_at": Column(INTERNAL), "reference": Column(INTERNAL),
        },
        plain=frozenset({"registration", "member", "row_code"}),
        seen_with=("members.view_registration",),
        rows=lambda person: Consent.objects.filter(_through(person) | _forms(person)).select_related("notice"),
    ),
    Held(
        model=Receipt,
        whose="自主报到的人",
        purpose="本人不用账号就能查看、撤回",
        basis=CONSENT,
        retention="只有编号、摘要和时间，随报到保留",
        columns={
            "form_token": Column(HIGH, "打开回执的凭据", copied=False),
            "code_index": Column(SENSITIVE, copied=False),
            "agreement_index": Column(SENSITIVE, "同一份同意只登记一次：带密钥的摘要", copied=False),
            "items": Column(SENSITIVE), "made_at": Column(INTERNAL), "withdrawn_at": Column(INTERNAL),
        },
        plain=frozenset({"registration", "agreed_at", "is_joined", "phone_differs", "notice"}),
        rows=lambda person: Receipt.objects.filter(_forms(person), is_joined=False),
    ),
    Held(
        model=ContactLog,
        whose="自主报到的人",
        purpose="记下联系过几次、结果如何",
        basis=CONSENT,
        retention=NO_NAME,
        columns={"at": Column(INTERNAL), "outcome": Column(SENSITIVE)},
        plain=frozenset({"registration"}),
        seen_with=("members.view_registration",),
        rows=lambda person: ContactLog.objects.filter(_forms(person)),
    ),
    Held(
        model=RightsRequest,
        whose="提出申请的人",
        purpose="办理本人的个人信息权利申请",
        basis="个人信息保护法第四十四至五十条",
        retention="随报到或名册；给本人的副本 30 天",
        columns={
            "kind": Column(SENSITIVE), "asked_at": Column(INTERNAL), "due_on": Column(INTERNAL),
            "details": Column(SENSITIVE, mask=_hidden), "done_at": Column(INTERNAL), "outcome": Column(INTERNAL),
            "reply": Column(SENSITIVE, mask=_hidden),
            "sealed": Column(HIGH, "给本人的副本，只有回执号能打开", copied=False),
        },
        plain=frozenset({"registration", "member", "receipt", "sealed_until"}),
        seen_with=("members.view_rightsrequest",),
        rows=lambda person: RightsRequest.objects.filter(_through(person) | _forms(person)),
    ),
    Held(
        model=IntakePerson,
        whose="自主报到的人",
        purpose="办事窗口采集的报到来自哪个登记事项",
        basis=CONSENT,
        retention=NO_NAME,
        columns={"consent_channel": Column(INTERNAL)},
        plain=frozenset({"event", "registration"}),
        rows=lambda person: IntakePerson.objects.filter(_forms(person)),
    ),
    Held(
        model=Draft,
        whose="正在填表的人",
        purpose="填到一半可以接着填",
        basis=CONSENT,
        retention="没有提交的最多 24 小时，窗口代录的 30 分钟",
        columns={
            "content": Column(HIGH, "整份加密"), "form_token": Column(HIGH), "code_index": Column(SENSITIVE),
            "confirm_digest": Column(SENSITIVE),
        },
        plain=frozenset({
            "channel", "poster", "guidance_station", "confirm_tries", "confirm_sent_at", "expires_at",
        }),
        seen_with=("members.add_registration",),
    ),
    Held(
        model=Submission,
        whose="在公众侧提交的人",
        purpose="从公众侧送到工作侧",
        basis=CONSENT,
        retention="取件后当即清空，编号和时间 60 天；打不开的 60 天",
        columns={"box": Column(HIGH, "封装给工作侧，公众侧打不开", copied=False)},
        plain=frozenset({"id", "kind", "received_at", "taken_at", "outcome", "ferried_in"}),
    ),
    Held(
        model=Answer,
        whose="持有回执的人",
        purpose="本人凭回执在公众侧查看进展、自己的信息和签到",
        basis=CONSENT,
        retention="同本人的报到；本人抹除后只剩状态",
        columns={
            "sealed": Column(HIGH, "只有回执号能打开", copied=False), "code_index": Column(SENSITIVE, copied=False),
        },
        plain=frozenset({"written_at", "ferried_in", "what"}),
    ),
)  # fmt: skip
GUIDES = (
    Held(
        model=Instructor,
        whose="指导员",
        purpose="谁联系指导哪个主体、市场",
        basis="履行工作职责",
        retention="担任期间；离任后随派驻记录保留",
        columns={"name": Column(INTERNAL), "background": Column(INTERNAL), "ends_on": Column(INTERNAL)},
        plain=frozenset({"organization"}),
        seen_with=("members.view_instructor",),
    ),
)


def register() -> None:
    declare(MEMBER, REGISTRATION, *BELONGING, *AROUND_A_FORM, *GUIDES)
    of_no_person(IntakeClient, "密文是其他部门系统的密钥")
    of_no_person(InstructorAssignment, "指导员在指导员表")
