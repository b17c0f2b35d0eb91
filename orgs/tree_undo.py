"""Taking back an import of organizations. What it founded goes, with its line of history, while nothing hangs on it; a
name or a fact returns, and that it was taken back is a line of history of its own."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Count, Model

from orgs import life
from orgs.models import Organization, OrganizationChange
from orgs.services import lock_tree, organizations_change, touched
from tables.models import BatchConflict
from tables.row_undo import RowUndo
from tables.statements import fetch


class OrganizationUndo(RowUndo):
    def own(self) -> Sequence[type[Model]]:
        return (OrganizationChange, *life.computed())

    def run(self) -> list[int]:
        lock_tree()
        return super().run()

    def put_back(self, records: Sequence[tuple[Any, dict[str, Any]]]) -> None:
        organizations_change(records, by=self.batch.owner, document=f"撤销导入（批次 {self.batch.pk}）")

    def stays(self, ids: Sequence[int]) -> dict[int, str]:
        """A founding that has a past by now is no more taken back: history keeps every other line."""
        lines = OrganizationChange.objects.filter(organization__in=ids).order_by().values("organization")
        lived = lines.annotate(lines=Count("pk")).filter(lines__gt=1).values_list("organization", flat=True)
        return dict.fromkeys(lived, str(BatchConflict.Kind.EDITED)) | super().stays(ids)

    def forget(self, model: type[Model], column: str, ids: Iterable[int]) -> None:
        if model is OrganizationChange:
            fetch("SELECT orgs_forget_founding(%s, %s)", [self.batch.pk, list(ids)])
        else:
            super().forget(model, column, ids)

    def units_of(self, record: Organization) -> Iterable[int | None]:
        return touched(record)
