"""The columns of businesses, for lists, exports, templates and the import; those of markets: place_tables.py."""

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache

from django.urls import reverse
from django.utils import timezone

from markets.codes import is_uscc
from markets.imports.texts import Wrong, entity_type
from markets.models import Business, Market
from markets.models.business import BY_AGE
from markets.place_tables import MARKETS, PLACE_RELATED
from orgs.imports import DISTRICT_NAMES, STREET_NAMES, office_name
from tables.keyset import NEWEST, Order
from tables.table import Column, Table

TYPES = (
    "有限责任公司", "股份有限公司", "个体工商户", "个人独资企业", "合伙企业", "分公司", "农民专业合作社",
    "小型企业", "微型企业",
)  # fmt: skip
STATUSES = ("存续", "在业", "开业", "歇业", "吊销", "注销", "迁出")


def _day(moment) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M") if moment else ""


def office_in_words(row) -> str:
    return office_name(row) or "待分派"


def predecessor_code(row) -> str | None:
    """Of a predecessor that the reader may see: whoever fetched the row asked the door (BusinessListing)."""
    seen = getattr(row, "seen_predecessor", None)
    return seen.code if seen else None


def type_in_file(row) -> str:
    """As the registry wrote it, unless somebody has put the type right since: then the type's own name."""
    return row.entity_type_text if _leads_to(row.entity_type_text, row.entity_type) else row.get_entity_type_display()


@lru_cache(4096)
def _leads_to(text: str, kind: str) -> bool:
    try:
        found, _, only_scale = entity_type(text) if text else ("", None, False)
    except Wrong:
        return False
    return only_scale or found == kind


def _like(pattern: str) -> Callable[[str], bool]:
    """For columns without a name: whether a cell can hardly be anything else."""
    compiled = re.compile(pattern)
    return lambda text: compiled.match(text) is not None


_is_name = _like(r"^(?!有限责任公司|股份有限公司).{3,}(公司|商行|商店|店|部|厂|社|中心|工作室|行|馆|院|铺|档|超市)$")
_is_type = _like(
    r"^(个体工商户|个体户?|有限责任公司.*|股份有限公司.*|个人独资企业.*|.{0,4}合伙企业.*|农民专业合作社.*|分公司)$"
)
_is_day = _like(r"^(19|20)[0-9]{2}([-/.年][0-9]{1,2}[-/.月][0-9]{1,2}日?|[0-9]{4})$")
_is_status = _like(rf"^({'|'.join(STATUSES)})")
_is_district = _like(r"^(深圳市)?[一-龥]{2,5}区$")
_is_street = _like(r"^[一-龥]{2,8}(街道|镇)(办事处)?$")
_is_office = _like(r"^[一-龥]{2,20}(监管所|监督管理所|指导站)$")

BUSINESSES = Table(
    name="business",
    title="经营主体",
    columns=(
        Column(
            "name",
            "名称",
            (
                "企业名称",
                "字号名称",
                "市场主体名称",
                "主体名称",
                "经营主体名称",
                "单位名称",
                "公司名称",
                "个体户名称",
                "商事主体名称",
                "个体工商户名称",
                "商户名称",
                "企业（字号）名称",
                "企业字号名称",
            ),
            recognised=_is_name,
            needed=True,
            example=("深圳市示例商贸有限公司", "南山区示例小吃店"),
            link=lambda row: reverse("markets:business_detail", args=[row.pk]),
        ),
        Column(
            "code",
            "统一社会信用代码",
            (
                "信用代码",
                "社会信用代码",
                "统一信用代码",
                "统一代码",
                "统一社会信用码",
                "统一社会信用代码/注册号",
                "统一社会信用代码或注册号",
                "信用代码/注册号",
                "USCC",
            ),
            recognised=is_uscc,
            kind="code",
            needed=True,
            example=("91440300XXXXXXXXXX", "92440300XXXXXXXXXX"),
        ),
        Column(
            "legacy",
            "注册号",
            ("旧注册号", "工商注册号", "营业执照注册号", "营业执照号", "原注册号", "注册号（旧）"),
            kind="code",
            source="legacy_registration_no",
            shown=False,
            listed=False,
        ),
        Column(
            "entity_type",
            "主体类型",
            (
                "市场主体类型",
                "经营主体类型",
                "企业类型",
                "登记类型",
                "类型",
                "公司类型",
                "企业（机构）类型",
                "市场主体类型名称",
                "商事主体类型",
                "类型名称",
                "经济类型",
            ),
            recognised=_is_type,
            kind="choice",
            needed=True,
            choices=TYPES,
            example=("有限责任公司", "个体工商户"),
            value=lambda row: row.entity_type_text or row.get_entity_type_display(),
            written=type_in_file,
        ),
        Column(
            "scale",
            "规模",
            ("企业规模", "规模类型", "企业规模类型"),
            kind="choice",
            source="get_scale_display",
            choices=("小型", "微型", "未划分"),
            example=("微型", ""),
            shown=False,
        ),
        Column(
            "industry",
            "行业代码",
            ("行业", "国民经济行业代码", "行业分类代码", "行业小类代码", "行业小类", "所属行业代码"),
            example=("F5211", "H6210"),
            shown=False,
        ),
        Column(
            "registered_on",
            "成立日期",
            ("成立时间", "注册日期", "登记日期", "开业日期", "注册时间", "设立日期", "设立时间"),
            recognised=_is_day,
            kind="date",
            example=("2020-01-02", "2021/3/15"),
        ),
        Column(
            "status",
            "经营状态",
            (
                "登记状态",
                "企业状态",
                "状态",
                "主体状态",
                "存续状态",
                "市场主体状态",
                "经营主体状态",
                "商事主体状态",
                "企业登记状态",
                "经营状态(中文)",
            ),
            recognised=_is_status,
            kind="choice",
            source="get_status_display",
            choices=STATUSES,
            example=("存续", ""),
        ),
        Column(
            "district",
            "所属区",
            DISTRICT_NAMES,
            recognised=_is_district,
            kind="place",
            source="district.name",
            example=("南山区", "南山区"),
        ),
        Column(
            "street",
            "所属街道",
            STREET_NAMES,
            recognised=_is_street,
            kind="place",
            source="street.name",
            example=("粤海街道", ""),
        ),
        Column(
            "office",
            "监管所",
            (
                "市场监管所",
                "所属监管所",
                "管辖单位",
                "指导站",
                "所属指导站",
                "监管单位",
                "所属市场监管所",
                "管辖机关",
                "市监所",
                "管辖所",
                "登记机关",
            ),
            recognised=_is_office,
            kind="place",
            value=office_in_words,
            example=("", "粤海市场监管所"),
        ),
        Column(
            "market",
            "所属市场",
            ("市场", "所在市场", "专业市场", "市场名称", "所属专业市场"),
            kind="place",
            source="market.name",
            written=lambda row: f"{row.market.name}（{row.market.code}）" if row.market else None,
            example=("", ""),
            shown=False,
        ),
        Column(
            "employees",
            "从业人数",
            (
                "从业人员",
                "从业人员数",
                "员工人数",
                "职工人数",
                "人数",
                "员工数",
                "从业人员人数",
                "职工总数",
                "在职人数",
                "用工人数",
            ),
            kind="integer",
            example=("12", "3"),
        ),
        Column(
            "full_members",
            "正式党员数",
            ("正式党员", "正式党员人数"),
            kind="integer",
            listed=False,
            exported=False,
            example=("3", ""),
        ),
        Column(
            "probationary_members",
            "预备党员数",
            ("预备党员", "预备党员人数"),
            kind="integer",
            listed=False,
            exported=False,
            example=("1", ""),
        ),
        Column(
            "members_incl_probationary",
            "党员人数(含预备)",
            ("党员人数", "党员数", "党员总数", "党员数(含预备)", "党员总数(含预备)", "党员人数含预备"),
            kind="integer",
            listed=False,
            exported=False,
            example=("4", ""),
        ),
        Column(
            "address",
            "住所",
            (
                "地址",
                "经营场所",
                "经营地址",
                "注册地址",
                "住所地址",
                "企业住所",
                "住所(经营场所)",
                "住所/经营场所",
                "主要经营场所",
                "详细地址",
                "单位地址",
                "企业地址",
            ),
            shown=False,
            example=("南山区粤海街道示例路 1 号", ""),
        ),
        Column(
            "predecessor",
            "前身代码",
            (
                "原个体工商户统一社会信用代码",
                "原统一社会信用代码",
                "原个体工商户注册号",
                "转企前代码",
                "转型前代码",
                "转企前统一社会信用代码",
                "转型前统一社会信用代码",
                "前身统一社会信用代码",
            ),
            kind="code",
            value=predecessor_code,
            listed=False,
            example=("", ""),
        ),
        Column("changed_at", "更新时间", value=lambda row: _day(row.changed_at), imported=False, shown=False),
    ),
    needs=(("code", "legacy"), ("name",), ("entity_type",), ("district", "street", "office")),
    notes=(
        "统一社会信用代码（或注册号）、名称、主体类型必须填；所属区、所属街道、监管所至少填一项。",
        "空着的格子不会清掉系统里已有的内容。列的先后不限，不需要的列可以删掉。",
        "不填经营状态的新主体按「存续」登记。不填监管所的按街道归入指导站；只填区的先列为「待分派」。",
        "个体工商户和从业人数不足 10 人（或没填）的主体，党员人数不保存，只告诉您有多少行。",
        "前身代码只有个转企的填：转型前个体工商户的代码或注册号，它已登记或在同一个文件里；覆盖关系和指导员随之转来。",
        "号码列请设为「文本」格式，否则 Excel 会把 18 位号码改成科学计数法。",
    ),
)

# Each is carried by an index in the city and by one in every scope (Business.Meta.indexes): a page is read from its mark
# on and nothing else is. By name there is none: an index of texts for each scope would be as large as the table, and
# most names begin with the city's; initials find what one would look for in an alphabet.
BUSINESS_ORDERS = (
    NEWEST,
    Order("youngest", "成立日期 新→旧", BY_AGE, date.fromisoformat),
    Order("oldest", "成立日期 旧→新", BY_AGE, date.fromisoformat, descending=False),
)

BUSINESS_RELATED = ("district", "street", "guidance_station", "market")
MARKET_RELATED = PLACE_RELATED
MODELS = {BUSINESSES.name: Business, MARKETS.name: Market}
