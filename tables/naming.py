"""Whether somebody stands in a file that was brought in: whoever is erased takes the file along."""

from collections.abc import Callable, Collection, Iterator
from functools import reduce
from operator import or_

from django.db.models import Q

from jobs.models import Job
from tables.fixes import open_batch
from tables.models import Batch
from tables.readers import Refused
from tables.register import Cannot
from tables.services import batch_put_away, is_personal, stored
from tables.uploads import opened

BUSY = (Batch.State.READING, Batch.State.APPLYING, Batch.State.UNDOING)
TAKEN_AWAY = (
    "有人要求删除本人信息：文件里有这个人，或有系统读不了的部分（例如隐藏的工作表），不能排除，所以提前移除了文件，没有写入的行不再写入。"
    "请去掉这个人和读不了的部分，重新上传。"
)
FORGOTTEN = "（已移除）"


def forget_files_naming(is_theirs: Callable[[str], bool] | None, names: Collection[str]) -> int:
    """Put away every kept file about persons with a cell for which `is_theirs` holds (None: for no cell), and forget what files
    were called after one of `names`. How many were put away.

    What cannot be read cannot be shown to be free of them, and goes as well. A file that is being worked on stays: it is
    kept for a week at the longest (tables/services.py retention).
    """
    held = Batch.objects.exclude(stored_as="").exclude(state__in=BUSY)
    naming = [batch for batch in held if is_personal(batch) and _names(batch, is_theirs)] if is_theirs else []
    put_away = [batch.pk for batch in naming if batch_put_away(batch, problem=TAKEN_AWAY)]
    _forget_titles(put_away, names)
    return len(put_away)


def _forget_titles(put_away: list[int], names: Collection[str]) -> None:
    """Of batches and of their jobs; the files of older ones are gone already."""
    called = reduce(or_, (Q(file_name__icontains=name) for name in names if name), Q(pk__in=put_away))
    batches = [batch for batch in Batch.objects.filter(called).only("target") if is_personal(batch)]
    Batch.objects.filter(pk__in=[batch.pk for batch in batches]).update(file_name=FORGOTTEN)
    for batch in batches:
        Job.objects.filter(kind__startswith="tables.", params__batch=batch.pk).update(title=FORGOTTEN)


def _names(batch: Batch, is_theirs: Callable[[str], bool]) -> bool:
    try:
        return any(is_theirs(cell) for cell in _cells(batch))
    except (Refused, Cannot, OSError):
        return True


def _cells(batch: Batch) -> Iterator[str]:
    """As they lie in the file, whatever was left out or mended in the preview, and what they were mended to."""
    source = open_batch(opened(stored(batch)), batch)
    try:
        if source.unopened:
            raise Refused("有没读取的工作表或文件")
        yield from source.cells()
        yield from (fix.value for fix in batch.fixes.exclude(column="").iterator() if fix.value)
    finally:
        source.close()
