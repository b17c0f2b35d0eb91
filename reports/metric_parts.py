"""What an entry of the registry is made of, and the 口径 in which it may be read."""

from dataclasses import dataclass

# 口径: a denominator × a range. The numerator is always counted inside both.
DENOMINATORS = {
    "registered": "登记在册",
    "operating": "实体运营",
    "three_haves": "「三有」企业",
    "with_members": "有党员",
    "due": "应建",
    "above_size": "规上",
}
D_NUMBERS = {code: f"D{number}" for number, code in enumerate(DENOMINATORS, 1)}
RANGES = {"all": "全部主体", "sole_traders": "个体工商户", "enterprises": "企业"}
DEFAULT_DENOMINATOR = "operating"
# A denominator whose column is filled on no row means nothing: the count of rows on which it is filled.
FILLED = {"three_haves": "fixed_premises_filled", "above_size": "above_size_filled"}

COUNT, RATE = "count", "rate"


@dataclass(frozen=True)
class Metric:
    """One entry of the registry.

    `additive`: children and the 直属/待分派 line add up to the parent. `person`: counts persons, or businesses by their
    persons; small cells are hidden outside the responsible guidance station. `source`: the rows it counts (a name in
    reports/sql). `sum_of`: the column added up where the metric is not a count of rows. `good`: which way is better.
    """

    code: str
    name: str
    definition: str
    group: str
    unit: str = "个"
    kind: str = COUNT
    additive: bool = True
    numerator: str = ""
    denominator: str = ""  # the fixed one; empty with `denominators` filled: 口径 chosen by the reader
    denominators: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ("all",)
    good: str | None = None
    person: bool = False
    source: str = ""
    sum_of: str = ""
    grassroots: bool = False  # has a value for a grassroots organization too

    @property
    def has_rows(self) -> bool:
        return bool(self.source)
