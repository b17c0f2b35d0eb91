"""The registrations of a file on their way in: made ready and encrypted before anybody's lock is taken, so that a form
about one of these people waits only for the few statements that write them all."""

from collections.abc import Callable, Sequence

from django.db.models import Model

from accounts import wall
from accounts.sequences import next_keys
from members.models import Consent, Receipt, Registration
from members.services.leads import Opening, consents_of, due_from_now, receipt_for, registration_of, transaction_time
from tables.copying import copy_records, plain_columns
from tables.statements import BULK_FROM, in_bulk, run

PART = 20_000  # persons whose rows a statement writes: short enough to be cancelled between two
STAGED: tuple[tuple[type[Model], bool], ...] = ((Registration, True), (Consent, False), (Receipt, False))  # with its id


class StagedLeads:
    """Lives in the caller's transaction, whose time all rows carry, in temporary tables that end with it."""

    def __init__(self) -> None:
        self.now, self.due_on, self.persons = transaction_time(), due_from_now(), 0
        for model, with_id in STAGED:
            run(f"DROP TABLE IF EXISTS {_staged(model)}")
            run(
                f"CREATE TEMP TABLE {_staged(model)} ON COMMIT DROP AS SELECT 0 AS part, {_columns(model, with_id)} "
                f"FROM {model._meta.db_table} WITH NO DATA"
            )

    def open(self, openings: Sequence[Opening]) -> list[Registration]:
        """Each with the id that it will have, its consents and its receipt."""
        opened = [registration_of(opening, self.now, self.due_on) for opening in openings]
        for registration, pk in zip(opened, next_keys(Registration, len(openings)), strict=True):
            registration.pk = pk
        pairs = list(zip(openings, opened, strict=True))
        self._stage(Registration, opened)
        self._stage(Consent, [consent for pair in pairs for consent in consents_of(*pair)])
        self._stage(Receipt, [receipt_for(*pair, self.now) for pair in pairs])
        self.persons += len(pairs)
        return opened

    def join(self, joining: Sequence[tuple[Opening, Registration]]) -> None:
        """Who is known gets one more receipt, which tells nothing."""
        self._stage(Receipt, [receipt_for(*pair, self.now, is_joined=True) for pair in joining])
        self.persons += len(joining)

    @wall.everywhere()
    def write(self, tell: Callable[[int, int], None]) -> None:
        """Under everybody's locks. `tell` hears of how many persons how many are written."""
        if self.persons >= BULK_FROM:
            in_bulk()
        for part in range(self.persons // PART + 1):
            for model, with_id in STAGED:
                columns = _columns(model, with_id)
                run(
                    f"INSERT INTO {model._meta.db_table} ({columns}) SELECT {columns} FROM {_staged(model)} WHERE part = %s",
                    [part],
                )
            tell(min((part + 1) * PART, self.persons), self.persons)

    def _stage(self, model: type[Model], records: Sequence[Model]) -> None:
        copy_records(_staged(model), records, part=self.persons // PART)


def _staged(model: type[Model]) -> str:
    return f"staged_{model._meta.model_name}"


def _columns(model: type[Model], with_id: bool) -> str:
    return ", ".join(f'"{field.column}"' for field in plain_columns(model) if with_id or not field.primary_key)
