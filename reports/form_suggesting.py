"""Which metric an empty cell of a form may want, by the words left of it and above it. Only proposed, never bound."""

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass

from orgs.models import Organization
from reports import metrics, words
from reports.form_grid import COLUMNS, ROWS
from reports.form_services import units_of
from reports.models import FormBinding, ReportForm
from reports.selectors import Unit
from tables.workbooks import Sheet
from tables.workbooks.look import Place, address

What = FormBinding.What
MOST = 300  # proposals shown at once
LONGEST = 200  # of the words of a binding
REACH = 60  # rows or columns that a label is looked for
# What upper bodies call the same thing. The official formula of 组织覆盖 is 单独 + 联合 (design.md §4).
ALIASES = {
    "organization_coverage_strict": ("组织覆盖率", "党组织覆盖率", "党的组织覆盖率", "党的组织覆盖"),
    "work_coverage": ("党的工作覆盖率", "党建工作覆盖率", "工作覆盖率", "党的工作覆盖"),
    "own_establishment": ("单独组建率", "组建率", "建制率"),
    "due_built_rate": ("应建已建率", "应建尽建率"),
    "organizations": ("党组织总数", "基层党组织", "党组织个数", "已建党组织"),
    "branches": ("支部", "支部数"),
    "members_on_roll": ("党员总数", "党员数", "党员", "在册党员数"),
    "members_taken_in": ("纳管党员",),
    "operating": ("经营主体", "市场主体", "实体运营主体", "实体经营主体", "经营主体总数", "实际经营"),
    "registered": ("登记在册主体", "在册主体", "登记主体"),
    "with_members": ("有党员的主体", "有党员的经营主体", "有党员企业"),
    "covered": ("已覆盖", "组织覆盖数", "已覆盖主体"),
    "work_covered": ("工作覆盖数",),
    "markets": ("市场", "市场总数", "专业市场总数"),
    "markets_covered": ("已覆盖市场", "建立党组织的市场", "已建党组织的市场"),
    "rest_points": ("驿站", "骑手驿站", "暖蜂驿站", "歇脚点"),
    "caring_merchants": ("爱心商家",),
    "instructors": ("党建指导员", "指导员数", "党建指导员和联络员"),
    "terms_overdue": ("逾期未换届", "应换届未换届"),
    "registrations": ("报到党员", "自主报到党员"),
}
# What a label right beside a cell asks for that is no number.
WORDS = {
    What.UNIT_NAME: ("填报单位", "填表单位", "报送单位", "单位名称", "报告单位"),
    What.PERIOD: ("填报月份", "统计月份", "报告期", "填报期", "月份", "统计时间"),
    What.FILLED_ON: ("填报日期", "填表日期", "报送日期", "报出日期", "填报时间"),
}
ASKED = {text: what for what, texts in WORDS.items() for text in texts}
OWN = ("合计", "总计", "全市", "全区", "本级", "小计")
_ASIDE = re.compile(r"[（(][^（()）]*[)）]|[\s:、，,。.*=%_—\-]|^[0-9一二三四五六七八九十]+[、.．)）]")
# Beside a metric these say that another number is meant than the month's own.
_OTHERWISE = re.compile("备注|说明|同期|上年|去年|上月|上期|同比|环比|增长|增幅|增减|新增|目标|计划|任务|排名|名次")
_DATE = re.compile(r"(\d{4})\s*年\s*(\d{1,2})\s*月(?:\s*(\d{1,2})\s*日)?")
_OTHER_TIME = re.compile("同期|上年|去年|上月|上期|通知|文件|印发")
_TAIL = re.compile(r"(?:总数|数量|个数|户数|人数|家数|数|总量)$")
_VALUE = re.compile(r"^(?!%$)[-+0-9.,%/:年月日]*$")  # numbers and days, of last month; % alone is a unit


def plain(text: str) -> str:
    """A label without what forms add to it: width, blanks, 其中：, numbering, the unit in brackets."""
    text = _ASIDE.sub("", unicodedata.normalize("NFKC", text.strip()))
    return _ASIDE.sub("", text).removeprefix("其中")


def _spoken(text: str) -> list[str]:
    return _bare(plain(text))


def _bare(name: str) -> list[str]:
    """A label as it stands and without its 数, 总数, 户数: 爱心商户数 is 爱心商户, 党员人数 is 党员."""
    return [one for one in (name, name.removesuffix("数"), _TAIL.sub("", name)) if one]


def _names() -> dict[str, str]:
    found: dict[str, str] = {}
    for code, metric in metrics.METRICS.items():
        for text in (metric.name, *ALIASES.get(code, ())):
            for name in _spoken(text):
                found.setdefault(name, code)
    return found | {plain(text): code for code, texts in ALIASES.items() for text in texts}


NAMES = _names()
WHOLE = {unicodedata.normalize("NFKC", metric.name): code for code, metric in metrics.METRICS.items()}


def metric_for(text: str) -> str:
    """The code of the metric that a label names; empty where none."""
    whole = re.sub(r"\s|^其中[:：]?", "", unicodedata.normalize("NFKC", text))  # 应建未建(空白) is not 应建未建
    named = [WHOLE[name] for name in _bare(whole) if name in WHOLE]
    return next(iter(named), "") or next((NAMES[name] for name in _spoken(text) if name in NAMES), "")


@dataclass(frozen=True)
class Proposal:
    sheet: str
    place: Place
    label: str  # the words that it goes by
    asked: dict  # what form_services.binding_columns takes

    @property
    def key(self) -> str:
        return address(self.place)


class Labels:
    """The words of a sheet, by cell; of merged cells every cell says what stands in the first."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.texts = {place: spot.text.strip() for place, spot in sheet.spots.items() if spot.text.strip()}

    def word(self, place: Place) -> str:
        text = self.texts.get(self.sheet.anchors.get(place, place), "")
        return "" if _VALUE.match(unicodedata.normalize("NFKC", text)) else text

    def anchor(self, place: Place) -> Place:
        return self.sheet.anchors.get(place, place)

    def is_next(self, place: Place) -> bool:
        """Whether the words left of a cell stand right beside it."""
        return place[1] > 1 and bool(self.word((place[0], place[1] - 1)))

    def left(self, place: Place) -> Iterator[tuple[Place, str]]:
        yield from self._words((place[0], column) for column in range(place[1] - 1, max(place[1] - REACH, 0), -1))

    def above(self, place: Place) -> Iterator[tuple[Place, str]]:
        yield from self._words((row, place[1]) for row in range(place[0] - 1, max(place[0] - REACH, 0), -1))

    def _words(self, places: Iterator[Place]) -> Iterator[tuple[Place, str]]:
        """Nearest first; the words of merged cells once."""
        seen = set()
        for place in places:
            anchor = self.anchor(place)
            if anchor not in seen and (text := self.word(place)):
                seen.add(anchor)
                yield place, text

    def _beside(self, label: Place, step: int) -> Iterator[str]:
        """The other words that follow a label without a gap, to the right (1) or the left (-1)."""
        row, column = label
        while column + step > 0 and (text := self.word((row, column + step))):
            column += step
            if self.anchor((row, column)) != self.anchor(label):
                yield text

    def leads_to(self, label: Place, place: Place) -> bool:
        """Whether the words left of a cell are of its row: not a head among heads, and the cell is beside it or has a head."""
        if any(metric_for(text) for text in self._beside(label, -1)):
            return False
        if all(self.word((place[0], column)) for column in range(label[1] + 1, place[1])):
            return True
        shared = {self.anchor(at) for at, _ in self.above(label)}  # a title over all columns is no head of one
        return any(self.anchor(at) not in shared for at, _ in self.above(place))

    def is_head_of(self, label: Place, place: Place) -> bool:
        """Of a row that says nothing: the head stands right above it, with other metrics beside, else it is a row's label."""
        beside = (text for step in (1, -1) for text in self._beside(label, step))
        return label[0] == place[0] - 1 and any(metric_for(text) for text in beside)


def _units(form: ReportForm) -> dict[str, Unit | None]:
    """What a form may call the units: their names in full and in short, a district committee also by its district.
    None is the form's own unit."""
    found: dict[str, Unit | None] = {}
    for unit in units_of(form):
        texts = [str(unit), words.short(unit)]
        if isinstance(unit, Organization) and unit.district_id and unit.level == 2:
            texts.append(unit.district.name)
        for text in texts:
            for name in (plain(text), plain(text).removesuffix("区")):
                if len(name) > 1:
                    found.setdefault(name, unit if unit != form.unit else None)
    return found | dict.fromkeys(OWN)


def proposals(form: ReportForm, sheet: Sheet) -> list[Proposal]:
    """For cells in sight that are not bound and can be filled: by the label of a free one, by the month in the words of another;
    in the order of the sheet."""
    labels, units = Labels(sheet), _units(form)
    bound = set(form.bindings.filter(sheet=sheet.name).values_list("row", "column"))
    last_row, last_column = sheet.extent()
    last_column = max(last_column, 2)  # beside a single column of labels stand the numbers
    found = []
    rows = [at for at in range(1, min(last_row, ROWS) + 1) if not sheet.hides_row(at)]
    columns = [at for at in range(1, min(last_column, COLUMNS) + 1) if not sheet.hides_column(at)]
    for row in rows:
        for column in columns:
            place = (row, column)
            if place in bound or sheet.why_not(place):
                continue
            if proposal := _proposal(sheet, labels, units, place):
                found.append(proposal)
            if len(found) == MOST:
                return found
    return found


def _proposal(sheet: Sheet, labels: Labels, units: dict[str, Unit | None], place: Place) -> Proposal | None:
    if labels.word(place):
        return _renewed(sheet, labels, place)
    left, above = list(labels.left(place)), list(labels.above(place))
    nearest = next((text for _, text in left), "")
    if what := ASKED.get(plain(nearest)):
        return Proposal(sheet.name, place, nearest, {"what": what}) if labels.is_next(place) else None
    if any(_OTHERWISE.search(plain(text)) for _, text in (*left[:1], *above[:1])):
        return None
    text = _text_for(labels, units, place)
    if text is None:
        return None
    whose = next((one for _, one in (*left, *above) if plain(one) in units), None)
    label = f"{whose} · {text}" if whose else text
    return Proposal(sheet.name, place, label, _asked(metric_for(text), units[plain(whose)] if whose else None))


def _renewed(sheet: Sheet, labels: Labels, place: Place) -> Proposal | None:
    """Of a cell whose words name the month that the form was uploaded for: the same words of any month. Left as it is it
    goes out with last month's date."""
    text = labels.word(place)
    told = text if _OTHER_TIME.search(text) else _DATE.sub(_of_any_month, text)
    if told == text or labels.anchor(place) != place or len(told) > LONGEST:
        return None
    return Proposal(sheet.name, place, text, {"what": What.TEXT, "text": told})


def _of_any_month(date: re.Match) -> str:
    if plain(date.string[: date.start()]).endswith(WORDS[What.FILLED_ON]):
        return "{今天}"
    year, month, day = (int(part) if part else 0 for part in date.groups())
    if not 1 <= month <= 12:
        return date.group()
    if not day:
        return "{年}年{月}月"
    return "{年}年{月}月{日}日" if day == monthrange(year, month)[1] else date.group()


def _text_for(labels: Labels, units: dict[str, Unit | None], place: Place) -> str | None:
    """The words that name a metric: of the row, else of the head where the row is that of a unit or says nothing."""
    left = list(labels.left(place))
    named = next(((at, text) for at, text in left if metric_for(text)), None)
    if named is not None:
        return named[1] if labels.leads_to(named[0], place) else None
    head = next(((at, text) for at, text in labels.above(place) if metric_for(text)), None)
    if head is None or (left and not any(plain(text) in units for _, text in left)):
        return None
    return head[1] if left or labels.is_head_of(head[0], place) else None


def _asked(code: str, unit: Unit | None) -> dict:
    """Over all operating businesses, as the counts beside it are and as the official formula says: a total that the form
    works out of them would be another share than those above it."""
    rate = metrics.METRICS[code].kind == metrics.RATE
    return {"what": What.PERCENT if rate else What.VALUE, "metric": code, "unit": unit}


def proposal_for(form: ReportForm, sheet: Sheet, place: Place) -> Proposal | None:
    """What one cell's labels suggest."""
    return _proposal(sheet, Labels(sheet), _units(form), place)
