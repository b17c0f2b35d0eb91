"""What a plan says in numbers: its tiles and its warnings."""

from tables.mapping import headers_of
from tables.models import Batch
from tables.register import absent_words, target

TILES = (
    ("new", "新增", "文件里有、系统里还没有"),
    ("changed", "变更", "系统里已有，内容不同"),
    ("unchanged", "未变", "与系统里一致"),
    ("wrong", "有误", "不会写入；可以在下面改，或下载改好再传"),
    ("duplicate", "重复", "文件里前面已有同一号码"),
    ("out_of_scope", "不在权限范围", "请由所在单位导入"),
)
PARTS = {  # shown within a tile, where there are any
    "unchanged": (("older", "其中 {:,} 行的数据日期早于系统里已有的，不覆盖"),),
    "duplicate": (("joined", "其中 {:,} 人已经报到过：不重复登记，只记下这次的同意凭证"),),
    "wrong": (("duplicate_registry", "两个号码分属两个主体的（有误或重复）{:,} 行"),),
    "absent": (("namesakes", "其中 {:,} 户有一行同名、代码读不出，可能就是它：改好那一行再检查"),),
    "out_of_scope": (("hand_over", "其中 {:,} 行可向对方单位申请划转"),),
}
BESIDE = (  # shown only where there are any
    ("repaired", "自动修复", "格。因表格软件损坏、按规则还原，请抽查"),
    ("left_out", "不导入", "行。您选择不导入的，不计入总行数"),
    ("dropped", "人数不保存", "行。个体工商户，或从业人数不足 10 人、未填的，党员人数不保存"),
    ("absent", "", "户。"),  # in the words of the source
    ("unread", "号码无法辨认", "行。与在册主体对不上，没有出现的里面可能有它们；逐行见下面“有误”"),
    ("differences", "系统间差异", "处。与别的来源说法不同：现值按各列的来源次序取，另一种说法记入“系统间差异”"),
    ("settled", "差异消除", "处。说法已经一致或已被取代，从“系统间差异”里移出"),
    ("confirmed", "由登记系统确认", "户。内容不变；原先是别的来源说的，今后以登记注册系统为准"),
    ("appeared", "再次出现", "户。以前的全量文件里没有，这次有，移出名单"),
    ("newer", "数据日期更新", "户。内容不变；记下日期后，更早的文件不再改动它们"),
    ("carried", "随个转企转移", "条。前身没有结束的覆盖关系、指导员和群团组织，转到企业"),
    ("skipped", "跳过", "行。合计行、重复的表头、表尾、单位行和模板的示例行等，不计入总行数"),
)
MOST_COLUMNS = 6
MANY_ABSENT = 0.2  # of what a full file should name: more likely a wrong file than so many closings


def tiles(batch: Batch) -> list[dict]:
    counts = batch.counts
    if not counts:
        return []
    shown: list[dict] = []
    for key, label, note in (*TILES, *(each for each in BESIDE if counts.get(each[0]))):
        details = [words.format(counts[part]) for part, words in PARTS.get(key, ()) if counts.get(part)]
        if key == "changed":
            details += _columns(batch)
        if key == "absent":
            label, meaning = absent_as(batch)
            note += meaning
        shown.append({"key": key, "label": label, "value": counts[key], "note": note, "details": details})
    return shown


def absent_as(batch: Batch) -> tuple[str, str]:
    return absent_words(target(batch.target), batch.source)


def _columns(batch: Batch) -> list[str]:
    """Which columns change how often, most frequent first."""
    columns = sorted(batch.plan.get("columns", {}).items(), key=lambda item: (-item[1], item[0]))
    said = "、".join(f"{label} {count:,}" for label, count in columns[:MOST_COLUMNS])
    return [f"{said}{' 等' if len(columns) > MOST_COLUMNS else ''}"] if said else []


def warnings(batch: Batch) -> list[dict]:
    told = []
    if batch.unused_columns:
        waiting = batch.state == Batch.State.CHECKED
        hint = "如果其中有要导入的内容，请在“列的对应”里指出它是哪一项。" if waiting else ""
        told.append({"title": "这些列没有用到", "text": f"{'、'.join(batch.unused_columns)}。{hint}"})
    if passed_over := batch.plan.get("passed_over"):
        said = "；".join(f"「{name}」{reason}" if name else reason for name, reason in passed_over)
        can_say = batch.state == Batch.State.CHECKED and any(header["reason"] for header in headers_of(batch))
        hint = "其中要导入的，请在“列的对应”里指出哪一列是哪一项。" if can_say else ""
        told.append({"title": "这些没有读取", "text": f"{said}。{hint}"})
    counts = batch.counts
    absent, expected = counts.get("absent", 0) - counts.get("namesakes", 0), counts.get("expected", 0)
    if absent > expected * MANY_ABSENT:
        told.append(
            {
                "title": f"{expected:,} 户里有 {absent:,} 户没有出现在这份全量文件里",
                "text": "多半是选错了文件，或文件只是一部分。请核对；不是全量的，请放弃这一批，重新上传时选“增量”。",
            }
        )
    if batch.problem and batch.state != Batch.State.REFUSED:
        left = "下面仍是上一次检查的结果。" if batch.counts else ""
        told.append({"title": "重新检查没有完成", "text": f"{batch.problem}{left}"})
    return told
