"""Taking back a file of leads. A registration that it opened goes with its consents and its receipt while nobody has begun
to work on it, and so do the receipts of those who joined. Who withdrew, or reported again by a form of their own, stays."""

from collections.abc import Collection, Sequence

from django.db.models import Model, Q, QuerySet

from members.models import Consent, Receipt, Registration
from members.services.submit import lock_everybody, lock_keys
from tables.models import BatchConflict
from tables.row_undo import UNITS, RowUndo
from tables.statements import run

MANY = 2_000  # persons: beyond, their locks are all there are
Kind = BatchConflict.Kind


class LeadUndo(RowUndo):
    def own(self) -> Sequence[type[Model]]:
        return (Consent, Receipt)

    def run(self) -> list[int]:
        """Who goes is asked while everybody may report and work; only the removing has their locks."""
        self.begin()
        made, going = self.made(), list[int]()
        for ids in self.steps(made):
            going += self.leaving(ids)
            self.progress(len(going), 2 * len(made), "正在撤销")
        self._lock(going)
        going = self._still_going(going)
        done = 2 * len(made) - len(going)
        for ids in self.steps(going):
            self.take_away(ids)
            done += len(ids)
            self.progress(done, 2 * len(made), "正在撤销")
        joined = Receipt.objects.filter(is_joined=True, withdrawn_at__isnull=True).filter(self._ours())
        joined._raw_delete(joined.db)
        run("SET CONSTRAINTS ALL DEFERRED")
        return sorted(self.units)

    def _lock(self, going: Sequence[int]) -> None:
        if len(going) > MANY:
            lock_everybody()
            return
        indexes = Registration.objects.filter(pk__in=going).values_list("phone_index", "id_number_index")
        lock_keys(*(index for pair in indexes for index in pair))

    def _still_going(self, ids: Sequence[int]) -> list[int]:
        """Without those of whom something became meanwhile. Whose row an officer holds just now is being worked on: to wait
        for it would be a ring, for who verifies takes the locks in the other order."""
        free = Registration.objects.filter(pk__in=ids).select_for_update(skip_locked=True)
        going = list(free.order_by("-pk").values_list("pk", flat=True))
        kept = dict.fromkeys(set(ids) - set(going), str(Kind.EDITED)) | self.touched(going)
        self.keep(kept)
        return [one for one in going if one not in kept]

    def _ours(self) -> Q:
        """Of receipts: they carry the time at which the batch was written."""
        return Q(made_at=self.batch.applied_at)

    def touched(self, ids: Collection[int]) -> dict[int, str]:
        """Looking at a registration leaves an event too: whether it was worked on is asked of its rows."""
        at_work = Registration.objects.filter(pk__in=ids).exclude(
            state=Registration.State.SUBMITTED, assigned_to__isnull=True
        )
        receipts = Receipt.objects.filter(registration__in=ids)
        others = receipts.exclude(self._ours()).values_list("registration", flat=True)
        edited = dict.fromkeys(at_work.values_list("pk", flat=True), str(Kind.EDITED))
        return dict.fromkeys(others, str(Kind.REFERRED)) | edited

    def touch_going(self, records: QuerySet) -> None:
        """Persons are not decrypted for it."""
        self.units |= {unit for pair in records.values_list(*UNITS).distinct() for unit in pair if unit is not None}
