"""The columns of rolls and leads. What names a person is masked wherever it is taken out; a masked cell says nothing."""

from collections.abc import Callable

from django.urls import reverse
from django.utils import timezone

from members import identity
from members.models import Affiliation, Member, Pledge, Registration
from orgs.imports import office_name
from tables import cells
from tables.table import Column, Table

Standing = Member.Standing
STANDINGS = {"正式": Standing.FULL, "预备": Standing.PROBATIONARY, "中共党员": Standing.FULL,
             "中共预备党员": Standing.PROBATIONARY}  # fmt: skip
CONSENT_CHANNELS = ("办事窗口", "网上办理", "自助终端", "手机办理", "现场填写", "电话录音", "短信确认")
MASKED = "导出的文件里姓名、身份号码、手机号是遮盖的；带 * 的格子按没有变化处理。"


def _checked(check: Callable[[str], str]) -> cells.Parse:
    def parse(text: str) -> str:
        try:
            return check(text)
        except identity.IdentityError as error:
            raise cells.Wrong(str(error).rstrip("。")) from error

    return parse


def person_name(text: str) -> str:
    name = identity.clean_name(text)
    if not name:
        raise cells.Wrong("姓名里没有文字，请核对")
    return cells.text(60)(name)


def _person_columns(of: Callable, *, id_needed: bool, phone_needed: bool) -> tuple[Column, ...]:
    """Who it is. `of` leads from a row of the list to whom the columns are about."""
    return (
        Column("name", "姓名", ("党员姓名",), personal=True, needed=True, parse=person_name,
               value=lambda row: identity.mask_name(of(row).name), example=("示例甲", "示例乙")),
        Column("sex", "性别", kind="choice", parse=cells.choice(Member.Sex), choices=("男", "女"),
               value=lambda row: of(row).get_sex_display(), shown=False, example=("男", "女")),
        Column("id_number", "身份号码", ("身份证号", "身份证号码", "公民身份号码", "居民身份证号码", "证件号码"), kind="code",
               personal=True, needed=id_needed, parse=_checked(identity.check_id), shown=False,
               value=lambda row: identity.mask_id(of(row).id_number), example=("44030019XXXXXXXXXX", "")),
        Column("phone", "手机号", ("手机", "手机号码", "联系电话", "联系方式", "电话"), kind="code", personal=True,
               needed=phone_needed, parse=_checked(identity.check_phone),
               value=lambda row: identity.mask_phone(of(row).phone_tail), example=("138XXXXXXXX", "139XXXXXXXX")),
        Column("standing", "党员类别", ("人员类别", "党员类型", "政治面貌"), kind="choice",
               parse=cells.choice(Standing, STANDINGS), choices=tuple(Standing.labels),
               value=lambda row: of(row).get_standing_display(), needed=id_needed, example=("正式党员", "预备党员")),
    )  # fmt: skip


def _work_columns(of: Callable) -> tuple[Column, ...]:
    return (
        Column("occupation", "职业", ("工作岗位",), kind="choice", parse=cells.choice(Member.Occupation),
               choices=tuple(Member.Occupation.labels), value=lambda row: of(row).get_occupation_display(), shown=False,
               example=("个体经营者", "")),
        Column("workplace", "工作单位", ("单位", "工作单位或摊位", "从业单位"), parse=cells.text(200), shown=False,
               value=lambda row: of(row).workplace, example=("示例商行", "")),
    )  # fmt: skip


def _member(row: Affiliation) -> Member:
    return row.member


def _itself(row: Registration) -> Registration:
    return row


def _hangs(row: Pledge) -> str:
    if row.withdrawn_at is None:
        return "在挂"
    return f"{row.taken_off_on} 已取下" if row.taken_off_on else "已撤下，请确认牌子已取下"


def _whose(row: Pledge) -> str:
    """Whose plaque has ended may be no member of anybody's here any more."""
    return "" if row.withdrawn_at else reverse("members:detail", args=[row.member_id])


PLEDGES = Table(
    name="pledge",
    title="三亮牌（部分遮盖）",
    columns=(
        Column("name", "姓名", personal=True, value=lambda row: identity.mask_name(row.name), link=_whose),
        Column("hangs", "状态", kind="choice", value=_hangs,
               badge=lambda row: "warn" if row.withdrawn_at and not row.taken_off_on else ""),
        Column("place", "挂牌地点"),
        Column("number", "牌号", kind="code"),
        Column("organization_name", "党组织"),
        Column("consented_at", "本人同意", kind="date", value=lambda row: f"{timezone.localtime(row.consented_at):%Y-%m-%d}"),
    ),
)  # fmt: skip

ROLLS = Table(
    name="roll",
    title="党员名册",
    columns=(
        Column("number", "档案编号", ("党员编号",), kind="integer", source="member_id", parse=cells.number,
               shown=False),
        *_person_columns(_member, id_needed=True, phone_needed=False),
        Column("organization", "党支部", ("所在党支部", "所在党组织", "党组织", "支部", "组织关系所在党组织"), kind="place",
               source="organization.name", written=lambda row: f"{row.organization.name}（{row.organization.code}）",
               example=("示例市场联合党支部", "示例市场联合党支部")),
        Column("joined_on", "入党日期", ("入党时间", "加入党组织日期"), kind="date", parse=cells.date,
               source="member.joined_on", example=("2001-07-01", "")),
        Column("starts_on", "在册起", ("转入日期", "进入党支部日期", "组织关系转入日期"), kind="date", parse=cells.date,
               example=("2020-01-02", "")),
        *_work_columns(_member),
    ),
    needs=(("id_number", "number"),),
    notes=(
        "身份号码用来认出同一个人，新增的必须填写，还要填姓名、党员类别、党支部；您只管一个支部时，党支部可以不填。",
        "文件不转移组织关系：已在他处的人员会列出来，请办理组织关系转接。",
        "身份号码和手机号加密保存；填错的格子在页面上只显示第一个字。",
        MASKED,
        "空着的格子不会清掉系统里已有的内容。",
    ),
)  # fmt: skip

LEADS = Table(
    name="lead",
    title="报到线索",
    columns=(
        Column("number", "报到编号", kind="integer", source="pk", parse=cells.number, shown=False,
               link=lambda row: reverse("members:registration", args=[row.pk])),
        *_person_columns(_itself, id_needed=False, phone_needed=True),
        Column("office", "指导站", ("所属指导站", "监管所", "市场监管所"), kind="place", value=office_name,
               example=("粤海指导站", "粤海指导站")),
        Column("market", "所在市场", ("市场", "所属市场"), kind="place", source="market.name", shown=False),
        *_work_columns(_itself),
        Column("home_place", "组织关系所在地", ("组织关系所在省市县",), parse=cells.text(60), shown=False),
        Column("home_branch", "组织关系所在党组织", ("原党组织", "所在党组织"), parse=cells.text(100), shown=False),
        Column("notice", "告知书版本", ("同意的告知书版本", "告知书"), listed=False, exported=False, example=("V1", "V1")),
        Column("agreed_at", "同意时间", ("本人同意时间",), kind="time", parse=cells.moment, listed=False, exported=False,
               example=("2026-01-05 09:30", "2026-01-05 10:00")),
        Column("channel", "同意方式", ("同意渠道", "本人同意方式"), kind="choice", parse=cells.text(20),
               choices=CONSENT_CHANNELS, listed=False, exported=False, example=("办事窗口", "手机办理")),
        Column("items", "同意事项", ("本人同意的事项",), listed=False, exported=False),
        Column("state", "状态", source="get_state_display", imported=False),
        Column("due_on", "应办结日期", kind="date", imported=False),
    ),
    needs=(("phone", "number"),),
    notes=(
        "每一行都要有本人同意的凭证：告知书版本、同意时间、同意方式。缺一项就不登记。不报到没有任何影响。",
        "同意事项可填 党员身份、身份号码、核实、签到，用顿号隔开；不填的按党员身份和核实登记，写了身份号码的视为也同意。",
        "指导站和所在市场至少填一项。已经报到过的人员不会重复登记，只告诉您已在他处报到。",
        MASKED,
    ),
)  # fmt: skip
