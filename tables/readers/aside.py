"""Rows below a header that are no data: who made the list, pages, remarks, units. Only where nothing else stands in them."""

import re
import unicodedata
from collections.abc import Sequence

from tables.readers.base import STRIPPED

_WHO = "制表|填表|填报|编制|编表|统计|审核|复核|审批|校对|经办|打印|导出|录入|汇总|报送"
# What such a row begins with, for a first look at whole columns; what it is, is said below.
BEGINS = (
    rf"^[{STRIPPED}(（]*(?:{_WHO}|备\s*注|说\s*明|附?\s*注|联系|电话|日期|数据来源|单位|科室|部门|负责人|盖章|签[字章名]"
    r"|第|共|以下|此处|总\s*数|累\s*计|[Pp]age|[-—=*]+)"
)
_LABEL = re.compile(
    rf"^(?:(?:{_WHO})(?:人员?|员|者|单位|部门|日期|时间|说明)?|(?:单位|科室|部门)?负责人(?:签[字章名])?|联系人|联系电话|电话|日期"
    r"|数据来源|盖章|签[字章名]|单位\(?盖章\)?|(?:备|附)?注[0-9]?|说明)(?:\([^()]*\))?:(.*)$"
)
_WHEN = re.compile(rf"^(?:{_WHO})(?:日期|时间):?[0-9年月日时分秒:/.TZ+-]*$")
_PAGE = re.compile(
    r"^-*(?:第[0-9]+页(?:[,/、]?共[0-9]+页)?|共[0-9]+页(?:[,/、]?第[0-9]+页)?|[Pp]age[0-9]+(?:of[0-9]+)?)-*$"
)
_END = re.compile(r"^[-—=*(]*(?:此处)?以下(?:为|均为)?(?:空白|无正文)[-—=*)]*$")
_TOTAL = re.compile(r"^(?:总数|累计):?$")
_NUMBER = re.compile(r"^[0-9.,%]+(?:户|家|条|行|人|个|元|万元)?$")
UNIT = (
    r"^[\s\u3000]*[(（]?(?:单位[:：])?(?:户|人|名|个|家|元|万元|亿元|千元|条|件|平方米|㎡|亩|%|％|年/月/日|年月日|年-月-日|YYYY-MM-DD|"
    r"yyyy-mm-dd)[)）]?[\s\u3000]*$"
)


def is_footer(cells: Sequence[str]) -> bool:
    """Each cell is a label with what belongs to it (制表人：张三, or the same in two cells), a page, an end."""
    plain = [cell for cell in map(_plain, cells) if cell]
    is_open = False  # a label of which nothing was said yet
    for cell in plain:
        if found := _LABEL.match(cell):
            is_open = not found[1]
        elif _WHEN.match(cell) or _PAGE.match(cell) or _END.match(cell):
            is_open = cell.endswith(":")
        elif is_open:
            is_open = False
        else:
            return False
    return bool(plain)


def is_total(cells: Sequence[str]) -> bool:
    """总数 or 累计, and beside it nothing but numbers."""
    first, *rest = [cell for cell in map(_plain, cells) if cell] or [""]
    return bool(rest and _TOTAL.match(first)) and all(_NUMBER.match(cell) for cell in rest)


def _plain(cell: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", cell)).strip(STRIPPED)
