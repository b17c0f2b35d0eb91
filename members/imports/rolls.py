"""Files of rolls: people put on the roll of a branch, and plain facts of those who are on it.

A file never moves anybody: who is on a roll elsewhere, known elsewhere without a number, or not counted any more, is
told with one sentence that says no more than 已在他处. Changes are kept under the member's id, what was made under the
affiliation's.
"""

from collections.abc import Hashable, Sequence
from typing import Any

from django.db.models import Q
from django.utils import timezone

from members import identity
from members.models import Affiliation, Member
from members.services.rolls import Entry, members_change, roll_enter
from members.tables import ROLLS
from orgs.imports import Organizations
from orgs.kinds import ROLL_KINDS
from orgs.models import Organization
from tables.importer import Reading, Row, RowTarget
from tables.models import BatchChange
from tables.row_undo import RowUndo
from tables.table import Column

PERMISSION = "members.import_roll"
ELSEWHERE = "已在他处：文件不转移组织关系，请办理组织关系转接"
NO_SUCH = "没有这个档案编号，或不在您的范围内"
OTHER_NUMBER = "与系统里登记的身份号码不同，请在系统里核对"
SAME_PHONE = "手机号与您范围内一位没有身份号码的党员相同，请先在系统里核对是不是同一人"
OTHER_START = "在册起与系统里的不同，文件不改它，请在系统里办理"
ROLL_UNITS = ("guidance_station_id", "district_committee_id", "organization_id")
NO_BRANCH = "「党支部」必须填写"
FACTS = ("id_number", "sex", "joined_on")
BEFORE_JOINING = "早于入党日期，请核对在册起和入党日期"


class RollUndo(RowUndo):
    """Facts return under the member's id; who was put on a roll leaves it, and is forgotten where the file made them."""

    edits = ("members.member.edit", "members.member.end", "members.member.erase", "members.affiliation.start",
             "members.affiliation.end", "members.affiliation.accept")  # fmt: skip

    def put_back(self, records: Sequence[tuple[Any, dict[str, Any]]]) -> None:
        members_change(records)

    def units_of(self, record: Any) -> list[int | None]:
        running = Affiliation.objects.live().formal().filter(member=record).values_list(*ROLL_UNITS)
        return [unit for units in running for unit in units]

    def remove(self, ids: Sequence[int]) -> None:
        entered = list(Affiliation.objects.filter(pk__in=ids).select_related("member"))
        kept = self.stays([one.member_id for one in entered])
        going = [one for one in entered if one.member_id not in kept]
        self.units |= {unit for one in going for name in ROLL_UNITS if (unit := getattr(one, name)) is not None}
        Affiliation.objects.filter(pk__in=[one.pk for one in going]).delete()
        made = [one.member_id for one in going if one.member.entered_at == one.entered_at]
        lasting = self.referred_to(made)
        Member.objects.filter(pk__in=[one for one in made if one not in lasting]).delete()
        self.keep(kept)


class RollReading(Reading):
    model = Member
    keyed_by = "id_number"
    handled = frozenset({"number", "organization", "starts_on"})
    personal = frozenset({"name", "phone", "id_number"})
    at_once = 5_000
    undoing = RollUndo

    def prepare(self) -> None:
        self.organizations = Organizations(self.by, PERMISSION, kind__in=ROLL_KINDS)
        self.parsers["organization"] = self.organizations.find
        self.phones: dict[bytes, Member] = {}
        self.rolls: dict[int, list[Affiliation]] = {}
        self.mine: set[int] = set()  # members that the person sees, for whatever reason
        self.my_rolls: set[int] = set()
        self.joins: dict[Row, Member] = {}

    def key(self, row: Row) -> Hashable:
        if "number" in row.said:
            return ("number", row.said["number"])
        if "id_number" in row.said:
            return ("id_number", identity.id_number_index(row.said["id_number"]))
        if not row.is_wrong("number", "id_number"):
            row.tell("id_number", "「身份号码」必须填写")
        return None

    def key_column(self, row: Row) -> str:
        return "id_number" if "id_number" in row.said else "number"

    def find(self, rows: Sequence[Row]) -> dict[Hashable, Any]:
        numbers = [row.key[1] for row in rows if row.key[0] == "number"]
        indexes = [row.key[1] for row in rows if row.key[0] == "id_number"]
        visible = Member.objects.visible_to(self.by, PERMISSION)
        found: dict[Hashable, Any] = {}
        known = self.locked(Member.objects.filter(Q(pk__in=numbers) | Q(id_number_index__in=indexes)).order_by("pk"))
        for member in known:
            if member.id_number_index is not None:
                found["id_number", bytes(member.id_number_index)] = member
        phones = [identity.phone_index(row.said["phone"]) for row in rows if "phone" in row.said]
        nameless = Member.objects.current().filter(phone_index__in=phones, id_number_index__isnull=True)
        self.phones = {bytes(member.phone_index): member for member in nameless if member.phone_index}
        ids = [member.pk for member in [*known, *self.phones.values()]]
        self.mine = set(visible.filter(pk__in=ids).values_list("pk", flat=True))
        found |= {("number", member.pk): member for member in known if member.pk in self.mine}
        rolls = Affiliation.objects.formal().filter(member__in=ids).select_related("organization", "member")
        self.my_rolls = set(rolls.visible_to(self.by, PERMISSION).values_list("pk", flat=True))
        self.rolls = {}
        for one in rolls:
            self.rolls.setdefault(one.member_id, []).append(one)
        return found

    def columns_needed(self, row: Row) -> list[Column]:
        return super().columns_needed(row) if row.key[0] == "id_number" else []

    def inside(self, row: Row) -> bool:
        return True  # an organization outside the scope was told as one that is not there

    # --- who it is ---------------------------------------------------------------------------------------------------

    def weigh(self, row: Row) -> None:
        self._weigh_roll(row)
        self._facts_agree(row)

    def _facts_agree(self, row: Row) -> None:
        """Judged as the person will stand there; what the file only repeats is not judged again."""
        present = row.record or self.joins.get(row)
        facts = {name: row.said.get(name, getattr(present, name, None)) for name in FACTS}
        says = [name for name in FACTS if name in row.said and facts[name] != getattr(present, name, None)]
        if says and not row.is_wrong("id_number"):
            told = identity.contradicted(facts["id_number"], sex=facts["sex"] or "", joined_on=facts["joined_on"])
            for name, reason in told.items():
                row.tell(name if name in says else "id_number", reason)
        starts_on, joined_on = row.said.get("starts_on"), facts["joined_on"]
        if row.record is None and starts_on and joined_on and starts_on < joined_on:
            row.tell("starts_on", BEFORE_JOINING)

    def _weigh_roll(self, row: Row) -> None:
        member: Member | None = row.record
        if member is None:
            self._stranger(row)
            return
        if self._says_nothing(row, member):
            return
        running = self._running(member)
        if member.ended or member.erased_at or (running is None and not self._is_the_same(row, member)):
            row.tell(self.key_column(row), ELSEWHERE)
        elif running is None:
            self._join(row, member)
        else:
            self._on_the_roll(row, member, running)

    def _says_nothing(self, row: Row, member: Member) -> bool:
        """A list that was taken out and comes in again puts nobody on a roll: it names those who are on none by their
        number, masked, with what stands."""
        said = row.key[0] == "number" and row.said.keys().isdisjoint(("organization", "starts_on"))
        return said and all(getattr(member, name) == value for name, value in row.values.items())

    def _running(self, member: Member) -> Affiliation | None:
        """The roll that the person is on, or is going to be on."""
        today = timezone.localdate()
        return next((one for one in self.rolls.get(member.pk, []) if not one.ends_on or one.ends_on > today), None)

    def _is_the_same(self, row: Row, member: Member) -> bool:
        return row.said.get("name") in (None, member.name)

    def _stranger(self, row: Row) -> None:
        if row.key[0] == "number":
            row.tell("number", NO_SUCH)
        elif "phone" in row.said and (other := self.phones.get(identity.phone_index(row.said["phone"]))):
            row.tell("phone", SAME_PHONE if other.pk in self.mine else ELSEWHERE)
        elif self._branch(row) is None and not row.is_wrong("organization"):
            row.tell("organization", NO_BRANCH)

    def _join(self, row: Row, member: Member) -> None:
        """Known without a roll: verified here or taken in somewhere. The facts that are there stay as they are."""
        starts_on = row.said.get("starts_on") or timezone.localdate()
        if any(one.ends_on and one.ends_on > starts_on for one in self.rolls.get(member.pk, [])):
            row.tell("starts_on", "早于上一段组织关系的结束，请核对")
        if self._branch(row) is None:
            row.tell("organization", NO_BRANCH)
        self.joins[row] = member
        row.record, row.values = None, {}

    def _on_the_roll(self, row: Row, member: Member, running: Affiliation) -> None:
        said: Organization | None = row.said.get("organization")
        if running.pk not in self.my_rolls or (said and said.pk != running.organization_id):
            row.tell(self.key_column(row), ELSEWHERE)
            return
        if row.values.pop("id_number", member.id_number) != member.id_number:
            row.tell("id_number", OTHER_NUMBER)
        if row.said.get("starts_on", running.starts_on) != running.starts_on:
            row.tell("starts_on", OTHER_START)

    def _branch(self, row: Row) -> Organization | None:
        """Whoever keeps one roll need not say which."""
        return row.said.get("organization") or self.organizations.only

    def shown(self, record: Member, column: Column) -> Any:
        return column.of(self._running(record))

    # --- writing -----------------------------------------------------------------------------------------------------

    def make(self, rows: Sequence[Row]) -> list[int]:
        entries = [
            Entry(
                organization=self._branch(row),  # type: ignore[arg-type]  # told as missing otherwise
                facts=row.values,
                member=self.joins.get(row),
                starts_on=row.said.get("starts_on"),
            )
            for row in rows
        ]
        made = roll_enter(entries=entries)
        for one in made:
            self.touch((one.guidance_station_id, one.district_committee_id, one.organization_id))
        return [one.pk for one in made]

    def change(self, rows: Sequence[Row]) -> None:
        members_change([(row.record, row.changed) for row in rows])

    def units_of(self, holder: Member) -> list[int | None]:
        running = self._running(holder)
        if running is None:
            return []
        return [running.guidance_station_id, running.district_committee_id, running.organization_id]


def forget_before_images(members: Sequence[Member], registrations: Sequence[Any]) -> None:
    """With a person goes what a batch kept of them; the batch can still be taken back for everybody else."""
    ids = [member.pk for member in members]
    BatchChange.objects.filter(batch__target=ROLLS.name, record_id__in=ids).delete()


def _offered(user) -> dict[str, list[str]]:
    branches = Organization.objects.visible_to(user, PERMISSION).open().filter(kind__in=ROLL_KINDS).order_by("path")
    return {"organization": list(branches.values_list("name", flat=True))}


TARGET = RowTarget(ROLLS, PERMISSION, "members.roll.import", RollReading, _offered)
