"""The import of businesses as tables/ sees it: one call judges a file and, with a batch, writes it."""

from collections.abc import Callable

from markets.imports import conversions, first_load, told
from markets.imports import write as writing
from markets.imports.becomes import Rules
from markets.imports.changes import NEW_HERE, changes
from markets.imports.checks import Checker
from markets.imports.places import Scope
from markets.imports.plan import Plan
from markets.imports.proposals import propose
from markets.imports.undo import undo
from markets.models import Business
from markets.sources import ABSENT
from markets.tables import BUSINESSES
from orgs.imports import offered_places
from tables.copying import beside
from tables.errors import Errors, Kind
from tables.faults import fault
from tables.models import Batch
from tables.readers import Refused, Source, said
from tables.register import Outcome, Progress, agree
from tables.statements import say_how_much
from tables.traces import WAITING, lock


class BusinessImporter:
    table = BUSINESSES
    model = Business  # whose records a batch names
    permission = "markets.import_business"
    act = "markets.business.import"
    sources = (("registration", "登记注册系统"), ("annual_report", "年报系统"), ("survey", "摸排台账"))
    absent = ABSENT

    def offer(self, user) -> dict[str, list[str]]:
        return offered_places(user)

    def run(self, *, source: Source, by, batch: Batch, write: bool, progress: Progress) -> Outcome:
        """Judge every row of the file as this person may bring it in; with `write`, write what is new or changed.

        Needs a transaction around it. Without `write` nothing is written but temporary tables.
        """
        errors, scope = Errors(), Scope.of(by, self.permission)
        plan = Plan(errors, scope, batch, Rules.of(batch.source))
        plan.open()
        checker = Checker(source=source, errors=errors, scope=scope)
        longer = first_load.TIMES if first_load.is_one(source.rows) else 1  # than reading takes
        total = source.rows * (1 + longer if write else 1)
        self._read(checker, plan, lambda: progress(min(checker.rows, total), total, "正在读取和检查"))
        counts = self._set_duplicates_apart(checker, plan)
        progress(min(checker.rows, total), total, "正在与已登记的主体比对")
        if write:
            lock(lambda: progress(min(checker.rows, total), total, WAITING))
            fault("apply.locked")
        plan.match(checker.label("code" if "code" in source.mapping else "legacy"))
        conversions.settle(plan, checker.label("predecessor"))
        outcome = Outcome({"rows": checker.rows, **self._counted(checker, plan, counts)}, errors)
        if batch.plan_digest if write else batch.pk:  # else nobody saw the plan, or nobody will come back to it
            outcome.digest = plan.digest(outcome.counts, *([conversions.digest()] if plan.converts else []))
        if batch.pk and not write:  # somebody will look at the plan
            outcome.columns, outcome.samples = changes(plan.rules.becomes | conversions.becomes(plan, NEW_HERE))
        if write:
            agree(batch, outcome)
            fault("apply.planned")
            say_how_much(outcome.counts)
            outcome.units = sorted({*writing.touched(plan), *conversions.touched(plan)})

            def tell(row: int, message: str) -> None:
                progress(min(checker.rows + row, total), total, message)

            if not first_load.write(plan, tell):
                writing.write(plan, tell)
        errors.flush()
        return outcome

    def _counted(self, checker: Checker, plan: Plan, counts: dict[str, int]) -> dict[str, int]:
        """What the matched plan says in numbers; `counts`: of the rows that never came into it."""
        for name, more in plan.counts.items():
            counts[name] = counts.get(name, 0) + more
        counts |= plan.count() | told.count_absent(plan, checker) | conversions.count(plan)
        return counts | told.count_beside(plan, counts)

    def _read(self, checker: Checker, plan: Plan, progress: Callable[[], None]) -> None:
        with beside():  # a block is on its way into the database while the next one is judged
            for block in checker.source.blocks():
                plan.stage(checker.check(block))
                progress()
        if not checker.rows:
            raise Refused("表头下面没有一行数据。请检查后重新上传。")
        propose(checker.lost, checker.errors, checker.scope)

    def undo(self, *, batch: Batch, progress: Progress) -> list[int]:
        return undo(batch, progress)

    def _set_duplicates_apart(self, checker: Checker, plan: Plan) -> dict[str, int]:
        """Later rows of a code are duplicates, whatever else is the matter with them."""
        later = {row: (first, code) for row, first, code in checker.legacy_claims.later()}
        later |= {row: (first, code) for row, first, code in checker.claims.later()}
        rows = sorted(later)
        errors = checker.errors
        if rows:
            plan.drop(rows)
            errors.rename(rows, Kind.DUPLICATE)
            label = checker.label("code" if "code" in checker.source.mapping else "legacy")
            places = {first: said(checker.source.parts, first) for first, _ in later.values()}
            reasons = [f"与{places[later[row][0]]}号码相同，以{places[later[row][0]]}为准" for row in rows]
            errors.add(Kind.DUPLICATE, rows, label, [later[row][1] for row in rows], reasons)
        return {
            "wrong": checker.wrong - checker.wrong_among(rows),
            "duplicate": len(rows),
            "out_of_scope": checker.out_of_scope - checker.out_among(rows),
        }
