"""What this room keeps about persons: files that came in, what stood in them, what they replaced, what was taken out."""

from accounts.personal import DUTY, HIGH, INTERNAL, SENSITIVE, Column, Held, declare
from tables.models import Batch, BatchChange, Export, IdempotencyKey, RowError, RowFix, RowRepair, SavedView

FILE = "上传的文件整个加密，保留 7 天；本人抹除时提前移除"
IN_FILES = "导入文件里的人"


def _rest(model, personal: dict[str, Column]) -> frozenset[str]:
    """These tables are about files and lists: what is not named below says nothing of a person."""
    return frozenset(one.name for one in model._meta.concrete_fields) - set(personal)


def _held(model, personal: dict[str, Column], **facts) -> Held:
    return Held(model=model, columns=personal, plain=_rest(model, personal), basis=DUTY, **facts)


def register() -> None:
    declare(*_files(), *_lists())


def _files() -> tuple[Held, ...]:
    return (
        _held(
            Batch,
            {
                "file_name": Column(INTERNAL),
                "stored_as": Column(HIGH, "文件本身"),
                "headers": Column(HIGH, "没认出的表头可能是一行数据，加密"),
            },
            whose=IN_FILES, purpose="导入名册、报到线索和登记数据", retention=FILE, seen_by="导入人本人",
        ),
        _held(
            RowError,
            {
                "value": Column(SENSITIVE, "哪里填错了；个人的列只留第一个字"),
                "suggestion": Column(SENSITIVE),
                "reason": Column(INTERNAL),
            },
            whose=IN_FILES, purpose="告诉导入人哪里要改", retention="随批次；本人抹除时移除", seen_by="导入人本人",
            leaves_by=("有误行的文件（7 天）",),
        ),
        _held(
            RowFix, {"value": Column(HIGH, "加密")},
            whose=IN_FILES, purpose="预览中改过的格子", retention="随批次；本人抹除时移除", seen_by="导入人本人",
        ),
        _held(
            RowRepair, {"before": Column(INTERNAL, "个人的列不留"), "after": Column(INTERNAL, "个人的列不留")},
            whose=IN_FILES, purpose="自动修复了什么", retention="随批次", seen_by="导入人本人",
        ),
    )  # fmt: skip


def _lists() -> tuple[Held, ...]:
    return (
        _held(
            BatchChange, {"before": Column(HIGH, "个人的值加密")},
            whose=IN_FILES, purpose="30 天内可以撤销导入", retention="31 天；本人抹除时移除",
        ),
        _held(
            SavedView, {"name": Column(INTERNAL), "query": Column(INTERNAL, "主体、市场等列表的条件；党员名单没有")},
            whose="工作人员", purpose="下次打开列表时用", retention="至本人删除", seen_by="本人和共享的单位",
        ),
        _held(
            Export,
            {"purpose": Column(INTERNAL), "query": Column(INTERNAL), "stored_as": Column(INTERNAL, "文件本身，7 天")},
            whose="工作人员", purpose="谁为了什么导出了什么", retention="记录不少于 3 年，文件 7 天", seen_by="本人",
        ),
        _held(
            IdempotencyKey, {"answer": Column(INTERNAL, "应答只说已收到，不含个人信息")},
            whose="登记采集中的人", purpose="同一请求只办一次", retention="7 天",
        ),
    )  # fmt: skip
