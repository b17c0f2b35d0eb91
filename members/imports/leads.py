"""Files of leads: each row opens a registration by the person's own consent, or leaves no trace.

A consent opens one registration, for good (members/services/agreed.py): the same file twice changes nothing, nor does
one that tells what an event told before, and whoever withdrew is not brought back. A known person joins inside; all
that is told is 已在他处报到. A registration that stands is never changed by a file.
"""

import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from django.utils import timezone

from markets.imports.places import Places
from members import identity
from members.imports.lead_undo import LeadUndo
from members.models import Consent, Notice, Receipt, Registration
from members.services.agreed import Agreement, is_same_time, receipts_of
from members.services.due import OLD_WORDS
from members.services.leads import Key, Opening, known_people
from members.services.staged import StagedLeads
from members.services.submit import NEEDED, Answers, Origin, lock_everybody, lock_keys
from members.tables import CONSENT_CHANNELS, LEADS
from orgs.imports import offered_places
from orgs.models import Organization
from orgs.places import Place, PlaceWrong, Scope
from tables.cells import Wrong, folded
from tables.importer import Reading, Row, RowTarget
from tables.register import Cannot, Outcome
from tables.table import Column

PERMISSION = "members.import_lead"
AT_ONCE = 2_000  # rows
NO_CONSENT = "缺少本人同意凭证"
KNOWN_HERE = "您的范围内已有这位人员的报到，没有重复登记"
KNOWN_ELSEWHERE = "已在他处报到"
CHANGED_MEANWHILE = "写入时，文件里有人刚刚报到、撤回或办结，本次没有写入任何内容。请重新检查。"
NO_SUCH = "没有这条报到，或不在您的范围内"
CONSENT_KEYS = ("notice", "agreed_at", "channel")
ITEM_NAMES = {
    "党员身份": Consent.Item.MEMBERSHIP, "身份号码": Consent.Item.ID_NUMBER, "身份证号": Consent.Item.ID_NUMBER,
    "核实": Consent.Item.HOME_VERIFY, "签到": Consent.Item.CHECK_IN,
    "向组织关系所在党组织核实": Consent.Item.HOME_VERIFY,
}  # fmt: skip
_BETWEEN = re.compile(r"[、,，;；/|\s]")  # consents in one cell
ANSWERS = ("name", "phone", "standing", "sex", "id_number", "occupation", "workplace", "home_place", "home_branch")


def consent_items(text: str) -> frozenset[str]:
    said = [folded(part) for part in _BETWEEN.split(text) if folded(part)]
    if unknown := [part for part in said if part not in ITEM_NAMES]:
        raise Wrong(f"没有这个同意事项：{'、'.join(unknown)[:60]}；可以填 党员身份、身份号码、核实、签到")
    return frozenset(ITEM_NAMES[part] for part in said)


def lock_people(said: Iterable[dict[str, Any]]) -> None:
    """As their own forms would: none of them comes in, or leaves, until the file is written."""
    people = list(said)
    phones = (identity.phone_index(one["phone"]) for one in people)
    lock_keys(*phones, *(identity.id_number_index(one["id_number"]) for one in people if "id_number" in one))


def consent_channel(text: str) -> str:
    if folded(text) not in CONSENT_CHANNELS:
        raise Wrong(f"没有这种同意方式，可以填：{'、'.join(CONSENT_CHANNELS)}")
    return folded(text)


class LeadReading(Reading):
    model = Registration
    keyed_by = "phone"
    at_once = AT_ONCE
    undoing = LeadUndo
    handled = frozenset(LEADS.by_key)
    personal = frozenset({"name", "phone", "id_number"})

    def prepare(self) -> None:
        self.places = Places()
        self.scope = Scope.of(self.by, PERMISSION)
        published = Notice.objects.with_superseded().filter(published_at__isnull=False)
        self.notices = {folded(notice.version): notice for notice in published}
        self.parsers |= {"notice": self._notice, "items": consent_items, "channel": consent_channel}
        self.units_by_id = {one.pk: one for one in Organization.objects.filter(level__in=(2, 3))}
        self.phones: dict[bytes, int] = {}  # phone → the first row that carries it
        self.joined: list[Row] = []
        self.agreed: dict[bytes, list[tuple[datetime, int]]] = {}  # consents of one day, with their rows
        self.agreements: dict[Row, Agreement] = {}  # of the rows at hand
        self.whole = self.source.rows <= self.at_once
        self.judged: dict[Key, int | None] = {}  # whom the file writes of → their registration when they were judged
        self.staged = StagedLeads() if self.writes else None

    def _notice(self, text: str) -> Notice:
        if folded(text) not in self.notices:
            raise Wrong(f"{NO_CONSENT}：没有这一版已发布的告知书")
        return self.notices[folded(text)]

    # --- judging -----------------------------------------------------------------------------------------------------

    def resolve(self, row: Row) -> None:
        if "number" in row.said:
            return
        self._consent(row)
        if row.said.get("office") or row.said.get("market"):
            self._place(row)
        elif not row.is_wrong("office", "market"):
            row.tell("office", "指导站和所在市场至少要填一项")

    def _consent(self, row: Row) -> None:
        """Notice version, time and channel: without all three nobody is registered."""
        for key in CONSENT_KEYS:
            if key not in row.said and not row.is_wrong(key):
                row.tell(key, f"{NO_CONSENT}：「{self.label(key)}」必须填写")
        notice, agreed_at = row.said.get("notice"), row.said.get("agreed_at")
        # By the day: a file seldom tells more.
        if notice and agreed_at and timezone.localdate(agreed_at) < timezone.localdate(notice.published_at):
            row.tell("agreed_at", f"{NO_CONSENT}：同意时间早于这一版告知书的发布")
        has_number = "id_number" in row.said
        items = row.said.get("items") or frozenset(NEEDED) | ({Consent.Item.ID_NUMBER} if has_number else set())
        if not items.issuperset(NEEDED):
            row.tell("items", f"{NO_CONSENT}：本人没有同意登记党员身份并向组织关系所在党组织核实")
        elif has_number and Consent.Item.ID_NUMBER not in items:
            row.tell("id_number", "本人没有同意填写身份号码，请去掉号码，或核对同意事项")
        row.said["items"] = items

    def _place(self, row: Row) -> None:
        try:
            row.place = self.places.find(None, None, row.said["office"]) if "office" in row.said else None
            if "market" in row.said:
                self._market(row)
        except PlaceWrong as wrong:
            row.tell(wrong.key, str(wrong))
        except Wrong as wrong:
            row.tell("market", str(wrong))

    def _market(self, row: Row) -> None:
        """By name or code in the ground of the guidance station; alone, one that stands in the own scope."""
        if row.place is not None:
            row.said["market"] = self.places.find_market(row.said["market"], row.place)
            return
        known = [one for one in self.places.markets.get(folded(row.said["market"]), []) if self.scope.holds(_of(one))]
        if len(known) != 1:
            raise Wrong("请填市场编号，或把指导站也填上" if known else "您的范围内没有这个市场，请核对，或填指导站")
        row.place, row.said["market"] = _of(known[0]), known[0].pk

    def key(self, row: Row) -> Hashable:
        if "number" in row.said:
            return ("number", row.said["number"])
        if "phone" not in row.said:
            if not row.is_wrong("phone"):
                row.tell("phone", "「手机号」必须填写")
            return None
        phone = identity.phone_index(row.said["phone"])
        first = self.phones.setdefault(phone, row.number)
        if "id_number" in row.said:
            return ("id_number", identity.id_number_index(row.said["id_number"]))
        self.first.setdefault(("phone", phone), first)  # also where that row is known by its identity number
        return ("phone", phone)

    def find(self, rows: Sequence[Row]) -> dict[Hashable, Any]:
        """Nobody is a record to be changed; who is known is looked up here for `settle`."""
        self._lock(rows)
        numbers = [row.key[1] for row in rows if row.key[0] == "number"]
        self._look_up([row for row in rows if row.key[0] != "number"])
        shown = [*self.known.values(), *self.receipts.values()]
        visible = Registration.objects.visible_to(self.by, PERMISSION)
        self.mine = set(visible.filter(pk__in=shown).values_list("pk", flat=True))
        self.numbers = set(visible.filter(pk__in=numbers).values_list("pk", flat=True))
        return {}

    def _lock(self, rows: Sequence[Row]) -> None:
        """Before it is asked who is known, and everybody at once: a form about one of them can then not wait in a ring
        with us. Many people share a lock: those of a long file would take them all, so it is judged without (`run`)."""
        if self.writes and self.whole:
            lock_people(row.said for row in rows if "phone" in row.said)

    def _look_up(self, people: Sequence[Row]) -> None:
        """Who of them is known, and which of their consents opened a registration before this file."""
        found = known_people(row.key for row in people)
        self.known: dict[Hashable, int] = {key: one.pk for key, one in found.items()}
        self.agreements = {
            row: Agreement(row.said["phone"], row.said["notice"].version, row.said["agreed_at"])
            for row in people
            if all(key in row.said for key in CONSENT_KEYS)
        }
        given = receipts_of(self.agreements.values())
        self.receipts = {agreement: receipt.registration_id for agreement, receipt in given.items()}
        self.joined_before = {agreement for agreement, receipt in given.items() if receipt.is_joined}

    def record_of(self, row: Row) -> int | None:
        """By its number, or by the consent that opened it."""
        return row.key[1] if row.key[0] == "number" else self.receipts.get(self.agreements[row])

    def inside(self, row: Row) -> bool:
        return row.place is None or self.scope.holds(row.place)

    def columns_needed(self, row: Row) -> list[Column]:
        return super().columns_needed(row) if row.key[0] != "number" else []

    def settle(self, rows: Sequence[Row]) -> None:
        """What stands already changes nothing; who is known under another consent is told, and joins inside."""
        for row in rows:
            if row.verdict not in ("new", "wrong") or row.key is None:
                continue
            if row.key[0] == "number":
                is_there = row.key[1] in self.numbers
                row.verdict, row.wrong = ("unchanged", []) if is_there else ("wrong", [("number", NO_SUCH)])
            elif row.verdict == "new":
                self._known(row)

    def _known(self, row: Row) -> None:
        agreement = self.agreements[row]
        before = self.receipts.get(agreement)
        known = before or self.known.get(row.key)
        if before in self.mine and agreement not in self.joined_before:
            row.verdict = "unchanged"
        elif before is None and row.said["notice"].is_superseded:
            row.tell("notice", f"{NO_CONSENT}：{OLD_WORDS}")
            row.verdict = "wrong"
        elif before is None and (first := self._agreed_before(row)):
            row.tell("phone", f"手机号和同意凭证与第 {first} 行的相同，请核对是不是同一人")
            row.verdict = "duplicate"
        elif known is not None:
            row.tell("phone", KNOWN_HERE if known in self.mine else KNOWN_ELSEWHERE)
            row.verdict = "duplicate"
            if before is None:
                self.joined.append(row)
                self.judged[row.key] = known
                self.counts["joined"] += 1
        else:
            self.judged[row.key] = None

    def _agreed_before(self, row: Row) -> int | None:
        """The row of the file that carries the same consent."""
        agreement = self.agreements[row]
        given = self.agreed.setdefault(agreement.index, [])
        given.append((agreement.at, row.number))
        return next((number for at, number in given[:-1] if agreement.is_also(at)), None)

    # --- writing -----------------------------------------------------------------------------------------------------

    def in_order(self, new: list[Row]) -> list[Row]:
        """Those who are known join now: they are no rows of their own."""
        joined, self.joined = self.joined, []
        if joined:
            known = Registration.objects.only("phone_index").in_bulk([self.known[row.key] for row in joined])
            self._staged().join([(self._opening(row), known[self.known[row.key]]) for row in joined])
        return new

    def make(self, rows: Sequence[Row]) -> list[int]:
        made = self._staged().open([self._opening(row) for row in rows])
        for one in made:
            self.touch((one.guidance_station_id, one.district_committee_id))
        return [one.pk for one in made]

    def run(self) -> Outcome:
        """Nobody waits for a long file but while its rows are written: who was judged without a lock is looked up again."""
        outcome = super().run()
        if self.staged is not None and self.staged.persons:
            if not self.whole:
                lock_everybody()
                self._refuse_changed()
            self.staged.write(lambda done, total: self.progress(done, total, "正在写入"))
        return outcome

    def _refuse_changed(self) -> None:
        for keys in _pieces(self.judged):
            known = known_people(keys)
            if any((known[key].pk if key in known else None) != self.judged[key] for key in keys):
                raise Cannot(CHANGED_MEANWHILE)
        for indexes in _pieces(self.agreed):
            given = Receipt.objects.filter(agreement_index__in=indexes).values_list("agreement_index", "agreed_at")
            if any(is_same_time(told, at) for index, at in given for told, _ in self.agreed[bytes(index or b"")]):
                raise Cannot(CHANGED_MEANWHILE)

    def _staged(self) -> StagedLeads:
        assert self.staged is not None
        return self.staged

    def _opening(self, row: Row) -> Opening:
        assert self.batch is not None
        agreement = self.agreements[row]
        origin = Origin(
            channel=Registration.Channel.INTAKE,
            confirmation=Registration.Confirmation.REFERENCE,
            guidance_station=self.units_by_id[row.place.guidance_station or row.place.district_committee],
            market_id=row.said.get("market"),
            agreement=agreement,
            reference=f"{row.said['channel']}，批次 {self.batch.pk} 第 {row.number} 行",
        )
        said = {name: row.said[name] for name in ANSWERS if name in row.said}
        answers = Answers(**said, home_unknown="home_branch" not in row.said)
        return Opening(answers, row.said["items"], row.said["notice"], origin, agreement)


def _pieces(keys: Iterable) -> Iterator[list]:
    left = iter(keys)
    while some := list(islice(left, AT_ONCE)):
        yield some


def _of(record: Any) -> Place:
    return Place(record.district_committee_id, record.guidance_station_id, record.district_id, None, "market")


def _offered(user) -> dict[str, list[str]]:
    versions = Notice.objects.in_force().order_by("-published_at").values_list("version", flat=True)
    return {"office": offered_places(user)["office"], "notice": list(versions)}


TARGET = RowTarget(LEADS, PERMISSION, "members.registration.import", LeadReading, _offered)
