"""Three systems, one truth: which of them may write which column of a business.

Each column has an order of sources. A file of source S writes a column where S stands before or beside the source that
the present value came from, and wherever nothing stands yet. A blank cell says nothing. A person's edit always writes.
`Business.provenance` names the source of a value where it is not the registration system. Whatever the order in which
files come in, the same values stand in the end; what no file has said yet is UNTOLD and anybody's to say.

A value that a person took instead of another (采用该值) stays until the system that leads the column says something
else than what was decided against.
"""

from django.db import models


class Source(models.TextChoices):
    REGISTRATION = "registration", "登记注册系统"
    ANNUAL_REPORT = "annual_report", "年报系统"
    SURVEY = "survey", "摸排台账"
    MANUAL = "manual", "人工"


UNTOLD = "untold"  # in `provenance` only: a new row's status or type that its file did not say
FILES = (Source.REGISTRATION, Source.ANNUAL_REPORT, Source.SURVEY)  # whose files can be brought in
_REGISTERED = (Source.REGISTRATION, Source.MANUAL, Source.ANNUAL_REPORT, Source.SURVEY)
# Columns that move together have one key: `place` is the four ancestors, `entity_type` goes with the text it was read
# from, `name` with its initials.
ORDER: dict[str, tuple[Source, ...]] = {
    # Facts that registering creates: nobody knows them better than the registry.
    "uscc": _REGISTERED,
    "legacy_registration_no": _REGISTERED,
    "name": _REGISTERED,
    "entity_type": _REGISTERED,
    "registered_on": _REGISTERED,
    "status": _REGISTERED,
    "industry": _REGISTERED,
    "address": _REGISTERED,  # 住所 is the registered one; where it really trades shows in `place` and `market_id`
    "scale": _REGISTERED,  # 小微企业名录 is kept by registration
    # The enterprise answers for its annual report; a visit knows more than the form filled in on the founding day.
    "employees": (Source.ANNUAL_REPORT, Source.MANUAL, Source.SURVEY, Source.REGISTRATION),
    # Who stands in which market is seen on the spot.
    "market_id": (Source.MANUAL, Source.SURVEY, Source.REGISTRATION, Source.ANNUAL_REPORT),
    # Whoever assigned a guidance station by hand knew why; otherwise the registry says who is in charge.
    "place": (Source.MANUAL, Source.REGISTRATION, Source.SURVEY, Source.ANNUAL_REPORT),
}
PLACE = ("district_committee_id", "guidance_station_id", "district_id", "street_id")
LABELS = {
    "uscc": "统一社会信用代码", "legacy_registration_no": "注册号", "name": "名称", "entity_type": "主体类型",
    "registered_on": "成立日期", "status": "登记状态", "industry": "行业代码", "address": "住所", "scale": "规模",
    "employees": "从业人数", "market_id": "所属市场", "place": "所在（指导站、区、街道）",
}  # fmt: skip
# What it is called that a full file of a source does not name a business, and what that means: in no case that it closed.
ABSENT = {
    Source.REGISTRATION: ("本次未出现", "登记在册而全量文件里没有，只列出，不会自动注销"),
    Source.ANNUAL_REPORT: ("未报送年报", "以前报送过、这次的全量文件里没有，只列出；没有报送不等于停业或注销"),
    Source.SURVEY: ("本次未摸排到", "以前摸排过、这次的全量文件里没有，只列出，请实地核实"),
}


def source_label(source: str) -> str:
    return "尚无系统说明" if source == UNTOLD else str(Source(source).label)


def key_of(column: str) -> str:
    """The key of ORDER under which a column of Business (field name or attname) stands; itself where it has none."""
    attname = f"{column}_id" if f"{column}_id" in (*PLACE, "market_id") else column
    return "place" if attname in PLACE else attname


def may_write(column: str, source: str, current: str) -> bool:
    """Whether `source` stands before or beside the source that the present value came from."""
    order = ORDER[column]
    return order.index(Source(source)) <= order.index(Source(current))


def writes_over(column: str, source: str) -> list[str]:
    """The sources whose values `source` may replace in a column."""
    return [str(current) for current in ORDER[column] if may_write(column, source, current)]


def leads(column: str, source: str) -> bool:
    return ORDER[column][0] == source
