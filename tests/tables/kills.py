"""Imports and their undoing, killed at random moments: worker, database, web. Whole or absent, then resumed, nothing twice.

    D="devservices.py exec --data .local/kills --fast --"
    .venv/bin/python $D manage.py migrate && .venv/bin/python $D -m tests.tables.kills --kills 40

A round brings one file in and takes it back, by the pages and jobs that people use. Any step may be killed (SIGKILL):
the process that serves the request or works, or the backend of the database behind it, which takes the whole server
through a recovery. After each kill it is looked at what stands; then the step is done again as the product would: the
person asks again, the sweep takes the job over. In rounds of two, two registrars write files with the same rows at once.
"""

import argparse
import logging
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import django

django.setup()

from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: E402
from django.db import OperationalError, connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts import wall  # noqa: E402
from accounts.models import AuditEvent, User  # noqa: E402
from jobs import services as jobs  # noqa: E402
from jobs.models import Job  # noqa: E402
from jobs.runner import job_run  # noqa: E402
from jobs.sweep import sweep  # noqa: E402
from markets.models import Business  # noqa: E402
from members.models import Consent, Receipt, Registration  # noqa: E402
from orgs.models import Organization  # noqa: E402
from tables.models import Batch, BatchRange  # noqa: E402
from tables.statements import fetch  # noqa: E402
from tests import factories  # noqa: E402
from tests.markets.files import make_row, to_csv  # noqa: E402
from tests.members import make  # noqa: E402
from tests.members.test_import_leads import lead  # noqa: E402

MARK = "随机中断"
GUESS = 3.0  # seconds that a step takes, until one was left alone
State = Batch.State
jobs.send = lambda job_id: None  # there is no broker: this script is the worker


@dataclass
class Kind:
    """A target: the rows of its file, what counts the records that carry its mark, and rows of other tables that come with
    them."""

    name: str
    by: User
    rows: list[dict]
    marked: Callable[[], int]
    beside: Callable[[], int] = lambda: 0
    lasted: dict[str, float] = field(default_factory=dict)  # seconds of each step, the last time nobody was killed

    def parts(self, of: int) -> list[list[dict]]:
        """The whole file, or two with half of their rows in common."""
        third = len(self.rows) // 3
        return [self.rows] if of == 1 else [self.rows[: 2 * third], self.rows[third:]]


def kinds(sizes: argparse.Namespace) -> list[Kind]:
    city = factories.make_city()
    make.notice()
    registrar, officer = factories.make_user("registrar", city.city), factories.make_user("officer", city.city)
    businesses = [make_row(监管所="粤海所", 住所=MARK) for _ in range(sizes.business)]
    Business.objects.bulk_create(
        Business(uscc=row["统一社会信用代码"], name=row["名称"], name_pinyin="", address="旧址", entity_type="company",
                 **factories.placed(city.yuehai))
        for row in businesses[::2]
    )  # fmt: skip
    branches = [
        {"代码": f"D-{n}", "名称": f"示例{n}党支部", "类型": "党支部", "上级": "粤海指导站", "简称": f"{MARK}{n}"}
        for n in range(sizes.organization)
    ]
    leads = [lead(工作单位=MARK, 身份证号="") for _ in range(sizes.lead)]
    return [
        Kind("business", registrar, businesses, Business.objects.filter(address=MARK).count),
        Kind("organization", registrar, branches, Organization.objects.filter(short_name__startswith=MARK).count),
        Kind("lead", officer, leads, Registration.objects.filter(workplace=MARK).count,
             lambda: Receipt.objects.count() + Consent.objects.count()),
    ]  # fmt: skip


class Child:
    """A forked process that does one thing and is known to the database by its name."""

    count = 0

    def __init__(self, work: Callable[[], None]) -> None:
        Child.count += 1
        self.name, self.began = f"kills{Child.count}", time.monotonic()
        connection.close()
        self.pid = os.fork()
        if not self.pid:
            os.environ["PGAPPNAME"] = self.name
            status = 1
            try:
                work()
                status = 0
            except OperationalError as error:
                print("   ", str(error).splitlines()[0])
            finally:
                os._exit(status)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def kill_backend(self) -> None:
        for (pid,) in fetch("SELECT pid FROM pg_stat_activity WHERE application_name = %s", [self.name])[:1]:
            os.kill(pid, signal.SIGKILL)

    def end(self) -> bool:
        """Whether it came to its end."""
        return os.waitpid(self.pid, 0)[1] == 0


class Walk:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.kills = 0
        self.how: dict[str, int] = {}

    def step(self, kind: Kind, name: str, works: list[Callable[[], None]], *, may_die: bool = True) -> bool:
        """All at once; at a random moment one of them may be killed. Whether all came to their end."""
        children = [Child(work) for work in works]
        how = self.random.choice(["worker", "database", None]) if may_die else None
        if how:
            time.sleep(self.random.uniform(0, kind.lasted.get(name, GUESS)))
            victim = self.random.choice(children)
            victim.kill() if how == "worker" else victim.kill_backend()
            self.kills += 1
            self.how[f"{name} {how}"] = self.how.get(f"{name} {how}", 0) + 1
        ended = [child.end() for child in children]
        if not how:
            kind.lasted[name] = time.monotonic() - children[0].began
        self.reach_database()
        return all(ended)

    def reach_database(self) -> None:
        for _ in range(600):
            with suppress(OperationalError):
                connection.close()
                fetch("SELECT 1")
                return
            time.sleep(0.1)
        sys.exit("the database did not come back")

    def ask(self, kind: Kind, name: str, is_done: Callable[[], bool], *works: Callable[[], None]) -> None:
        """A page's POST, by a person who asks again where no answer came and nothing happened."""
        for attempt in range(6):
            if is_done():
                return
            self.step(kind, name, list(works), may_die=attempt < 2)
        assert is_done(), name

    def work(self, kind: Kind, name: str, batches: list[Batch], check: Callable[[], None]) -> None:
        """The jobs of these batches to their ends, taken over after each kill."""
        for attempt in range(12):
            for batch in batches:
                batch.refresh_from_db()
            waiting = [batch.job_id for batch in batches if batch.job.state not in Job.FINISHED]
            check()
            if not waiting:
                return
            self.step(kind, name, [lambda pk=pk: job_run(job_id=pk) for pk in waiting], may_die=attempt < 2)
            for batch in batches:
                batch.job.refresh_from_db()
            check()
            Job.objects.filter(state=Job.State.RUNNING).update(lease_until=timezone.now() - timedelta(seconds=1))
            sweep()
        raise AssertionError(f"{name}: the jobs do not end")

    def round(self, kind: Kind, of: int) -> None:
        before, beside = kind.marked(), kind.beside()
        assert before == 0
        batches = self.bring(kind, of)
        assert kind.marked() == len(kind.rows), (kind.marked(), len(kind.rows))
        assert kind.beside() - beside in (0, 3 * len(kind.rows)), kind.beside()
        ids = [pk for one in BatchRange.objects.filter(batch__in=batches) for pk in range(one.first, one.last + 1)]
        assert len(ids) == len(set(ids))
        written = Batch.objects.filter(pk__in=[batch.pk for batch in batches])
        for batch in written.order_by("-applied_at"):  # what the later one only confirmed would stay
            self.take_back(kind, batch)
        assert (kind.marked(), kind.beside()) == (0, beside), "something is left"

    def bring(self, kind: Kind, of: int) -> list[Batch]:
        """The files, written. A plan that the other's file made old is checked again."""
        known, batches = set(Batch.objects.values_list("pk", flat=True)), list[Batch]()
        for part in kind.parts(of):
            mine = Batch.objects.exclude(pk__in=known)
            self.ask(kind, "upload", mine.exists, lambda part=part: upload(kind, part))
            (batch,) = mine
            known.add(batch.pk)
            batches.append(batch)
        todo = list(batches)
        for _ in range(5):
            self.work(kind, "check", todo, lambda: None)
            for batch in todo:
                batch.refresh_from_db()
                pk = batch.pk
                written = Batch.objects.filter(pk=pk).exclude(state=State.CHECKED)
                self.ask(kind, "confirm", written.exists, lambda pk=pk: post(kind, "confirm", pk))
            self.work(kind, "apply", todo, lambda: whole_or_absent(kind, batches))
            todo = [batch for batch in todo if Batch.objects.get(pk=batch.pk).state != State.APPLIED]
            if not todo:
                return batches
            for batch in todo:
                assert "重新检查" in batch.job.message, batch.job.message
                post(kind, "recheck", batch.pk)
        raise AssertionError("never written")

    def take_back(self, kind: Kind, batch: Batch) -> None:
        asked = Batch.objects.filter(pk=batch.pk).exclude(state=State.APPLIED)
        self.ask(kind, "ask undo", asked.exists, lambda: post(kind, "undo", batch.pk))
        marked = kind.marked()

        def check() -> None:
            is_undone = Batch.objects.get(pk=batch.pk).state == State.UNDONE
            assert is_undone or kind.marked() == marked, "half taken back"

        self.work(kind, "undo", [batch], check)
        batch.refresh_from_db()
        assert batch.state == State.UNDONE and batch.job.state == Job.State.DONE, (batch.state, batch.job.message)
        assert AuditEvent.objects.filter(act__endswith=".import.undo", subjects=[batch.pk]).count() == 1


def whole_or_absent(kind: Kind, batches: list[Batch]) -> None:
    """What is marked is exactly what the applied ones among them brought, and each of these was written down once."""
    applied = [batch for batch in batches if Batch.objects.get(pk=batch.pk).state == State.APPLIED]
    parts = dict(zip([batch.pk for batch in batches], kind.parts(len(batches)), strict=True))
    stand = {id(row) for batch in applied for row in parts[batch.pk]}
    assert kind.marked() == len(stand), (kind.marked(), len(stand))
    for batch in applied:
        assert AuditEvent.objects.filter(act__endswith=".import", subjects=[batch.pk]).count() == 1


def signed_in(kind: Kind) -> Client:
    client = Client()
    client.force_login(kind.by, backend="orgs.doors.DoorBackend")
    return client


def upload(kind: Kind, rows: list[dict]) -> None:
    file = SimpleUploadedFile("名册.csv", to_csv(rows).encode())
    answer = signed_in(kind).post(reverse("tables:upload"), {"target": kind.name, "file": file})
    assert answer.status_code == 302, answer.content.decode()[-2000:]


def post(kind: Kind, what: str, pk: int) -> None:
    answer = signed_in(kind).post(reverse(f"tables:{what}", args=[pk]))
    assert answer.status_code == 302, answer.content.decode()[-2000:]


@wall.everywhere()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--business", type=int, default=20_000, help="rows of a file")
    parser.add_argument("--lead", type=int, default=20_000)
    parser.add_argument("--organization", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    said = parser.parse_args()
    logging.disable(logging.CRITICAL)  # what breaks is broken on purpose
    print("seed", said.seed)
    walk, all_kinds = Walk(said.seed), kinds(said)
    number = 0
    while walk.kills < said.kills:
        kind = all_kinds[number % len(all_kinds)]
        of = 2 if number // len(all_kinds) % 2 else 1
        number += 1
        began = time.monotonic()
        walk.round(kind, of)
        print(f"{number}: {kind.name} × {of}, {time.monotonic() - began:.0f} s, {walk.kills} killed so far", flush=True)
    print("killed", walk.kills, walk.how)


if __name__ == "__main__":
    main()
