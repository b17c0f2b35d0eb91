"""What can be imported, and who hears of it. Upper rooms fill both registers in `AppConfig.ready()`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypedDict

from django.db.models import QuerySet

from tables.errors import Errors
from tables.models import Batch
from tables.readers import Source
from tables.table import Table

PARTS = ("new", "changed", "unchanged", "wrong", "duplicate", "out_of_scope")  # each row is in one of them
REFUSED = ("wrong", "duplicate", "out_of_scope")  # of these: what is not written
COUNTS = (
    "rows",
    *PARTS,
    "dropped",  # rows whose head-counts are not kept
    "hand_over",  # among out_of_scope: what another district may be asked for
    "older",  # among unchanged: seen by a later file of the same source
    "duplicate_registry",  # among duplicate or wrong: two numbers of one row lead to two records
    "repaired",  # cells
    "skipped",  # rows that are none: totals, the header again, footers; not among rows
    "absent",  # records that a full file should name and does not; not among rows
    "namesakes",  # among absent: a row of that name carries a code that nobody can read
    "expected",  # how many it should name
    "unread",  # among wrong, of a full file: rows whose code nobody can read and that fit no record
    "joined",  # among duplicate: known persons whose new consent is kept with what stands
    "carried",  # what hangs on records that this file ends and goes on at others; not among rows
    "differences",  # cells in which this file and another source disagree, not told like that before
    "settled",  # told before, over by this file
    "confirmed",  # among unchanged: records whose values this source answers for from now on
    "appeared",  # records that an earlier full file had missed
    "newer",  # among unchanged, where the file does nothing else: none of its source spoke of them that late
    "left_out",  # rows that somebody left out in the preview; not among rows
)
EFFECTS = (  # where one of them is not 0, writing does something
    "new", "changed", "hand_over", "absent", "joined", "differences", "settled", "confirmed", "appeared", "newer",
)  # fmt: skip


class Cannot(Exception):
    """The import cannot go on; Chinese, for the person who asked."""


Progress = Callable[[int, int, str], None]


def no_progress(done: int, total: int, message: str) -> None:
    """For callers that nobody watches."""


@dataclass
class Outcome:
    """What a reading found: rows is the sum of PARTS; the other counts are besides or within, and 0 unless told."""

    counts: dict[str, int]
    errors: Errors
    units: list[int] = field(default_factory=list)  # organizations whose numbers the import moved
    unused: list[str] = field(default_factory=list)  # columns of the file that mean nothing to the table
    parts: list[list] = field(default_factory=list)  # of a file of several: [[offset of its rows, "file · sheet"], …]
    passed_over: list[tuple[str, str]] = field(default_factory=list)  # sheets and files not read: name, reason
    by_content: list[str] = field(default_factory=list)  # columns recognised by what they hold
    columns: dict[str, int] = field(default_factory=dict)  # of the changed rows: how many change each column, by label
    samples: list["Sample"] = field(default_factory=list)  # some changed rows; nothing personal in clear
    digest: str = ""  # of the plan: what each row would do, and to which state of which record

    def __post_init__(self) -> None:
        self.counts = dict.fromkeys(COUNTS, 0) | self.counts

    def told_by(self, source: Source) -> None:
        """What the file itself has to say, once it was read."""
        notes, repairs = source.notes, self.errors.repairs
        repairs.note(notes.mended, notes.skipped, notes.counts)
        self.counts |= {"repaired": repairs.count, "skipped": repairs.skipped}
        self.unused, self.parts = source.unknown, source.parts
        self.passed_over, self.by_content = source.passed_over, source.by_content


class Sample(TypedDict):
    """One changed row as the plan shows it. `cells`: column, before, after."""

    row: int
    name: str
    cells: list[tuple[str, str, str]]


class Target(Protocol):
    """One kind of record that files may bring in."""

    table: Table
    permission: str
    act: str  # the name of the act in the audit

    def offer(self, user) -> Mapping[str, Sequence[str]]:
        """Drop-downs of the template that depend on who fills it in, by column."""

    def run(self, *, source: Source, by, batch: Batch, write: bool, progress: Progress) -> Outcome:
        """Judge every row as `batch` says (source, file date, full or not); with `write`, also write what is new or
        changed. Runs inside the caller's transaction; an unsaved batch can only be judged.

        What is written carries `changed_at` = now() of the transaction, and leaves BatchRange, BatchChange and Sighting
        behind. The outcome's digest must be the same for the same file over the same registry.
        """

    def undo(self, *, batch: Batch, progress: Progress) -> list[int]:
        """Take back what an applied batch wrote: rows that still carry `changed_at` = its `applied_at` go back to what
        they were, new ones are deleted unless something refers to them; every row that stays gets a BatchConflict.
        Returns the organizations whose numbers moved. Runs inside the caller's transaction, under the import lock;
        `tables/undo.py` does it for whole sets of rows."""


def agree(batch: Batch, outcome: Outcome) -> None:
    """Raises Cannot where the plan may not be written: rows are wrong and all were wanted, or it is not the plan that
    was shown. Asked before the first write where the target knows its plan by then, and again before the commit."""
    refused = sum(outcome.counts[part] for part in REFUSED)
    if batch.all_or_nothing and refused:
        raise Cannot(
            f"您选择了全部无误才写入，而文件里有 {refused} 行不能写入，所以没有写入任何内容。请改好后重新检查。"
        )
    if batch.plan_digest and batch.plan_digest != outcome.digest:
        raise Cannot("登记内容在检查之后变了，没有写入任何内容。请重新检查。")


_targets: dict[str, Target] = {}
_hearers: list[Callable[[str, list[int]], None]] = []
_forgetters: list[Callable[[QuerySet], None]] = []


def register_target(target: Target) -> None:
    _targets[target.table.name] = target


def target(name: str) -> Target:
    """Raises Cannot for a name that nobody registered."""
    if name not in _targets:
        raise Cannot(f"没有「{name}」这种导入。可以导入的有：{'、'.join(sorted(_targets))}。")
    return _targets[name]


def targets() -> Mapping[str, Target]:
    return _targets


def sources_of(target: Target) -> Sequence[tuple[str, str]]:
    """The systems whose files bring this kind of record, as (code, name); empty where it does not matter."""
    return getattr(target, "sources", ())


def tells_absent(target: Target) -> bool:
    """Does a full file of this kind say anything of the records that it does not name?"""
    return bool(getattr(target, "absent", {}))


def absent_words(target: Target, source: str) -> tuple[str, str]:
    """What it is called that a full file of the source does not name a record, and what that means."""
    return getattr(target, "absent", {}).get(source, ("本次未出现", "全量文件里没有，只列出"))


def targets_for(user) -> list[Target]:
    return [each for each in _targets.values() if user.has_perm(each.permission)]


def on_applied(hearer: Callable[[str, list[int]], None]) -> None:
    """Register who is called after an import is committed, with the target's name and the touched organizations."""
    if hearer not in _hearers:
        _hearers.append(hearer)


def on_undo_over(forgetter: Callable[[QuerySet], None]) -> None:
    """Register who keeps something for an undo beside BatchChange; called with the batches that cannot be undone."""
    if forgetter not in _forgetters:
        _forgetters.append(forgetter)


def tell_undo_over(batches: QuerySet) -> None:
    for forgetter in _forgetters:
        forgetter(batches)


def tell_applied(name: str, units: Iterable[int] = ()) -> None:
    for hearer in _hearers:
        hearer(name, list(units))
