"""Rows below a header that are no data: who made the list, pages, remarks, units. Only where nothing else stands in them."""

import re
import unicodedata
from collections.abc import Sequence

from tables.readers.base import STRIPPED

_WHO = "制表|填表|填报|编制|编表|报表|统计|审核|复核|审批|校对|经办|打印|导出|录入|汇总|报送"
# What such a row begins with, for a first look at whole columns; what it is, is said below.
BEGINS = (
    rf"^[{STRIPPED}(（【]*(?:{_WHO}|主管|分管|领导|备\s*注|说\s*明|附?\s*注|联系|电话|日期|数据来源|单位|科室|部门|负责人|盖章"
    r"|签[字章名]|第|共|以下|此处|完|公?章|总\s*数|累\s*计|(?:19|20)[0-9]{2}\s*年|[Pp]age|[-—=*※]+)"
)
_LABEL = re.compile(
    rf"^(?:(?:{_WHO})(?:人员?|员|者|单位|部门|(?:生成)?(?:日期|时间)|说明)?(?:签[字章名])?|(?:单位|科室|部门)?负责人(?:签[字章名])?"
    r"|(?:主管|分管)?领导(?:签[字章名])?|联系人|联系电话|电话|日期"
    r"|数据来源|盖章|签[字章名]|单位\(?盖章\)?|(?:备|附)?注[0-9]?|说明)(?:\([^()]*\))?:(.*)$"
)
_WHEN = re.compile(rf"^(?:{_WHO})(?:生成)?(?:日期|时间):?[0-9年月日时分秒:/.TZ+-]*$")
_PAGE = re.compile(
    r"^-*(?:第[0-9]+页(?:[,/、]?共[0-9]+页)?|共[0-9]+页(?:[,/、]?第[0-9]+页)?|[Pp]age[0-9]+(?:of[0-9]+)?"
    r"|共[0-9]+[条户家人行项个](?:记录|数据|信息)?。?)-*$"
)
_END = re.compile(
    r"^[-—=*(【]*(?:(?:此处)?以下(?:为|均为)?(?:空白|无正文)|完|公?章|(?:单位)?盖章|签[字章名])[-—=*)】]*$"
)
_ALONE = re.compile(r"^(?:[*※]+(?=.*[一-龥])[^*※]{4,}|(?:19|20)[0-9]{2}年[0-9]{1,2}月[0-9]{1,2}日)$")  # a remark, a day
_DAY = re.compile(r"^(?:19|20)[0-9]{2}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}日?$")
_TOTAL = re.compile(r"^(?:总数|累计):?$")
_NUMBER = re.compile(r"^[0-9.,%]+(?:户|家|条|行|人|个|元|万元)?$")
UNIT = (
    r"^[\s\u3000]*[(（]?(?:单位[:：])?(?:户|人|名|个|家|元|万元|亿元|千元|条|件|平方米|㎡|亩|%|％|年/月/日|年月日|年-月-日|YYYY-MM-DD|"
    r"yyyy-mm-dd|非?必[填录]项?|选[填录]项?|可选|可不填)[)）]?[\s\u3000]*$"
)
_LEADING = frozenset("甲乙丙丁") | {"栏次", "列次", "序号", "行次"}
LEAST_COUNTED = 3


def is_footer(cells: Sequence[str]) -> bool:
    """Each cell is a label with what belongs to it (制表人：张三, or the same in two cells), a page, an end."""
    plain = [cell for cell in map(_plain, cells) if cell]
    if len(plain) == 1 and _ALONE.match(plain[0]):
        return True
    is_open = False  # a label of which nothing was said yet
    for cell in plain:
        if found := _LABEL.match(cell):
            is_open = not found[1]
        elif _WHEN.match(cell) or _PAGE.match(cell) or _END.match(cell):
            is_open = cell.endswith(":")
        elif is_open or _DAY.match(cell) and cell is not plain[0]:  # a day belongs to whatever was said before
            is_open = False
        else:
            return False
    return bool(plain)


def counts_columns(cells: Sequence[str]) -> bool:
    """The row of many forms that numbers their columns: 1, 2, 3 … or （1）（2）（3）, 甲, 乙, 1, 2 …, 栏次 before them."""
    plain = [cell.strip("()") for cell in map(_plain, cells) if cell]
    while plain and plain[0] in _LEADING:
        plain.pop(0)
    return len(plain) >= LEAST_COUNTED and plain == [str(number) for number in range(1, len(plain) + 1)]


def is_total(cells: Sequence[str]) -> bool:
    """总数 or 累计, and beside it nothing but numbers."""
    first, *rest = [cell for cell in map(_plain, cells) if cell] or [""]
    return bool(rest and _TOTAL.match(first)) and all(_NUMBER.match(cell) for cell in rest)


def _plain(cell: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", cell)).strip(STRIPPED)
